import { BeelineError, asBeelineError } from '../core/errors.ts';
import type { Room, Sink, SinkFactory, SinkPlan, SinkStorage } from '../core/ports.ts';
import { Database } from './database.ts';
import { FolderSink } from './folder.ts';
import { MemorySink } from './memory.ts';
import { OpfsSink } from './opfs.ts';
import { becomesPersistent, persistUnlessAsking } from './persistence.ts';
import { reportDisk } from './report.ts';
import { measureRoom } from './room.ts';
import { hasOpfs, newFileName, removeTransfer, sweepTransfers, zipOf } from './transfers.ts';

/** Opens the sinks of this browser. */
export class DiskSinks implements SinkFactory {
  /** Resolves when what earlier tabs left behind is gone; for tests. */
  readonly swept: Promise<void>;

  /** @param kept names of transfer files that a receipt mentions; the others that no tab holds are deleted. */
  constructor(kept: () => Promise<ReadonlySet<string>>) {
    this.swept = sweep(kept);
  }

  room(): Promise<Room> {
    return measureRoom();
  }

  async open(plan: SinkPlan, place: unknown): Promise<Sink> {
    if (place !== null) {
      if (!isDirectory(place)) throw new BeelineError('internal', 'the place is not a folder');
      return FolderSink.open(plan, place);
    }
    return (await hasOpfs()) ? openOpfs(plan) : new MemorySink(plan);
  }

  reopen(plan: SinkPlan, storage: SinkStorage): Promise<Sink> {
    if (storage.kind === 'opfs') return OpfsSink.reopen(plan, storage.fileName);
    return FolderSink.reopen(plan, storage);
  }

  async forget({ fileName }: SinkStorage): Promise<void> {
    await removeTransfer(fileName);
    await removeTransfer(zipOf(fileName));
  }
}

/**
 * A browser short of room may delete what is not persistent. One that would ask the person about that is asked only where
 * the quota is too small: persistent storage has a larger one in some.
 */
async function openOpfs(plan: SinkPlan): Promise<Sink> {
  try {
    const sink = await OpfsSink.open(plan, newFileName(plan.shareId));
    persistUnlessAsking().catch(reportDisk);
    return sink;
  } catch (thrown) {
    if (asBeelineError(thrown).code !== 'no-room' || !(await becomesPersistent())) throw thrown;
    return OpfsSink.open(plan, newFileName(plan.shareId));
  }
}

/** Milliseconds for which what is verified of a cancelled transfer stays. */
const CANCELLED_MS = 3_600_000;

/** What this browser keeps: the sinks, and the database that knows which of their files are still wanted. */
export async function openStorage(): Promise<{ readonly sinks: DiskSinks; readonly archive: Database }> {
  const archive = await Database.open();
  const kept = async (): Promise<ReadonlySet<string>> => {
    await forgetCancelled(archive);
    return new Set((await archive.receipts()).map(({ storage }) => storage.fileName));
  };
  return { sinks: new DiskSinks(kept), archive };
}

async function forgetCancelled(archive: Database): Promise<void> {
  const before = Date.now() - CANCELLED_MS;
  for (const { role, id, state, updatedAt } of await archive.notes()) {
    if (state === 'cancelled' && updatedAt < before) await archive.forget(role, id);
  }
}

/** What fails to be deleted now is tried again at the next start. */
async function sweep(kept: () => Promise<ReadonlySet<string>>): Promise<void> {
  try {
    await sweepTransfers(await kept());
  } catch {
    return;
  }
}

function isDirectory(place: unknown): place is FileSystemDirectoryHandle {
  return typeof FileSystemDirectoryHandle === 'function' && place instanceof FileSystemDirectoryHandle;
}

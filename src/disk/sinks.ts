import { BeelineError } from '../core/errors.ts';
import type { Room, Sink, SinkFactory, SinkPlan } from '../core/ports.ts';
import { FolderSink } from './folder.ts';
import { MemorySink } from './memory.ts';
import { OpfsSink } from './opfs.ts';
import { makeRoom, measureRoom } from './room.ts';
import { newFileName, sweepTransfers } from './transfers.ts';

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
    const room = await measureRoom();
    if (room.kind === 'memory') return new MemorySink(plan);
    const bytes = plan.entries.reduce((total, entry) => total + entry.size, 0);
    if (!(await makeRoom(room, bytes))) throw new BeelineError('no-room', `${bytes} bytes`);
    return OpfsSink.open(plan, newFileName(plan.shareId));
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

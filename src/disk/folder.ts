import type { Bytes } from '../core/bytes.ts';
import { BeelineError, asBeelineError } from '../core/errors.ts';
import type { PlannedEntry } from '../core/manifest.ts';
import type { Sink, SinkPlan } from '../core/ports.ts';
import { FreeNames } from './free-name.ts';
import { Layout } from './layout.ts';
import { Slots } from './slots.ts';

/**
 * Files opened or closed at once. Each open makes a swap file and each close scans and renames it, mostly waiting:
 * eight keep small files moving, more only keep more of them half done.
 */
const PARALLEL_FILES = 8;

/** A file of the chosen folder while it is being written. */
interface OpenFile {
  readonly stream: FileSystemWritableFileStream;
  /** Removes the file from the folder. */
  readonly remove: () => Promise<void>;
}

/**
 * Writes into a folder the person chose, below it the folders of the share. Existing files are never touched: a taken
 * name gets a number.
 *
 * **Durability** is per entry, not per piece. Chromium collects what is written in a swap file (`name.crswap`) and puts
 * it in place when the stream is closed, in `finish`. So `write` resolves when the stream has taken the bytes, and they
 * do not survive a crash of the page before `finish` has resolved: a resume after a reload starts unfinished entries of
 * this sink at their beginning. The exception is an entry written by one `write`, which closes at once. A crash leaves
 * an empty file under the final name, never a partial one; a failure that the page lives to see leaves none.
 */
export class FolderSink implements Sink {
  readonly kind = 'folder';
  readonly inPlace = true;
  readonly #root: FileSystemDirectoryHandle;
  readonly #layout: Layout;
  readonly #names: FreeNames;
  readonly #slots = new Slots(PARALLEL_FILES);
  readonly #folders = new Map<string, Promise<FileSystemDirectoryHandle>>();
  /** Entries of several pieces, from the first write to `finish`; the credit window bounds their number. */
  readonly #open = new Map<number, Promise<OpenFile>>();
  /** Entries that are in place already. */
  readonly #complete = new Set<number>();

  constructor(plan: SinkPlan, root: FileSystemDirectoryHandle) {
    this.#root = root;
    this.#layout = new Layout(plan.entries);
    this.#names = new FreeNames(plan.entries.map(({ path }) => path));
  }

  /**
   * Asks for the permission to write, if it is not there yet: needs a click of the person.
   *
   * @throws BeelineError `permission-denied`
   */
  static async open(plan: SinkPlan, root: FileSystemDirectoryHandle): Promise<FolderSink> {
    const mode = { mode: 'readwrite' } as const;
    const granted =
      (await root.queryPermission(mode)) === 'granted' || (await root.requestPermission(mode)) === 'granted';
    if (!granted) throw new BeelineError('permission-denied');
    return new FolderSink(plan, root);
  }

  allocate(length: number): Bytes {
    return new Uint8Array(length);
  }

  async write(entry: number, offset: number, bytes: Bytes): Promise<void> {
    this.#layout.position(entry, offset, bytes.length);
    const planned = this.#layout.span(entry).entry;
    try {
      if (bytes.length === planned.size) await this.#writeWhole(planned, bytes);
      else await (await this.#file(planned)).stream.write({ type: 'write', position: offset, data: bytes });
    } catch (thrown) {
      throw folderError(thrown);
    }
  }

  async finish(entry: number): Promise<void> {
    const planned = this.#layout.span(entry).entry;
    try {
      if (planned.size === 0) await this.#writeWhole(planned, null);
      else if (!this.#complete.has(entry)) await this.#commit(planned);
    } catch (thrown) {
      throw folderError(thrown);
    }
  }

  async drop(entry: number): Promise<void> {
    const opening = this.#open.get(entry);
    this.#open.delete(entry);
    const file = await opening?.catch(() => null);
    if (file) await abandon(file);
  }

  /** Everything is in place. */
  save(_entries: readonly number[], _as: 'files' | 'zip'): Promise<void> {
    return Promise.resolve();
  }

  /** Unfinished entries are given up: a swap file cannot be kept. */
  async close(): Promise<void> {
    await Promise.all(Array.from(this.#open.keys(), (entry) => this.drop(entry)));
  }

  discard(): Promise<void> {
    return this.close();
  }

  /** Opens, writes and closes a file in one go. */
  #writeWhole(planned: PlannedEntry, bytes: Bytes | null): Promise<void> {
    return this.#slots.run(async () => {
      if (this.#complete.has(planned.index)) return;
      const file = await this.#create(planned.path);
      try {
        if (bytes !== null) await file.stream.write(bytes);
        await file.stream.close();
        this.#complete.add(planned.index);
      } catch (thrown) {
        await abandon(file);
        throw thrown;
      }
    });
  }

  /** The open file of an entry; created by its first write, whichever piece that is. */
  #file(planned: PlannedEntry): Promise<OpenFile> {
    const open = this.#open.get(planned.index);
    if (open !== undefined) return open;
    const opening = this.#slots.run(() => this.#create(planned.path));
    this.#open.set(planned.index, opening);
    opening.catch(() => this.#open.delete(planned.index));
    return opening;
  }

  async #commit(planned: PlannedEntry): Promise<void> {
    const file = await this.#open.get(planned.index);
    if (file === undefined) throw new BeelineError('internal', 'finish of an entry that was never written');
    this.#open.delete(planned.index);
    try {
      await this.#slots.run(() => file.stream.close());
      this.#complete.add(planned.index);
    } catch (thrown) {
      await abandon(file);
      throw thrown;
    }
  }

  async #create(path: string): Promise<OpenFile> {
    const slash = path.lastIndexOf('/') + 1;
    const folder = await this.#folder(path.slice(0, slash));
    const name = await this.#names.find(folder, path.slice(0, slash), path.slice(slash));
    const handle = await folder.getFileHandle(name, { create: true });
    const remove = (): Promise<void> => folder.removeEntry(name);
    try {
      return { stream: await handle.createWritable(), remove };
    } catch (thrown) {
      await remove();
      throw thrown;
    }
  }

  /** @param path with a `/` at its end, or empty. A file in the way makes the folder take another name. */
  #folder(path: string): Promise<FileSystemDirectoryHandle> {
    if (path === '') return Promise.resolve(this.#root);
    const known = this.#folders.get(path);
    if (known !== undefined) return known;
    const made = this.#makeFolder(path);
    this.#folders.set(path, made);
    made.catch(() => this.#folders.delete(path));
    return made;
  }

  async #makeFolder(path: string): Promise<FileSystemDirectoryHandle> {
    const slash = path.lastIndexOf('/', path.length - 2) + 1;
    const above = await this.#folder(path.slice(0, slash));
    const name = path.slice(slash, -1);
    try {
      return await above.getDirectoryHandle(name, { create: true });
    } catch (thrown) {
      if (!(thrown instanceof DOMException) || thrown.name !== 'TypeMismatchError') throw thrown;
      const free = await this.#names.find(above, path.slice(0, slash), name);
      return above.getDirectoryHandle(free, { create: true });
    }
  }
}

/** Leaves neither swap file nor file. Both may be gone already: the folder may be. */
async function abandon({ stream, remove }: OpenFile): Promise<void> {
  await stream.abort().catch(() => undefined);
  await remove().catch(() => undefined);
}

function folderError(thrown: unknown): BeelineError {
  const name = thrown instanceof DOMException ? thrown.name : '';
  if (name === 'QuotaExceededError') return new BeelineError('no-room', '', { cause: thrown });
  if (name === 'NotAllowedError' || name === 'SecurityError') {
    return new BeelineError('permission-denied', '', { cause: thrown });
  }
  return asBeelineError(thrown, 'disk-failed');
}

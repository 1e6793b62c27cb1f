import type { Bytes } from '../core/bytes.ts';
import { concatBytes, equalBytes } from '../core/bytes.ts';
import { BeelineError, asBeelineError } from '../core/errors.ts';
import type { PlannedEntry } from '../core/manifest.ts';
import { pages } from '../core/have.ts';
import { PIECE_BYTES } from '../core/limits.ts';
import type { Recalled, Sink, SinkPlan, SinkStorage } from '../core/ports.ts';
import { FreeNames, nameOf } from './free-name.ts';
import { Journal } from './journal.ts';
import type { JournalEntry } from './journal.ts';
import { Layout } from './layout.ts';
import { reportDisk } from './report.ts';
import { Slots } from './slots.ts';
import { newFileName, readTransfer, removeTransfer } from './transfers.ts';

/**
 * Files opened or closed at once. Each open makes a swap file and each close scans and renames it, mostly waiting:
 * eight keep small files moving, more only keep more of them half done.
 */
const PARALLEL_FILES = 8;

/** A file of the chosen folder while it is being written. */
interface OpenFile {
  readonly stream: FileSystemWritableFileStream;
  /** The number its name has. */
  readonly number: number;
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
 * this sink at their beginning; a {@link Journal} tells which are finished. The exception is an entry written by one `write`, which closes at once. A crash leaves
 * an empty file under the final name, never a partial one; a failure that the page lives to see leaves none.
 */
export class FolderSink implements Sink {
  readonly kind = 'folder';
  readonly inPlace = true;
  readonly storage: SinkStorage | null;
  readonly #journal: Journal | null;
  readonly #root: FileSystemDirectoryHandle;
  readonly #layout: Layout;
  readonly #names: FreeNames;
  readonly #slots = new Slots(PARALLEL_FILES);
  readonly #folders = new Map<string, Promise<FileSystemDirectoryHandle>>();
  /** Entries of several pieces, from the first write to `finish`; the credit window bounds their number. */
  readonly #open = new Map<number, Promise<OpenFile>>();
  /** Entries that are in place already. */
  readonly #complete = new Set<number>();
  /** Entries given up. */
  readonly #dropped = new Set<number>();
  #ended = false;
  /** Hashes of the pieces of open entries, by their offset. */
  readonly #hashes = new Map<number, Map<number, Bytes>>();

  /** @param journal null where there is no room for it: then a later page finds nothing. */
  constructor(plan: SinkPlan, root: FileSystemDirectoryHandle, journal: Journal | null = null) {
    this.#journal = journal;
    this.storage = journal === null ? null : { kind: 'folder', folder: root, fileName: journal.fileName };
    this.#root = root;
    this.#layout = new Layout(plan.entries);
    this.#names = new FreeNames(plan.entries.map(({ path }) => path));
  }

  /**
   * Asks for the permission to write, if it is not there yet: needs a click of the person. A folder may have the room that
   * the browser's own storage lacks, so one whose journal cannot be kept is as good, as long as the page lives.
   *
   * @throws BeelineError `permission-denied`
   */
  static async open(plan: SinkPlan, root: FileSystemDirectoryHandle): Promise<FolderSink> {
    await allowed(root);
    const journal = await Journal.open(newFileName(plan.shareId), plan.entries).catch((error: unknown) => {
      reportDisk(error);
      return null;
    });
    return new FolderSink(plan, root, journal);
  }

  /**
   * Goes on in a folder that an earlier page wrote to.
   *
   * @throws BeelineError `gone` for a journal that is lost, `open-elsewhere` while another tab has it, `disk-failed` or
   * `permission-denied`.
   */
  static async reopen(plan: SinkPlan, { folder, fileName }: SinkStorage & { kind: 'folder' }): Promise<FolderSink> {
    if (!(folder instanceof FileSystemDirectoryHandle)) throw new BeelineError('gone', 'no folder');
    await readTransfer(fileName).catch(() => {
      throw new BeelineError('gone', 'no journal');
    });
    await allowed(folder);
    return new FolderSink(plan, folder, await Journal.open(fileName, plan.entries));
  }

  allocate(length: number): Bytes {
    return new Uint8Array(length);
  }

  async write(entry: number, offset: number, bytes: Bytes, hash: Bytes): Promise<void> {
    this.#layout.position(entry, offset, bytes.length);
    const planned = this.#layout.span(entry).entry;
    const hashes = this.#hashes.get(entry) ?? new Map<number, Bytes>();
    this.#hashes.set(entry, hashes.set(offset, hash));
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
    this.#dropped.add(entry);
    const opening = this.#open.get(entry);
    this.#open.delete(entry);
    this.#hashes.delete(entry);
    const file = await opening?.catch(() => null);
    if (file) await abandon(file);
  }

  async *recall(): AsyncGenerator<Recalled, void, undefined> {
    const finished = (await this.#journal?.read()) ?? new Map<number, JournalEntry>();
    for (const step of pages(this.#layout.entries(), PARALLEL_FILES)) {
      const here = await Promise.all(step.map((entry) => this.#isIntact(entry, finished.get(entry))));
      if (this.#ended) return;
      const intact = step.filter((_, at) => here[at]);
      for (const entry of step) if (finished.has(entry)) this.#complete.delete(entry);
      for (const entry of intact) this.#complete.add(entry);
      yield {
        bytes: step.reduce((total, entry) => total + this.#layout.span(entry).entry.size, 0),
        intact: intact.flatMap((entry) => Array.from(this.#layout.pieces(entry), ({ offset }) => ({ entry, offset }))),
      };
    }
  }

  /** A file that somebody changed since is theirs now: the entry comes again, under another name. */
  async #isIntact(entry: number, known: JournalEntry | undefined): Promise<boolean> {
    if (known === undefined) return false;
    const { path, size } = this.#layout.span(entry).entry;
    try {
      const file = await this.#find(path, known.number);
      if (file.size !== size) return false;
      for (const [piece, hash] of known.hashes.entries()) {
        if (this.#ended) return false;
        const bytes = await file.slice(piece * PIECE_BYTES, (piece + 1) * PIECE_BYTES).arrayBuffer();
        if (!equalBytes(new Uint8Array(await crypto.subtle.digest('SHA-256', bytes)), hash)) return false;
      }
      return true;
    } catch {
      return false;
    }
  }

  async #find(path: string, number: number): Promise<File> {
    const parts = path.split('/');
    let folder = this.#root;
    for (const part of parts.slice(0, -1)) folder = await folder.getDirectoryHandle(part);
    return (await folder.getFileHandle(nameOf(parts.at(-1) ?? '', number))).getFile();
  }

  /** Everything is in place. */
  save(_entries: readonly number[], _as: 'files' | 'zip'): Promise<void> {
    return Promise.resolve();
  }

  /** Unfinished entries are given up: a swap file cannot be kept. */
  async close(): Promise<void> {
    this.#ended = true;
    await Promise.all(Array.from(this.#open.keys(), (entry) => this.drop(entry)));
    await this.#journal?.close();
  }

  async discard(): Promise<void> {
    await this.close().catch(() => undefined);
    if (this.#journal !== null) await removeTransfer(this.#journal.fileName);
  }

  /** Opens, writes and closes a file in one go. */
  async #writeWhole(planned: PlannedEntry, bytes: Bytes | null): Promise<void> {
    if (this.#complete.has(planned.index)) return;
    const { number } = await this.#slots.run(async () => {
      const file = await this.#create(planned.path);
      try {
        if (bytes !== null) await file.stream.write(bytes);
        await file.stream.close();
        if (this.#dropped.has(planned.index)) throw new BeelineError('internal', 'dropped while it was written');
        return file;
      } catch (thrown) {
        await abandon(file);
        throw thrown;
      }
    });
    await this.#note(planned.index, number);
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
    } catch (thrown) {
      await abandon(file);
      throw thrown;
    }
    await this.#note(planned.index, file.number);
  }

  /** An entry is in place. If the journal cannot take that, a later page fetches the entry again, and no more is lost. */
  async #note(entry: number, number: number): Promise<void> {
    this.#complete.add(entry);
    const hashes = [...(this.#hashes.get(entry) ?? [])].sort(([a], [b]) => a - b);
    this.#hashes.delete(entry);
    await this.#journal?.finished(entry, number, concatBytes(...hashes.map(([, hash]) => hash))).catch(reportDisk);
  }

  async #create(path: string): Promise<OpenFile> {
    const slash = path.lastIndexOf('/') + 1;
    const folder = await this.#folder(path.slice(0, slash));
    const { name, number } = await this.#names.find(folder, path.slice(0, slash), path.slice(slash));
    const handle = await folder.getFileHandle(name, { create: true });
    const remove = (): Promise<void> => folder.removeEntry(name);
    try {
      return { stream: await handle.createWritable(), number, remove };
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
      return above.getDirectoryHandle(free.name, { create: true });
    }
  }
}

/** @throws BeelineError `permission-denied` */
async function allowed(root: FileSystemDirectoryHandle): Promise<void> {
  const mode = { mode: 'readwrite' } as const;
  const granted =
    (await root.queryPermission(mode)) === 'granted' ||
    (await root.requestPermission(mode).catch(() => 'denied')) === 'granted';
  if (!granted) throw new BeelineError('permission-denied');
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

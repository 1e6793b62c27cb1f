import type { Bytes } from '../core/bytes.ts';
import { MIB, equalBytes } from '../core/bytes.ts';
import { BeelineError } from '../core/errors.ts';
import { HASH_BYTES } from '../core/frame.ts';
import type { ErrorCode } from '../core/errors.ts';
import { TRANSFERS_FOLDER } from '../core/opfs-messages.ts';
import type { OpfsPiece, OpfsWrite } from '../core/opfs-messages.ts';

/** Pieces looked at at a time: one is read while the one before is hashed. More gain nothing: a page hashes one by one. */
const RECALL_HANDS = 2;

/**
 * Bytes behind a file's content that are given back when the disk is full. A write that the disk cuts short has taken its
 * last byte, and Chromium deletes all that a site keeps when one of its databases then finds no room (measured with
 * Chromium 156: a failed opening of an IndexedDB does). Its databases' next pages are some KiB each.
 */
export const RESERVE_BYTES = MIB;

/** The part of a sync access handle that writing needs. */
export type WritableHandle = Pick<FileSystemSyncAccessHandle, 'write' | 'flush'>;

/** The part that recalling needs. */
export type ReadableHandle = Pick<FileSystemSyncAccessHandle, 'read'>;

/**
 * One file of the transfers folder and its exclusive handle.
 * All methods throw a BeelineError: `no-room` when the quota or the disk is full, else `disk-failed`.
 */
export class OpfsFile {
  readonly #file: FileSystemFileHandle;
  readonly #size: number;
  #handle: FileSystemSyncAccessHandle | null = null;
  #hasReserve = false;

  private constructor(file: FileSystemFileHandle, size: number) {
    this.#file = file;
    this.#size = size;
  }

  /** Opens or creates a file. A file that is shorter grows to `size` bytes and the reserve; a longer one stays. */
  static async open(name: string, size: number): Promise<OpfsFile> {
    try {
      const root = await navigator.storage.getDirectory();
      const folder = await root.getDirectoryHandle(TRANSFERS_FOLDER, { create: true });
      const opened = new OpfsFile(await folder.getFileHandle(name, { create: true }), size);
      const handle = await opened.#access();
      if (handle.getSize() < size) handle.truncate(size + RESERVE_BYTES);
      return opened;
    } catch (thrown) {
      throw diskError(thrown);
    }
  }

  /** Resolves when all writes are durable. */
  async commit(writes: readonly OpfsWrite[]): Promise<void> {
    try {
      const handle = this.#handle ?? (await this.#access());
      if (!this.#hasReserve) this.#takeReserve(handle);
      writeAndFlush(handle, writes);
    } catch (thrown) {
      const error = diskError(thrown);
      if (error.code === 'no-room') this.#giveReserve();
      throw error;
    }
  }

  /** Which of these pieces are what their hashes say. */
  async recall(pieces: readonly OpfsPiece[]): Promise<boolean[]> {
    try {
      return await recall(this.#handle ?? (await this.#access()), pieces);
    } catch (thrown) {
      throw diskError(thrown);
    }
  }

  /** Lets go of the handle and the reserve; the next commit takes them again. */
  rest(): void {
    if (this.#hasReserve) this.#giveReserve();
    this.#handle?.close();
    this.#handle = null;
  }

  /** A block that no disk stores as a hole. */
  #takeReserve(handle: WritableHandle): void {
    writeWhole(handle, { position: this.#size, bytes: new Uint8Array(RESERVE_BYTES).fill(1) });
    this.#hasReserve = true;
  }

  #giveReserve(): void {
    this.#handle?.truncate(this.#size);
    this.#hasReserve = false;
  }

  async #access(): Promise<FileSystemSyncAccessHandle> {
    this.#handle ??= await this.#file.createSyncAccessHandle();
    return this.#handle;
  }
}

/**
 * Writes everything at its place, then flushes once: one flush for many writes is what makes small files fast.
 *
 * @throws BeelineError `no-room` when the disk takes only a part: a full disk ends a write early.
 */
export function writeAndFlush(handle: WritableHandle, writes: readonly OpfsWrite[]): void {
  for (const write of writes) writeWhole(handle, write);
  handle.flush();
}

/**
 * Chromium cuts the write short that meets the end of the disk, and throws a `QuotaExceededError` for those after it; at
 * the end of the quota it says that more was written than was asked for.
 */
function writeWhole(handle: WritableHandle, { position, bytes }: OpfsWrite): void {
  const written = handle.write(bytes, { at: position });
  if (written !== bytes.length) throw new BeelineError('no-room', `${written} of ${bytes.length} bytes written`);
}

/**
 * Which of these pieces are what their hashes say. What the file lacks is not intact.
 *
 * Each hand has one buffer for all its pieces: with a new one for each, recalling takes half as long again (measured by
 * `npm run bench -- recall`), for a browser gets new memory from the system page by page.
 */
export async function recall(handle: ReadableHandle, pieces: readonly OpfsPiece[]): Promise<boolean[]> {
  const intact: boolean[] = [];
  const largest = Math.max(0, ...pieces.map(({ length }) => length));
  const left = pieces.entries();
  const lookOn = async (): Promise<void> => {
    const buffer = new Uint8Array(largest);
    for (const [at, piece] of left) intact[at] = await isIntact(handle, piece, buffer.subarray(0, piece.length));
  };
  await Promise.all(Array.from({ length: RECALL_HANDS }, lookOn));
  return intact;
}

/** A hash of zeros is none: nothing was written there. */
async function isIntact(handle: ReadableHandle, piece: OpfsPiece, bytes: Bytes): Promise<boolean> {
  const hash = new Uint8Array(HASH_BYTES);
  if (handle.read(hash, { at: piece.hashPosition }) !== HASH_BYTES || hash.every((byte) => byte === 0)) return false;
  if (handle.read(bytes, { at: piece.position }) !== bytes.length) return false;
  return equalBytes(new Uint8Array(await crypto.subtle.digest('SHA-256', bytes)), hash);
}

/** Gives what the file system threw a code. */
export function diskError(thrown: unknown): BeelineError {
  if (thrown instanceof BeelineError) return thrown;
  const name = thrown instanceof Error ? thrown.name : '';
  const code: ErrorCode = name === 'QuotaExceededError' ? 'no-room' : 'disk-failed';
  return new BeelineError(code, thrown instanceof Error ? `${name}: ${thrown.message}` : String(thrown), {
    cause: thrown,
  });
}

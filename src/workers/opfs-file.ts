import type { Bytes } from '../core/bytes.ts';
import { equalBytes } from '../core/bytes.ts';
import { BeelineError } from '../core/errors.ts';
import { HASH_BYTES } from '../core/frame.ts';
import type { ErrorCode } from '../core/errors.ts';
import { TRANSFERS_FOLDER } from '../core/opfs-messages.ts';
import type { OpfsPiece, OpfsWrite } from '../core/opfs-messages.ts';

/** Pieces looked at at a time: one is read while the one before is hashed. More gain nothing: a page hashes one by one. */
const RECALL_HANDS = 2;

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
  #handle: FileSystemSyncAccessHandle | null = null;

  private constructor(file: FileSystemFileHandle) {
    this.#file = file;
  }

  /** Opens or creates a file. A file that is shorter grows to `size` bytes; a longer one stays. */
  static async open(name: string, size: number): Promise<OpfsFile> {
    try {
      const root = await navigator.storage.getDirectory();
      const folder = await root.getDirectoryHandle(TRANSFERS_FOLDER, { create: true });
      const opened = new OpfsFile(await folder.getFileHandle(name, { create: true }));
      const handle = await opened.#access();
      if (handle.getSize() < size) handle.truncate(size);
      return opened;
    } catch (thrown) {
      throw diskError(thrown);
    }
  }

  /** Resolves when all writes are durable. */
  async commit(writes: readonly OpfsWrite[]): Promise<void> {
    try {
      writeAndFlush(this.#handle ?? (await this.#access()), writes);
    } catch (thrown) {
      throw diskError(thrown);
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

  /** Lets go of the handle; the next commit takes it again. */
  rest(): void {
    this.#handle?.close();
    this.#handle = null;
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
  for (const { position, bytes } of writes) {
    const written = handle.write(bytes, { at: position });
    if (written !== bytes.length) throw new BeelineError('no-room', `${written} of ${bytes.length} bytes written`);
  }
  handle.flush();
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

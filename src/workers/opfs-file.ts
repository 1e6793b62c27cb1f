import { equalBytes } from '../core/bytes.ts';
import { BeelineError } from '../core/errors.ts';
import { HASH_BYTES } from '../core/frame.ts';
import type { ErrorCode } from '../core/errors.ts';
import { TRANSFERS_FOLDER } from '../core/opfs-messages.ts';
import type { OpfsPiece, OpfsWrite } from '../core/opfs-messages.ts';

/** Pieces hashed at a time: one is read while the one before is hashed. */
const RECALL_PARALLEL = 3;

/** The part of a sync access handle that writing needs. */
export type WritableHandle = Pick<FileSystemSyncAccessHandle, 'write' | 'flush'>;

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

/** One piece after the other, so that few of them are in memory. A hash of zeros is none: nothing was written there. */
export async function recall(
  handle: Pick<FileSystemSyncAccessHandle, 'read'>,
  pieces: readonly OpfsPiece[],
): Promise<boolean[]> {
  const intact: boolean[] = [];
  const isIntact = async ({ position, length, hashPosition }: OpfsPiece): Promise<boolean> => {
    const hash = new Uint8Array(HASH_BYTES);
    if (handle.read(hash, { at: hashPosition }) !== HASH_BYTES || hash.every((byte) => byte === 0)) return false;
    const bytes = new Uint8Array(length);
    if (handle.read(bytes, { at: position }) !== length) return false;
    return equalBytes(new Uint8Array(await crypto.subtle.digest('SHA-256', bytes)), hash);
  };
  let next = 0;
  const lookOn = async (): Promise<void> => {
    while (next < pieces.length) {
      const at = next++;
      const piece = pieces[at];
      if (piece !== undefined) intact[at] = await isIntact(piece);
    }
  };
  await Promise.all(Array.from({ length: RECALL_PARALLEL }, lookOn));
  return intact;
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

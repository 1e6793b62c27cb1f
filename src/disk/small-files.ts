import type { Bytes } from '../core/bytes.ts';
import { KIB } from '../core/bytes.ts';
import { BeelineError } from '../core/errors.ts';

/** Bytes up to which a file is read together with others. */
export const SMALL_FILE_BYTES = 16 * KIB;

/** Files read together: a browser reads those of one Blob in turn, so a few such Blobs at a time are faster than one. */
const MAX_TOGETHER = 32;

interface Asked {
  readonly file: File;
  readonly length: number;
  readonly resolve: (bytes: Bytes) => void;
  readonly reject: (reason: unknown) => void;
}

/**
 * Reads whole small files. Those asked for in one tick are read as one Blob: each read is a pipe and several messages to
 * the browser process, whatever its size, which for 10,000 files of 4 KiB is a third of what sending them costs
 * (`npm run bench -- small`).
 */
export class SmallFiles {
  #asked: Asked[] = [];

  /**
   * @param length the file's size.
   * @returns its bytes, which may lie in one buffer with those of others. Rejects with what the browser threw, or
   * `source-changed`.
   */
  read(file: File, length: number): Promise<Bytes> {
    return new Promise((resolve, reject) => {
      this.#asked.push({ file, length, resolve, reject });
      if (this.#asked.length === 1) queueMicrotask(() => void this.#readAsked());
      if (this.#asked.length === MAX_TOGETHER) void this.#readAsked();
    });
  }

  async #readAsked(): Promise<void> {
    const asked = this.#asked;
    this.#asked = [];
    if (asked.length === 0) return;
    try {
      const all = await readWhole(new Blob(asked.map(({ file }) => file)), lengthOf(asked));
      let from = 0;
      for (const { length, resolve } of asked) resolve(all.subarray(from, (from += length)));
    } catch {
      // One of them is not as it was: each by itself tells which, and why.
      for (const { file, length, resolve, reject } of asked) readWhole(file, length).then(resolve, reject);
    }
  }
}

function lengthOf(asked: readonly Asked[]): number {
  return asked.reduce((total, { length }) => total + length, 0);
}

/**
 * Reads a Blob of `length` bytes. A slice is a Blob of its own that the browser process must learn of: for a small file that
 * doubles the cost.
 */
export async function readWhole(blob: Blob, length: number): Promise<Bytes> {
  const bytes = new Uint8Array(await blob.arrayBuffer());
  // Firefox reads what is there now, and a file cut short gives less.
  if (bytes.length !== length) throw new BeelineError('source-changed', `${bytes.length} of ${length} bytes`);
  return bytes;
}

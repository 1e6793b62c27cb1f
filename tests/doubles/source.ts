import type { Bytes } from '../../src/core/bytes.ts';
import { BeelineError } from '../../src/core/errors.ts';
import type { ErrorCode } from '../../src/core/errors.ts';
import type { Entry } from '../../src/core/manifest.ts';
import type { Allocate, Source } from '../../src/core/ports.ts';
import { seededBytes } from './random.ts';

/** A source that holds its entries in memory. */
export class MemorySource implements Source {
  /** What `read` of an entry fails with, while set. */
  readonly faults = new Map<number, ErrorCode>();
  /** Each call of `read`, in order. */
  readonly reads: { readonly entry: number; readonly offset: number; readonly length: number }[] = [];
  /** Awaited by each `read` before it answers, while set: a slow disk. */
  slow: (() => Promise<void>) | null = null;
  readonly #contents: readonly Bytes[];

  constructor(contents: readonly Bytes[]) {
    this.#contents = contents;
  }

  /** Entries of these sizes in bytes, the same bytes for the same seed. */
  static random(sizes: readonly number[], seed = 1): MemorySource {
    return new MemorySource(sizes.map((size, entry) => seededBytes(size, Math.imul(seed, 0x9e3779b1) + entry)));
  }

  /** Entries for a manifest: `file-0.bin`, `file-1.bin` and so on, unless paths are given. */
  entries(paths: readonly string[] = []): Entry[] {
    return this.#contents.map((bytes, entry) => ({
      path: paths[entry] ?? `file-${entry}.bin`,
      size: bytes.length,
      mtime: 1_700_000_000_000 + entry,
      type: 'application/octet-stream',
    }));
  }

  /** @throws RangeError for an entry that does not exist. */
  bytes(entry: number): Bytes {
    const bytes = this.#contents[entry];
    if (bytes === undefined) throw new RangeError(`entry ${entry}`);
    return bytes;
  }

  /** Takes a buffer over for good, as reading into one does in a browser. */
  async read(entry: number, offset: number, length: number, allocate?: Allocate): Promise<Bytes> {
    const { buffer } = allocate?.(length) ?? new Uint8Array(length);
    this.reads.push({ entry, offset, length });
    await this.slow?.();
    const fault = this.faults.get(entry);
    if (fault !== undefined) throw new BeelineError(fault);
    const bytes = this.bytes(entry).subarray(offset, offset + length);
    if (bytes.length !== length) throw new BeelineError('source-changed');
    const filled = new Uint8Array(structuredClone(buffer, { transfer: [buffer] }));
    filled.set(bytes);
    return filled;
  }
}

import { MIB } from '../core/bytes.ts';
import type { Bytes } from '../core/bytes.ts';
import { BeelineError } from '../core/errors.ts';
import type { Recalled, Sink, SinkPlan } from '../core/ports.ts';
import { Layout } from './layout.ts';
import { Saver } from './save.ts';
import { ZIP_TYPE } from './zip.ts';

/** Bytes the memory sink takes: a phone's tab is killed somewhere above 300 MiB. */
export const MEMORY_CAP = 256 * MIB;

/**
 * The last resort, where a browser gives a page no storage: holds everything in memory. Durable means no more here than
 * that the page has it; a reload loses all.
 */
export class MemorySink implements Sink {
  readonly kind = 'memory';
  readonly inPlace = false;
  readonly storage = null;
  readonly #layout: Layout;
  /** Pieces of unfinished entries by their offset. */
  readonly #pieces = new Map<number, Map<number, Bytes>>();
  /** Finished entries; the browser may move a Blob out of this process. */
  readonly #finished = new Map<number, Blob>();
  readonly #saver = new Saver(collect);

  /** @throws BeelineError `memory-only` for a plan over {@link MEMORY_CAP}. */
  constructor(plan: SinkPlan) {
    this.#layout = new Layout(plan.entries);
    if (this.#layout.totalBytes > MEMORY_CAP) throw new BeelineError('memory-only', `${this.#layout.totalBytes} bytes`);
  }

  allocate(length: number): Bytes {
    return new Uint8Array(length);
  }

  write(entry: number, offset: number, bytes: Bytes, _hash: Bytes): Promise<void> {
    return new Promise((resolve) => {
      this.#layout.position(entry, offset, bytes.length);
      const pieces = this.#pieces.get(entry) ?? new Map<number, Bytes>();
      this.#pieces.set(entry, pieces.set(offset, bytes));
      resolve();
    });
  }

  finish(entry: number): Promise<void> {
    return new Promise((resolve) => {
      const { type } = this.#layout.span(entry).entry;
      const pieces = [...(this.#pieces.get(entry) ?? [])].sort(([a], [b]) => a - b);
      const parts = pieces.map(([, bytes]) => bytes);
      this.#finished.set(entry, new Blob(parts, { type }));
      this.#pieces.delete(entry);
      resolve();
    });
  }

  drop(entry: number): Promise<void> {
    this.#pieces.delete(entry);
    this.#finished.delete(entry);
    return Promise.resolve();
  }

  /** No page but this one ever had anything of it. */
  async *recall(): AsyncGenerator<Recalled, void, undefined> {}

  async save(entries: readonly number[], as: 'files' | 'zip'): Promise<void> {
    const files = entries.map((entry) => {
      const { path, mtime } = this.#layout.span(entry).entry;
      const blob = this.#finished.get(entry);
      if (blob === undefined) throw new BeelineError('internal', `save of unfinished entry ${entry}`);
      return { path, mtime, blob };
    });
    await this.#saver.save(files, as);
  }

  close(): Promise<void> {
    this.#saver.close();
    return Promise.resolve();
  }

  discard(): Promise<void> {
    this.#pieces.clear();
    this.#finished.clear();
    return this.close();
  }
}

/** A zip in memory too: twice the cap at most, for a moment. */
async function collect(chunks: AsyncGenerator<Bytes, void>): Promise<Blob> {
  const parts: Bytes[] = [];
  for await (const bytes of chunks) parts.push(bytes);
  return new Blob(parts, { type: ZIP_TYPE });
}

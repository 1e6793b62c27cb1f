import { HASH_BYTES } from '../core/frame.ts';
import { PIECE_BYTES } from '../core/limits.ts';
import type { Bytes } from '../core/bytes.ts';
import type { PlannedEntry } from '../core/manifest.ts';
import type { WriterWorker } from './opfs-worker.ts';
import { hold, readTransfer } from './transfers.ts';
import { OpfsWriter } from './writer.ts';

/** Numbers a name may have: a byte, of which 0 says that the entry is not finished. */
const MAX_NUMBER = 255;

/** A finished entry: the number its name got, and its pieces' hashes. */
export interface JournalEntry {
  /** 1 for the name itself, 2 for `name (2)`. */
  readonly number: number;
  readonly hashes: readonly Bytes[];
}

/**
 * What a transfer has put into a folder the person chose, so that a later page can find and check it: a file of the origin
 * private file system with one byte per entry and the hashes of all pieces.
 *
 * ```
 *   | number of entry a | of entry b | ... | hash of a's first piece | ... |
 * ```
 */
export class Journal {
  readonly #places = new Map<number, { readonly at: number; readonly hashesAt: number; readonly pieces: number }>();

  private constructor(
    readonly fileName: string,
    private readonly writer: OpfsWriter,
    private readonly letGo: () => void,
    entries: readonly PlannedEntry[],
  ) {
    let hashesAt = entries.length;
    for (const [at, { index, size }] of entries.entries()) {
      const pieces = Math.ceil(size / PIECE_BYTES);
      this.#places.set(index, { at, hashesAt, pieces });
      hashesAt += pieces * HASH_BYTES;
    }
  }

  /**
   * Opens or creates a journal.
   *
   * @param fileName in the transfers folder.
   * @throws BeelineError `no-room`, `disk-failed`, or `open-elsewhere` while another tab has it.
   */
  static async open(fileName: string, entries: readonly PlannedEntry[], worker?: WriterWorker): Promise<Journal> {
    const pieces = entries.reduce((total, { size }) => total + Math.ceil(size / PIECE_BYTES), 0);
    const letGo = await hold(fileName);
    try {
      const writer = await OpfsWriter.open(fileName, entries.length + pieces * HASH_BYTES, worker);
      return new Journal(fileName, writer, letGo, entries);
    } catch (thrown) {
      letGo();
      throw thrown;
    }
  }

  /** An entry is in place. A name with a number too high to be kept is forgotten: the entry would be fetched again. */
  async finished(entry: number, number: number, hashes: Bytes): Promise<void> {
    const place = this.#places.get(entry);
    if (place === undefined || number > MAX_NUMBER) return;
    const mark = { position: place.at, bytes: new Uint8Array([number]) };
    if (hashes.length === 0) await this.writer.write(mark);
    else await this.writer.write({ position: place.hashesAt, bytes: hashes }, mark);
  }

  /** What has been finished, by entry. */
  async read(): Promise<Map<number, JournalEntry>> {
    await this.writer.rest();
    const bytes = new Uint8Array(await (await readTransfer(this.fileName)).arrayBuffer());
    const finished = new Map<number, JournalEntry>();
    for (const [entry, { at, hashesAt, pieces }] of this.#places) {
      const number = bytes[at] ?? 0;
      if (number === 0) continue;
      const hashes = Array.from({ length: pieces }, (_, piece) => {
        const from = hashesAt + piece * HASH_BYTES;
        return bytes.slice(from, from + HASH_BYTES);
      });
      finished.set(entry, { number, hashes });
    }
    return finished;
  }

  async close(): Promise<void> {
    try {
      await this.writer.close();
    } finally {
      this.letGo();
    }
  }
}

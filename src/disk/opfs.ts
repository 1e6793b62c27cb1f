import type { Bytes } from '../core/bytes.ts';
import { BeelineError } from '../core/errors.ts';
import type { Recalled, Sink, SinkPlan, SinkStorage } from '../core/ports.ts';
import { pages } from '../core/have.ts';
import { Layout } from './layout.ts';
import { Saver } from './save.ts';
import { hold, readTransfer, removeTransfer, zipOf } from './transfers.ts';
import { OpfsWriter } from './writer.ts';
import { ZIP_TYPE } from './zip.ts';
import type { Savable } from './zip.ts';

/** Pieces hashed before progress is told. */
const RECALL_PIECES = 32;

/**
 * The default sink: one file of the origin private file system per transfer, written in place by a worker. What has
 * been written survives a reload, and is found again under `fileName`; see {@link Layout} for where.
 */
export class OpfsSink implements Sink {
  readonly kind = 'opfs';
  readonly inPlace = false;
  /** Name of the file in the transfers folder. */
  readonly fileName: string;
  readonly storage: SinkStorage;
  readonly #layout: Layout;
  readonly #writer: OpfsWriter;
  readonly #saver: Saver;
  readonly #letGo: () => void;
  /** The zip of a save that could not be streamed; held like the file it is made of. */
  readonly #zipName: string;
  #ended = false;

  private constructor(fileName: string, layout: Layout, writer: OpfsWriter, letGo: () => void) {
    this.fileName = fileName;
    this.storage = { kind: 'opfs', fileName };
    this.#zipName = zipOf(fileName);
    this.#layout = layout;
    this.#writer = writer;
    this.#letGo = letGo;
    this.#saver = new Saver((chunks, size) => this.#spillZip(chunks, size));
  }

  /**
   * Opens the file that an earlier page has left.
   *
   * @throws BeelineError `gone` when it is not there, or shorter than the plan; else as {@link open}.
   */
  static async reopen(plan: SinkPlan, fileName: string): Promise<OpfsSink> {
    const { size } = await readTransfer(fileName).catch(() => ({ size: -1 }));
    if (size < new Layout(plan.entries).fileBytes) throw new BeelineError('gone', `${size} bytes`);
    return OpfsSink.open(plan, fileName);
  }

  /**
   * Opens the file of a transfer, or creates it and reserves its room.
   *
   * @param fileName in the transfers folder; what is in it already stays.
   * @throws BeelineError `no-room`, `disk-failed`, or `open-elsewhere` while another tab has the file.
   */
  static async open(plan: SinkPlan, fileName: string): Promise<OpfsSink> {
    const layout = new Layout(plan.entries);
    const letGo = await hold(fileName);
    try {
      return new OpfsSink(fileName, layout, await OpfsWriter.open(fileName, layout.fileBytes), letGo);
    } catch (thrown) {
      letGo();
      throw thrown;
    }
  }

  allocate(length: number): Bytes {
    return this.#writer.allocate(length);
  }

  async write(entry: number, offset: number, bytes: Bytes, hash: Bytes): Promise<void> {
    const position = this.#layout.position(entry, offset, bytes.length);
    const { hashPosition } = this.#layout.piece(entry, offset);
    await this.#writer.write({ position, bytes }, { position: hashPosition, bytes: hash });
  }

  async *recall(): AsyncGenerator<Recalled, void, undefined> {
    for (const step of pages(this.#layout.allPieces(), RECALL_PIECES)) {
      if (this.#ended) return;
      const intact = await this.#writer.recall(step);
      yield {
        bytes: step.reduce((total, { length }) => total + length, 0),
        intact: step.filter((_, at) => intact[at]).map(({ entry, offset }) => ({ entry, offset })),
      };
    }
  }

  /** Name and date are given when the entry is saved. */
  finish(_entry: number): Promise<void> {
    return Promise.resolve();
  }

  /** Its room is freed with the file. */
  drop(_entry: number): Promise<void> {
    return Promise.resolve();
  }

  async save(entries: readonly number[], as: 'files' | 'zip'): Promise<void> {
    await this.#writer.rest();
    const file = await readTransfer(this.fileName);
    await this.#saver.save(
      entries.map((entry) => this.#savable(entry, file)),
      as,
    );
  }

  async close(): Promise<void> {
    if (this.#ended) return;
    this.#ended = true;
    try {
      await this.#writer.close();
    } finally {
      this.#saver.close();
      this.#letGo();
    }
  }

  async discard(): Promise<void> {
    await this.close().catch(() => undefined);
    await removeTransfer(this.fileName);
    await removeTransfer(this.#zipName);
  }

  #savable(entry: number, file: File): Savable {
    const { start, entry: planned } = this.#layout.span(entry);
    return { path: planned.path, mtime: planned.mtime, blob: file.slice(start, start + planned.size, planned.type) };
  }

  /** Writes a zip beside the transfer's file; it lives as long as that. */
  async #spillZip(chunks: AsyncGenerator<Bytes, void>, size: number): Promise<Blob> {
    const writer = await OpfsWriter.open(this.#zipName, size);
    try {
      let position = 0;
      for await (const bytes of chunks) {
        const { length } = bytes;
        await writer.write({ position, bytes });
        position += length;
      }
    } finally {
      await writer.close();
    }
    // A larger zip may have been there before.
    return (await readTransfer(this.#zipName)).slice(0, size, ZIP_TYPE);
  }
}

import type { Bytes } from '../core/bytes.ts';
import { MIB, KIB } from '../core/bytes.ts';
import type { CreditGate } from '../core/credit.ts';
import { asBeelineError, type ErrorCode } from '../core/errors.ts';
import { encodePiece } from '../core/frame.ts';
import { CHUNK_HEADER_BYTES } from '../core/limits.ts';
import type { PieceTable } from '../core/manifest.ts';
import type { Lane, Source, Subtle } from '../core/ports.ts';
import type { PieceScheduler } from '../core/scheduler.ts';
import { Wake } from './wake.ts';

/** Bytes in the bulk channel above which nothing more is handed to it. Measured: larger is not faster, only later. */
const HIGH_WATERMARK = 256 * KIB;

/** Pieces being read and hashed ahead of the network: by bytes for large files, by number for small ones. */
const AHEAD_BYTES = 3 * MIB;
const AHEAD_PIECES = 24;

export interface SendOptions {
  /** The lane's number in the scheduler. */
  readonly laneId: number;
  readonly lane: Lane;
  readonly source: Source;
  readonly table: PieceTable;
  readonly scheduler: PieceScheduler;
  readonly credit: CreditGate;
  readonly subtle: Subtle;
  /** Entries that will not be delivered; their pieces are skipped. */
  readonly hasFailed: (entry: number) => boolean;
  readonly onentryfailed: (entry: number, code: ErrorCode) => void;
}

/** A piece on its way to the lane. */
interface LoadedPiece {
  readonly piece: number;
  readonly bytes: Bytes;
  readonly hash: Uint8Array;
}

/**
 * The sending pipe of one lane:
 *
 *     scheduler - source.read - SHA-256 - chunks - credit and watermark - lane.bulk
 */
export class LaneSender {
  /** Something changed that the pipe may be waiting for: credit, wants, pause, the channel. */
  readonly #wake = new Wake();
  #paused = false;
  #stopped = false;

  constructor(private readonly options: SendOptions) {
    options.lane.bulk.ondrain = () => this.#wake.notify();
  }

  /** Runs until stopped. Rejects with what the lane threw. */
  async run(): Promise<void> {
    for await (const { piece, hash, bytes } of this.#loaded()) {
      for (const message of encodePiece(piece, hash, bytes)) {
        while (!this.#maySend(message.length - CHUNK_HEADER_BYTES)) await this.#wake.wait();
        if (this.#stopped) return;
        this.options.lane.bulk.send(message);
      }
    }
  }

  /** To be called when wants or credit have grown. */
  notify(): void {
    this.#wake.notify();
  }

  setPaused(paused: boolean): void {
    this.#paused = paused;
    this.#wake.notify();
  }

  stop(): void {
    this.#stopped = true;
    this.#wake.notify();
  }

  #maySend(payloadBytes: number): boolean {
    const { credit, lane } = this.options;
    if (this.#stopped) return true;
    if (this.#paused || credit.room < payloadBytes || lane.bulk.bufferedAmount > HIGH_WATERMARK) return false;
    credit.spend(payloadBytes);
    return true;
  }

  /** Pieces in the scheduler's order, the next ones already being read and hashed. */
  async *#loaded(): AsyncGenerator<LoadedPiece, void, undefined> {
    const ahead: { readonly length: number; readonly loading: Promise<LoadedPiece | null> }[] = [];
    let aheadBytes = 0;
    while (!this.#stopped) {
      while (ahead.length < AHEAD_PIECES && aheadBytes < AHEAD_BYTES) {
        const piece = this.options.scheduler.next(this.options.laneId);
        if (piece === null) break;
        const { length } = this.options.table.span(piece);
        ahead.push({ length, loading: this.#load(piece) });
        aheadBytes += length;
      }
      const first = ahead.shift();
      if (first === undefined) {
        await this.#wake.wait();
        continue;
      }
      const loaded = await first.loading;
      if (loaded !== null) yield loaded;
      aheadBytes -= first.length;
    }
  }

  /** Null when its entry has failed. */
  async #load(piece: number): Promise<LoadedPiece | null> {
    const { source, table, subtle, hasFailed, onentryfailed } = this.options;
    const { entry, offset, length } = table.span(piece);
    if (hasFailed(entry)) return null;
    try {
      const bytes = await source.read(entry, offset, length);
      const hash = new Uint8Array(await subtle.digest('SHA-256', bytes));
      return { piece, bytes, hash };
    } catch (error) {
      onentryfailed(entry, asBeelineError(error, 'source-unreadable').code);
      return null;
    }
  }
}

import type { Bytes } from '../core/bytes.ts';
import { MIB, KIB } from '../core/bytes.ts';
import type { CreditGate } from '../core/credit.ts';
import { asBeelineError, type ErrorCode } from '../core/errors.ts';
import { encodePiece } from '../core/frame.ts';
import type { Run } from '../core/have.ts';
import { CHUNK_HEADER_BYTES, PIECE_BYTES } from '../core/limits.ts';
import type { PieceTable } from '../core/manifest.ts';
import type { Lane, Source, Subtle } from '../core/ports.ts';
import type { PieceScheduler } from '../core/scheduler.ts';
import { Wake } from './wake.ts';

/**
 * Bytes in the bulk channel above which nothing more is handed to it. A page that also hashes, reads and draws comes back
 * later than one that only sends, so this is twice what a bare channel needs.
 */
export const HIGH_WATERMARK = 512 * KIB;

/**
 * Pieces read at once. Reading costs a message to the browser process and back: one piece at a time took four times the
 * time of four (Chromium, 128 MiB: 1.1 s against 0.3 s).
 */
const READ_PIECES = 4;

/** Reads under way or done ahead of the network: by bytes for large files, by number for small ones. */
const AHEAD_BYTES = 2 * READ_PIECES * MIB;
const AHEAD_READS = 64;

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

/** Neighbouring pieces of one entry, read at once. */
interface Block {
  readonly from: number;
  readonly count: number;
  readonly entry: number;
  /** Bytes. */
  readonly offset: number;
  readonly length: number;
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

  /** Pieces in the scheduler's order, the next ones already being read and hashed. The first is read alone, to begin soon. */
  async *#loaded(): AsyncGenerator<LoadedPiece, void, undefined> {
    let atMost = 1;
    const ahead: { readonly length: number; readonly loading: Promise<LoadedPiece[]> }[] = [];
    let aheadBytes = 0;
    while (!this.#stopped) {
      while (ahead.length < AHEAD_READS && aheadBytes < AHEAD_BYTES) {
        const run = this.options.scheduler.take(this.options.laneId, (piece) => this.#neighbours(piece, atMost));
        if (run === null) break;
        const block = this.#block(run);
        ahead.push({ length: block.length, loading: this.#load(block) });
        aheadBytes += block.length;
        atMost = READ_PIECES;
      }
      const first = ahead.shift();
      if (first === undefined) {
        await this.#wake.wait();
        continue;
      }
      yield* await first.loading;
      aheadBytes -= first.length;
    }
  }

  /** How many pieces of the same entry may be read with this one. */
  #neighbours(piece: number, atMost: number): number {
    const { table } = this.options;
    const [, end] = table.range(table.span(piece).entry);
    return Math.min(atMost, end - piece);
  }

  #block([from, count]: Run): Block {
    const { table } = this.options;
    const { entry, offset } = table.span(from);
    const last = table.span(from + count - 1);
    return { from, count, entry, offset, length: last.offset + last.length - offset };
  }

  /** Nothing when its entry has failed. */
  async #load({ from, count, entry, offset, length }: Block): Promise<LoadedPiece[]> {
    const { source, subtle, hasFailed, onentryfailed } = this.options;
    if (hasFailed(entry)) return [];
    try {
      const block = await source.read(entry, offset, length);
      return await Promise.all(
        Array.from({ length: count }, async (_, index) => {
          const bytes = block.subarray(index * PIECE_BYTES, (index + 1) * PIECE_BYTES);
          return { piece: from + index, bytes, hash: new Uint8Array(await subtle.digest('SHA-256', bytes)) };
        }),
      );
    } catch (error) {
      onentryfailed(entry, asBeelineError(error, 'source-unreadable').code);
      return [];
    }
  }
}

import type { Bytes } from '../core/bytes.ts';
import { MIB } from '../core/bytes.ts';
import { asBeelineError, type ErrorCode } from '../core/errors.ts';
import { CHUNK_HEADER_BYTES, MESSAGE_BYTES, PIECE_BYTES } from '../core/limits.ts';
import type { PieceTable } from '../core/manifest.ts';
import type { Source, Subtle } from '../core/ports.ts';

/**
 * Pieces read ahead of the network. Each costs a message to the browser process and back, and less where many are read in
 * a row: 10,000 files of 4 KiB arrive a tenth sooner than with a few more read whenever some were sent.
 */
const AHEAD_READS = 512;
/** With so few left, more are read. */
const FEW_READS = AHEAD_READS / 2;
/** Reads of small files begin this many at a time: a source may read them together. */
const BURST_READS = 32;
/** Bytes read ahead of the network, which is what bounds large files. */
const AHEAD_BYTES = 8 * MIB;

/** What is to be sent of a piece. */
export interface WantedChunks {
  readonly piece: number;
  /** Bit n: chunk n is to be sent. */
  readonly mask: number;
  /** The lane on which they are late or lost; null for what goes for the first time. */
  readonly lateOn: number | null;
}

/** A piece on its way to the lanes. */
export interface LoadedPiece extends WantedChunks {
  readonly bytes: Bytes;
  readonly hash: Uint8Array;
}

export interface ReadOptions {
  readonly source: Source;
  readonly table: PieceTable;
  readonly subtle: Subtle;
  /** False for what will not be delivered, or has been. */
  readonly isWanted: (piece: number) => boolean;
  readonly onentryfailed: (entry: number, code: ErrorCode) => void;
}

/** Reads pieces and hashes them. */
export class PieceReader {
  /** Buffers of whole pieces that were sent: new ones come from the system page by page. */
  readonly #spare: Bytes[] = [];
  /** How many of that size the source has asked for and not given back: it may as well bring its own. */
  #lent = 0;
  readonly #allocate = (length: number): Bytes => {
    if (length !== PIECE_BYTES) return new Uint8Array(length);
    this.#lent += 1;
    return this.#spare.pop() ?? new Uint8Array(length);
  };

  constructor(private readonly options: ReadOptions) {}

  /** Bytes of a piece. */
  lengthOf(piece: number): number {
    return this.options.table.span(piece).length;
  }

  /** Null when it will not be delivered. */
  async read(wanted: WantedChunks): Promise<LoadedPiece | null> {
    const { source, subtle, table, isWanted, onentryfailed } = this.options;
    if (!isWanted(wanted.piece)) return null;
    const { entry, offset, length } = table.span(wanted.piece);
    try {
      const bytes = await source.read(entry, offset, length, this.#allocate);
      const hash = new Uint8Array(await subtle.digest('SHA-256', bytes));
      return { ...wanted, bytes, hash };
    } catch (error) {
      onentryfailed(entry, asBeelineError(error, 'source-unreadable').code);
      return null;
    }
  }

  /** Takes back the bytes of a piece that was sent. */
  recycle(bytes: Bytes): void {
    if (bytes.length !== PIECE_BYTES || this.#lent === 0) return;
    this.#lent -= 1;
    this.#spare.push(bytes);
  }
}

/** Pieces that are read together. */
interface Batch {
  readonly pieces: number;
  readonly bytes: number;
  /** Those to be delivered; null until all are read. */
  loaded: readonly LoadedPiece[] | null;
}

/** Has pieces at hand in their order, as many together as a message has room for, the next ones already being read. */
export class ReadAhead {
  readonly #batches: Batch[] = [];
  #pieces = 0;
  #bytes = 0;
  #stopped = false;

  constructor(
    private readonly reader: PieceReader,
    /** What is to be read next, or null when there is nothing. */
    private readonly next: () => WantedChunks | null,
    /** There are some to take. */
    private readonly onloaded: () => void,
  ) {}

  /** True when nothing is being read or waits. */
  get isEmpty(): boolean {
    return this.#batches.length === 0;
  }

  /** True when there are some to take. */
  get isWaiting(): boolean {
    return this.#batches[0]?.loaded != null;
  }

  /** The next pieces, if they are read. None of them may be to be delivered. */
  take(): readonly LoadedPiece[] | null {
    this.readOn();
    const loaded = this.#batches[0]?.loaded ?? null;
    if (loaded === null) return null;
    const batch = this.#batches.shift();
    this.#pieces -= batch?.pieces ?? 0;
    this.#bytes -= batch?.bytes ?? 0;
    return loaded;
  }

  /** Begins to read what there is room for. */
  readOn(): void {
    if (this.#stopped || this.#pieces > FEW_READS) return;
    while (this.#pieces < AHEAD_READS && this.#bytes < AHEAD_BYTES && this.#begin());
  }

  stop(): void {
    this.#stopped = true;
  }

  /** @returns false when there is nothing to read. */
  #begin(): boolean {
    const wanted: WantedChunks[] = [];
    let bytes = 0;
    // The next one is taken to be as long as the one before.
    for (let length = 0; bytes + length <= MESSAGE_BYTES && wanted.length < BURST_READS; bytes += length) {
      const piece = this.next();
      if (piece === null) break;
      wanted.push(piece);
      length = CHUNK_HEADER_BYTES + this.reader.lengthOf(piece.piece);
    }
    if (wanted.length === 0) return false;
    const batch: Batch = { pieces: wanted.length, bytes, loaded: null };
    this.#batches.push(batch);
    this.#pieces += batch.pieces;
    this.#bytes += bytes;
    void this.#load(batch, wanted);
    return true;
  }

  async #load(batch: Batch, wanted: readonly WantedChunks[]): Promise<void> {
    const loaded = await Promise.all(wanted.map((piece) => this.reader.read(piece)));
    batch.loaded = loaded.filter((piece) => piece !== null);
    if (this.#batches[0] === batch) this.onloaded();
  }
}

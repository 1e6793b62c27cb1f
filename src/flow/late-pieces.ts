import type { Bytes } from '../core/bytes.ts';
import type { LateChunks } from '../core/striping.ts';

/** Pieces read ahead of the network at a time. Each costs a message to the browser process and back. */
export const AHEAD_READS = 128;
/** Reads of small files begin this many at a time: a source may read them together. */
export const BURST_READS = 32;

/** A piece on its way to the lanes. */
export interface LoadedPiece {
  readonly piece: number;
  readonly bytes: Bytes;
  readonly hash: Uint8Array;
  /** Bit n: chunk n is to be sent. */
  readonly mask: number;
  /** The lane on which its chunks are late; null for what is not late. */
  readonly lateOn: number | null;
}

/** A piece of which chunks are late on a lane. */
interface LatePiece {
  readonly piece: number;
  readonly mask: number;
  readonly lateOn: number;
}

/** What is late on some lane, read once more, a bounded number of pieces ahead of the network. Rule [T4]. */
export class LatePieces {
  readonly #loaded: LoadedPiece[] = [];
  /** Pieces that are being read, and those in `#loaded`. */
  #ahead = 0;
  #unread = piecesOf([]);
  #stopped = false;

  constructor(
    /** Null for a piece that will not be delivered. */
    private readonly load: (piece: number) => Promise<LoadedPiece | null>,
    private readonly onloaded: () => void,
  ) {}

  /** True when nothing is being read or waits. */
  get isIdle(): boolean {
    return this.#ahead === 0;
  }

  /** True when there is one to take. */
  get isWaiting(): boolean {
    return this.#loaded.length > 0;
  }

  read(late: readonly LateChunks[]): void {
    this.#unread = piecesOf(late);
    this.#readOn();
  }

  take(): LoadedPiece | undefined {
    const late = this.#loaded.shift();
    if (late !== undefined) this.#done();
    return late;
  }

  stop(): void {
    this.#stopped = true;
  }

  #readOn(): void {
    if (this.#stopped || this.#ahead > AHEAD_READS - BURST_READS) return;
    while (this.#ahead < AHEAD_READS) {
      const { value, done } = this.#unread.next();
      if (done === true) return;
      this.#ahead += 1;
      void this.#loadOne(value);
    }
  }

  async #loadOne({ piece, mask, lateOn }: LatePiece): Promise<void> {
    const loaded = await this.load(piece);
    if (loaded === null) {
      this.#done();
      return;
    }
    this.#loaded.push({ ...loaded, mask, lateOn });
    this.onloaded();
  }

  #done(): void {
    this.#ahead -= 1;
    this.#readOn();
  }
}

function* piecesOf(late: readonly LateChunks[]): Generator<LatePiece, void, undefined> {
  for (const { lane, chunks } of late) for (const [piece, mask] of chunks) yield { piece, mask, lateOn: lane };
}

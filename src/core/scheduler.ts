import type { Run } from './have.ts';

/**
 * Which piece goes next, and over which lane each unverified one went. Pieces wanted first go first; those of a lost
 * lane, or asked for again, go before all others. Rules [P5] to [P7].
 */
export class PieceScheduler {
  /** Runs still to send, in order; the first is cut from its front. */
  readonly #wanted: [from: number, count: number][] = [];
  /** Next first element of `#wanted`: shifting an array of 100,000 runs each time would be quadratic. */
  #head = 0;
  /** Sent and not yet verified: piece to lane. */
  readonly #inFlight = new Map<number, number>();

  want(runs: readonly Run[]): void {
    for (const [from, count] of runs) this.#wanted.push([from, count]);
  }

  /** Puts pieces before all others. */
  wantFirst(pieces: readonly number[]): void {
    const runs = pieces.map((piece): [number, number] => [piece, 1]);
    for (const piece of pieces) this.#inFlight.delete(piece);
    this.#wanted.splice(0, this.#head, ...runs);
    this.#head = 0;
  }

  /**
   * The next pieces for a lane, or null when nothing is left to start.
   * @param atMost how many neighbours of a piece may come with it, itself included.
   */
  take(lane: number, atMost: (piece: number) => number): Run | null {
    const run = this.#wanted[this.#head];
    if (run === undefined) return null;
    const [from, left] = run;
    const count = Math.min(left, atMost(from));
    run[0] += count;
    run[1] -= count;
    if (run[1] === 0) this.#advance();
    for (let piece = from; piece < from + count; piece++) this.#inFlight.set(piece, lane);
    return [from, count];
  }

  /** The receiver has the piece. @returns false for one that was not under way. */
  verified(piece: number): boolean {
    return this.#inFlight.delete(piece);
  }

  /** Its pieces go again, over whichever lane asks next. */
  laneLost(lane: number): void {
    this.wantFirst([...this.#inFlight].filter(([, on]) => on === lane).map(([piece]) => piece));
  }

  get inFlight(): number {
    return this.#inFlight.size;
  }

  /** True when every wanted piece is verified. */
  get idle(): boolean {
    return this.#inFlight.size === 0 && this.#head >= this.#wanted.length;
  }

  #advance(): void {
    this.#head += 1;
    if (this.#head === this.#wanted.length) {
      this.#wanted.length = 0;
      this.#head = 0;
    }
  }
}

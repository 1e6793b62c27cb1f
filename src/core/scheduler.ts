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

  /** The next piece for a lane, or null when nothing is left to start. */
  next(lane: number): number | null {
    const run = this.#wanted[this.#head];
    if (run === undefined) return null;
    const piece = run[0];
    run[0] += 1;
    run[1] -= 1;
    if (run[1] === 0) this.#advance();
    this.#inFlight.set(piece, lane);
    return piece;
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

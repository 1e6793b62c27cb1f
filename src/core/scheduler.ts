import type { Run } from './have.ts';

/** Which piece goes next: in the order they were asked for, those asked for again before all others. Rule [P5]. */
export class PieceScheduler {
  /** Runs still to send, in order; the first is cut from its front. */
  readonly #wanted: [from: number, count: number][] = [];
  /** Next first element of `#wanted`: shifting an array of 100,000 runs each time would be quadratic. */
  #head = 0;

  want(runs: readonly Run[]): void {
    for (const [from, count] of runs) this.#wanted.push([from, count]);
  }

  /** Puts pieces before all others. */
  wantFirst(pieces: readonly number[]): void {
    const runs = pieces.map((piece): [number, number] => [piece, 1]);
    this.#wanted.splice(0, this.#head, ...runs);
    this.#head = 0;
  }

  /** The next piece, or null when nothing is left to start. */
  take(): number | null {
    const run = this.#wanted[this.#head];
    if (run === undefined) return null;
    const piece = run[0]++;
    run[1] -= 1;
    if (run[1] === 0) this.#advance();
    return piece;
  }

  #advance(): void {
    this.#head += 1;
    if (this.#head === this.#wanted.length) {
      this.#wanted.length = 0;
      this.#head = 0;
    }
  }
}

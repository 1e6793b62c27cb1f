import type { Run } from './have.ts';
import type { PieceTable } from './manifest.ts';

/**
 * Which piece goes next: in the order they were asked for, those asked for again before all others. Those of an entry that
 * is held back wait aside. Rules [P5], [P7].
 */
export class PieceScheduler {
  /** Runs still to send, in order; the first is cut from its front. */
  readonly #wanted: [from: number, count: number][] = [];
  /** Next first element of `#wanted`: shifting an array of 100,000 runs each time would be quadratic. */
  #head = 0;
  /** By entry that is held back: its pieces whose turn has come. */
  readonly #aside = new Map<number, [from: number, count: number][]>();

  constructor(private readonly table: Pick<PieceTable, 'span'>) {}

  want(runs: readonly Run[]): void {
    for (const [from, count] of runs) this.#wanted.push([from, count]);
  }

  /** Holds back an entry. */
  hold(entry: number): void {
    if (!this.#aside.has(entry)) this.#aside.set(entry, []);
  }

  /** What was put aside of an entry comes after all others. */
  release(entry: number): void {
    this.want(this.#aside.get(entry) ?? []);
    this.#aside.delete(entry);
  }

  /** Puts a piece aside if its entry is held back. @returns false when it is not. */
  putAside(piece: number): boolean {
    if (this.#aside.size === 0) return false;
    const runs = this.#aside.get(this.table.span(piece).entry);
    const last = runs?.at(-1);
    if (last !== undefined && last[0] + last[1] === piece) last[1] += 1;
    else runs?.push([piece, 1]);
    return runs !== undefined;
  }

  /** Puts pieces before all others. */
  wantFirst(pieces: readonly number[]): void {
    const runs = pieces.map((piece): [number, number] => [piece, 1]);
    this.#wanted.splice(0, this.#head, ...runs);
    this.#head = 0;
  }

  /** The next piece, or null when nothing is left to start. */
  take(): number | null {
    let piece = this.#next();
    while (piece !== null && this.putAside(piece)) piece = this.#next();
    return piece;
  }

  #next(): number | null {
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

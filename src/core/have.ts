/** A run of pieces: the first one's number, and how many. */
export type Run = readonly [from: number, count: number];

/** Which pieces of a share are verified and durable: one bit each. */
export class HaveMap {
  readonly #bits: Uint8Array;
  #held = 0;

  constructor(readonly count: number) {
    this.#bits = new Uint8Array(Math.ceil(count / 8));
  }

  /** Pieces that are here. */
  get held(): number {
    return this.#held;
  }

  has(piece: number): boolean {
    return ((this.#bits[piece >> 3] ?? 0) & (1 << (piece & 7))) !== 0;
  }

  /** @returns false when it was marked already. */
  mark(piece: number): boolean {
    if (piece < 0 || piece >= this.count || this.has(piece)) return false;
    this.#bits[piece >> 3] = (this.#bits[piece >> 3] ?? 0) | (1 << (piece & 7));
    this.#held += 1;
    return true;
  }

  /** The pieces of `range` that are not here, as runs in ascending order. */
  *missing(from: number, to: number): Generator<Run, void, undefined> {
    let start = -1;
    for (let piece = from; piece < to; piece++) {
      if (!this.has(piece)) {
        if (start < 0) start = piece;
      } else if (start >= 0) {
        yield [start, piece - start];
        start = -1;
      }
    }
    if (start >= 0) yield [start, to - start];
  }
}

/** Joins runs that touch, as they come: ascending and without overlap. */
export function* joinRuns(runs: Iterable<Run>): Generator<Run, void, undefined> {
  let held: Run | null = null;
  for (const run of runs) {
    if (held !== null && held[0] + held[1] === run[0]) held = [held[0], held[1] + run[1]];
    else {
      if (held !== null) yield held;
      held = run;
    }
  }
  if (held !== null) yield held;
}

/** Single pieces as runs. */
export function toRuns(pieces: readonly number[]): Run[] {
  const sorted = [...pieces].sort((a, b) => a - b);
  return [...joinRuns(sorted.map((piece) => [piece, 1] as const))];
}

/** Cuts a list into pages of at most `size`. */
export function* pages<T>(items: Iterable<T>, size: number): Generator<T[], void, undefined> {
  let page: T[] = [];
  for (const item of items) {
    page.push(item);
    if (page.length === size) {
      yield page;
      page = [];
    }
  }
  if (page.length > 0) yield page;
}

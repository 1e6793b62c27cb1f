import { seededNumbers } from '../doubles/random.ts';

/** Chance in a schedule: everything is drawn from one stream of numbers. */
export class Draw {
  readonly #next: () => number;

  constructor(seed: number) {
    this.#next = seededNumbers(seed);
  }

  /** Both ends included. */
  whole(from: number, to: number): number {
    return from + (this.#next() % (to - from + 1));
  }

  chance(probability: number): boolean {
    return this.#next() / 2 ** 32 < probability;
  }

  oneOf<Value>(first: Value, ...others: readonly Value[]): Value {
    return others[this.whole(0, others.length) - 1] ?? first;
  }

  /** Whole milliseconds of so many seconds. */
  seconds(from: number, to: number): number {
    return this.whole(from * 1_000, to * 1_000);
  }
}

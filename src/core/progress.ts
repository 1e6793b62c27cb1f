/** Speed and time left from verified bytes. Times in milliseconds, from any clock that only rises. */

/** The window over which speed is measured: long enough to be calm, short enough to show a change. */
const WINDOW_MS = 5_000;
/** Before this much has been measured, a speed would be noise. */
const MIN_SPAN_MS = 500;

export class RateMeter {
  readonly #samples: { at: number; bytes: number }[] = [];

  /** @param bytes verified since the start. */
  sample(at: number, bytes: number): void {
    this.#samples.push({ at, bytes });
    while ((this.#samples[1]?.at ?? Infinity) <= at - WINDOW_MS) this.#samples.shift();
  }

  /** A pause must not count as slowness. */
  reset(): void {
    this.#samples.length = 0;
  }

  /** Null until it can be told. */
  get bytesPerSecond(): number | null {
    const first = this.#samples[0];
    const last = this.#samples.at(-1);
    if (first === undefined || last === undefined || last.at - first.at < MIN_SPAN_MS) return null;
    return ((last.bytes - first.bytes) * 1000) / (last.at - first.at);
  }

  /** Seconds for `bytes` more at the present speed; null when it cannot be told. */
  secondsFor(bytes: number): number | null {
    const speed = this.bytesPerSecond;
    return speed === null || speed <= 0 ? null : bytes / speed;
  }
}

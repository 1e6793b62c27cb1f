import type { Bucket } from './limits.ts';

/** A token bucket that starts full. `now` answers milliseconds that never go back. */
export class TokenBucket {
  readonly #size: Bucket;
  readonly #now: () => number;
  #tokens: number;
  #at: number;

  constructor(size: Bucket, now: () => number = () => performance.now()) {
    this.#size = size;
    this.#now = now;
    this.#tokens = size.burst;
    this.#at = now();
  }

  /** Takes `count` tokens, or none of them and answers false. */
  take(count: number): boolean {
    const now = this.#now();
    this.#tokens = Math.min(this.#size.burst, this.#tokens + ((now - this.#at) / 1000) * this.#size.perSecond);
    this.#at = now;
    if (count > this.#tokens) return false;
    this.#tokens -= count;
    return true;
  }
}

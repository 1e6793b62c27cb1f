/**
 * How fast a transfer of several lanes begins. Slow start doubles a lane's window in every round trip, until the queue
 * before the link is full and as many packets are lost at once as were under way. An acknowledgement of Chromium names
 * twenty gaps (dcSCTP, data_tracker.h), so a lane that lost more repairs them twenty by twenty, halves its window each
 * time, and stands still for seconds. Slower growth loses less: a fifth at a round trip of 130 ms, queue included.
 * Rule [T7].
 */

/** Bytes per second of each lane at first: 2 Mbit/s, as much as its first window at 50 ms. */
const FIRST_RATE = 250_000;
/** In which the rate doubles: 20 Mbit/s are reached in 0.7 s with 4 lanes, 100 in 0.8 s with 16. */
const DOUBLING_MS = 500;
/** After that much sending the rate allowed is a thousand times the first. */
const END_MS = 5_000;
/** A timer's lateness that is made up for: more would be a burst of several chunks, which the queue may not hold. */
const SLACK_MS = 50;

export class StartPace {
  #sent = 0;

  constructor(
    private sinceMs: number,
    private readonly lanes: number,
  ) {}

  sent(bytes: number): void {
    this.#sent += bytes;
  }

  /** Milliseconds until more may be sent; 0 for now. */
  waitMs(nowMs: number): number {
    const scale = (FIRST_RATE * this.lanes * DOUBLING_MS) / Math.LN2 / 1_000;
    const dueMs = DOUBLING_MS * Math.log2(1 + this.#sent / scale);
    if (dueMs >= END_MS) return 0;
    this.sinceMs = Math.max(this.sinceMs, nowMs - dueMs - SLACK_MS);
    return Math.max(0, this.sinceMs + dueMs - nowMs);
  }
}

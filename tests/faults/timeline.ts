import type { Clock } from '../../src/core/ports.ts';

/** A timer of a page. */
interface Timer {
  at: number;
  cancel: (() => void) | null;
  readonly run: () => void;
}

interface Happening {
  readonly at: number;
  readonly run: () => void;
}

/**
 * A time in which nothing happens by itself: all that will happen stands in one list, and each thing runs until nobody has
 * anything left to do. So a run of the same seed is the same run.
 */
export class Timeline {
  #now = 0;
  /** In the order they will happen. */
  readonly #coming: Happening[] = [];

  /** Milliseconds since the start. */
  get now(): number {
    return this.#now;
  }

  /** @returns its own cancel. */
  after(ms: number, run: () => void): () => void {
    return this.at(this.#now + ms, run);
  }

  /** What is to happen at one time happens in the order it was asked for. @returns its own cancel. */
  at(time: number, run: () => void): () => void {
    const happening = { at: Math.max(this.#now, time), run };
    let place = this.#coming.length;
    while (place > 0 && (this.#coming[place - 1]?.at ?? 0) > happening.at) place -= 1;
    this.#coming.splice(place, 0, happening);
    return () => {
      const index = this.#coming.indexOf(happening);
      if (index >= 0) this.#coming.splice(index, 1);
    };
  }

  /** Lets the next thing happen, with all that follows from it at once. */
  async step(): Promise<void> {
    const next = this.#coming.shift();
    if (next === undefined) throw new Error('nothing will ever happen again');
    this.#now = next.at;
    next.run();
    await new Promise((resolve) => setImmediate(resolve));
  }

  /** Lets everything happen that happens in this time. */
  async pass(ms: number): Promise<void> {
    const end = this.#now + ms;
    while ((this.#coming[0]?.at ?? Infinity) <= end) await this.step();
    this.#now = end;
  }
}

/** Milliseconds since the epoch at the start of every run. */
const START_MS = 1_700_000_000_000;

/**
 * One page of a browser: everything that reaches its code from outside comes through `task`. A dead page hears nothing any
 * more, a frozen one hears it when it thaws.
 */
export class Page {
  #state: 'alive' | 'frozen' | 'dead' = 'alive';
  /** Freezes may overlap; the last one to end thaws. */
  #freezes = 0;
  #held: (() => void)[] = [];
  #jumpedMs = 0;
  readonly #timers = new Set<Timer>();
  readonly clock: Clock;

  constructor(private readonly timeline: Timeline) {
    this.clock = {
      now: () => START_MS + timeline.now + this.#jumpedMs,
      after: (ms, run) => this.#timer(ms, run),
    };
  }

  get isAlive(): boolean {
    return this.#state === 'alive';
  }

  get isDead(): boolean {
    return this.#state === 'dead';
  }

  /** Timers that have not run. */
  get timers(): number {
    return this.#timers.size;
  }

  /** Runs a task of this page now, when it thaws, or never. */
  task(run: () => void): void {
    if (this.#state === 'alive') run();
    else if (this.#state === 'frozen') this.#held.push(run);
  }

  /** A promise that this page's code may wait for. */
  sleep(ms: number): Promise<void> {
    return new Promise((resolve) => {
      this.timeline.after(ms, () => this.task(resolve));
    });
  }

  die(): void {
    this.#state = 'dead';
    this.#held = [];
    for (const { cancel } of this.#timers) cancel?.();
    this.#timers.clear();
  }

  freezeFor(ms: number): void {
    if (this.#state === 'dead') return;
    this.#state = 'frozen';
    this.#freezes += 1;
    this.timeline.after(ms, () => {
      this.#freezes -= 1;
      this.#thaw();
    });
  }

  /** The clock goes on at once, and what would have been due meanwhile is due. */
  jump(ms: number): void {
    this.#jumpedMs += ms;
    for (const timer of [...this.#timers].sort((a, b) => a.at - b.at)) {
      timer.cancel?.();
      timer.at = Math.max(this.timeline.now, timer.at - ms);
      this.#arm(timer);
    }
  }

  /** What was held back comes in its order, and before anything new. */
  #thaw(): void {
    if (this.#state !== 'frozen' || this.#freezes > 0) return;
    const next = this.#held.shift();
    if (next === undefined) {
      this.#state = 'alive';
      return;
    }
    next();
    this.timeline.after(0, () => this.#thaw());
  }

  #timer(ms: number, run: () => void): () => void {
    const timer: Timer = { at: this.timeline.now + Math.max(0, ms), cancel: null, run };
    this.#timers.add(timer);
    this.#arm(timer);
    return () => {
      timer.cancel?.();
      this.#timers.delete(timer);
    };
  }

  #arm(timer: Timer): void {
    timer.cancel = this.timeline.at(timer.at, () => {
      this.task(() => {
        if (this.#timers.delete(timer)) timer.run();
      });
    });
  }
}

import { deferred } from './deferred.ts';
import type { Clock } from './ports.ts';

/** Steps of which each follows the one before at once, until one has to be waited for. */
export class Burst {
  /** One has to be waited for, or none is left. */
  readonly over: Promise<unknown>;
  readonly #end: () => void;
  #cancel: () => void = () => undefined;
  #isLast = false;

  /** @param stepMs milliseconds without a step after which one is waited for. */
  constructor(
    private readonly clock: Clock,
    private readonly stepMs: number,
  ) {
    const { promise, resolve } = deferred();
    this.over = promise;
    this.#end = () => resolve(undefined);
    this.step();
  }

  step(): void {
    if (this.#isLast) return;
    this.#cancel();
    this.#cancel = this.clock.after(this.stepMs, () => this.end());
  }

  /** None that follows puts the end off. */
  lastStep(): void {
    this.step();
    this.#isLast = true;
  }

  end(): void {
    this.#isLast = true;
    this.#cancel();
    this.#end();
  }
}

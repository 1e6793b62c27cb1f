import type { Watchable } from '../flow/views.ts';

/** A watchable value as a rune: what reads `view` follows it. Call `stop` when the screen is left. */
export class Watched<View> {
  readonly stop: () => void;
  #view: View;

  /** @param onchange told of each change, after the first value. */
  constructor(source: Watchable<View>, onchange?: (next: View, previous: View) => void) {
    this.#view = $state.raw(source.view);
    this.stop = source.watch((next) => {
      const previous = this.#view;
      this.#view = next;
      onchange?.(next, previous);
    });
  }

  get view(): View {
    return this.#view;
  }
}

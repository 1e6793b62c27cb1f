import type { Clock } from '../core/ports.ts';
import type { Watchable } from './views.ts';

/**
 * Milliseconds between views. Each costs layout and paint, on a machine that the transfer itself keeps busy; twice a second
 * is as often as a speed or a time left can be read.
 */
const INTERVAL_MS = 500;

/** Turns many small changes into few views: at most one per interval, but a new state is shown at once. */
export class Publisher<View> implements Watchable<View> {
  readonly #watchers = new Set<(view: View) => void>();
  #view: View;
  #waiting = false;
  #changed = false;

  constructor(
    private readonly clock: Clock,
    private readonly render: () => View,
  ) {
    this.#view = render();
  }

  get view(): View {
    return this.#view;
  }

  watch(onchange: (view: View) => void): () => void {
    this.#watchers.add(onchange);
    return () => this.#watchers.delete(onchange);
  }

  /** Something changed that a view shows. */
  touch(): void {
    if (this.#waiting) {
      this.#changed = true;
      return;
    }
    this.publish();
    this.#waiting = true;
    this.clock.after(INTERVAL_MS, () => {
      this.#waiting = false;
      if (this.#changed) this.touch();
    });
  }

  /** Renders and tells now. */
  publish(): void {
    this.#changed = false;
    this.#view = this.render();
    for (const watcher of this.#watchers) watcher(this.#view);
  }
}

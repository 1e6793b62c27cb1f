/** Lets one loop sleep until something changed. A call that comes before the wait is not lost. */
export class Wake {
  #resolve: (() => void) | null = null;
  #pending = false;

  notify(): void {
    if (this.#resolve === null) this.#pending = true;
    else {
      this.#resolve();
      this.#resolve = null;
    }
  }

  wait(): Promise<void> {
    if (this.#pending) {
      this.#pending = false;
      return Promise.resolve();
    }
    return new Promise((resolve) => {
      this.#resolve = resolve;
    });
  }
}

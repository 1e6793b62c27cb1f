import type { AddressBar } from '../../src/ui/router.ts';

interface Visit {
  readonly state: unknown;
  readonly hash: string;
}

/** A window's location and history. Moves tell their listeners at once, where a browser takes a moment. */
export class FakeAddressBar implements AddressBar {
  readonly #visits: Visit[];
  readonly #listeners: (() => void)[] = [];
  #at = 0;

  constructor(hash = '') {
    this.#visits = [{ state: null, hash }];
  }

  readonly location = this.#location();
  readonly history = this.#history();

  addEventListener(_type: 'hashchange' | 'popstate', listener: () => void): void {
    this.#listeners.push(listener);
  }

  /** The person's back button. */
  back(): void {
    this.#at = Math.max(0, this.#at - 1);
    this.#tell();
  }

  get depth(): number {
    return this.#at;
  }

  get #visit(): Visit {
    return this.#visits[this.#at] ?? { state: null, hash: '' };
  }

  #push(visit: Visit): void {
    this.#visits.splice(this.#at + 1, Infinity, visit);
    this.#at += 1;
  }

  #tell(): void {
    for (const listener of this.#listeners) listener();
  }

  #location(): AddressBar['location'] {
    const visit = (): Visit => this.#visit;
    const go = (hash: string): void => {
      this.#push({ state: null, hash });
      this.#tell();
    };
    return {
      pathname: '/',
      search: '',
      get hash() {
        return visit().hash;
      },
      set hash(value: string) {
        go(value.startsWith('#') ? value : `#${value}`);
      },
    };
  }

  #history(): AddressBar['history'] {
    const visit = (): Visit => this.#visit;
    const hashOf = (url: string): string => /#.*/u.exec(url)?.[0] ?? '';
    return {
      get state() {
        return visit().state;
      },
      pushState: (state, _unused, url) => this.#push({ state, hash: hashOf(url) }),
      replaceState: (state, _unused, url) => (this.#visits[this.#at] = { state, hash: hashOf(url) }),
      back: () => this.back(),
    };
  }
}

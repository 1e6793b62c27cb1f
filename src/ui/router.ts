/** The parts of `window` that hold the page's address. */
export interface AddressBar {
  readonly location: { hash: string; readonly pathname: string; readonly search: string };
  readonly history: {
    readonly state: unknown;
    pushState(state: unknown, unused: string, url: string): void;
    replaceState(state: unknown, unused: string, url: string): void;
    back(): void;
  };
  addEventListener(type: 'hashchange' | 'popstate', listener: () => void): void;
}

export interface RouterOptions {
  /** True while leaving would lose something: the move is taken back and `onblocked` is told. */
  readonly blocked: () => boolean;
  readonly onblocked: () => void;
  /** The page is at another address now; empty is home. */
  readonly onmove: (fragment: string) => void;
}

/** The fragment of the check page; no link is as short. */
export const CHECK = 'check';

/** Before a share's id. */
const SHARING = 'sharing:';

/**
 * The address decides the screen: `#…` opens a link, `#check` the check page, none is home. Sharing has an entry of its own in the history, without
 * an address, so that the back button leaves it, and a reload finds it again.
 */
export class Router {
  readonly #bar: AddressBar;
  readonly #options: RouterOptions;
  #here: string;

  constructor(bar: AddressBar, options: RouterOptions) {
    this.#bar = bar;
    this.#options = options;
    this.#here = this.#read();
    bar.addEventListener('popstate', this.#moved);
    bar.addEventListener('hashchange', this.#moved);
  }

  /** What stands after `#`; empty at home. */
  get fragment(): string {
    return this.#bar.location.hash.replace(/^#/u, '');
  }

  /** Opens a link of this page. */
  open(fragment: string): void {
    this.#bar.location.hash = fragment;
  }

  /** Id of the share this entry of the history belongs to; null elsewhere. It outlives a reload. */
  get sharing(): string | null {
    return this.#here.startsWith(SHARING) ? this.#here.slice(SHARING.length) : null;
  }

  enterSharing(id: string): void {
    if (this.sharing === id) return;
    this.#bar.history.pushState({ sharing: id }, '', this.#home);
    this.#here = this.#read();
  }

  /** A link stays in the history, so that the way back leads to it; a share that ended does not. */
  goHome(): void {
    const { history } = this.#bar;
    if (this.sharing !== null) history.replaceState(null, '', this.#home);
    else if (this.#here !== '') history.pushState(null, '', this.#home);
    this.#here = this.#read();
    this.#options.onmove('');
  }

  /** Makes the move that was taken back, once nothing blocks any more. */
  goOn(): void {
    this.#bar.history.back();
  }

  get #home(): string {
    return this.#bar.location.pathname + this.#bar.location.search;
  }

  /** A link clicked fires `popstate` and `hashchange`; the second finds nothing new. */
  readonly #moved = (): void => {
    const next = this.#read();
    if (next === this.#here) return;
    if (this.#options.blocked()) {
      this.#bar.history.pushState(this.#stateOf(this.#here), '', this.#urlOf(this.#here));
      this.#options.onblocked();
      return;
    }
    this.#here = next;
    this.#options.onmove(this.fragment);
  };

  #read(): string {
    const { hash } = this.#bar.location;
    const { state } = this.#bar.history;
    const isSharing = hash === '' && typeof state === 'object' && state !== null && 'sharing' in state;
    return isSharing && typeof state.sharing === 'string' ? SHARING + state.sharing : hash;
  }

  #stateOf(here: string): unknown {
    return here.startsWith(SHARING) ? { sharing: here.slice(SHARING.length) } : null;
  }

  #urlOf(here: string): string {
    return here.startsWith(SHARING) ? this.#home : this.#home + here;
  }
}

/** Dials for a page that was opened with a link, while what receives is still on its way. In the page's first script. */
import { deferred } from './core/deferred.ts';
import { deriveShareKeys, parseFragment, type ShareKeys } from './core/link.ts';
import type { Signaling } from './core/ports.ts';
import type { Dialed } from './dial.ts';
import { isKept } from './disk/kept.ts';
import { type Dial, dialSender } from './flow/handshake.ts';
import type { ReceiverLine } from './flow/receiver-line.ts';
import { random } from './home.ts';
import { clock, lanes, signaling } from './line.ts';
import type { SaidType } from './net/signaling.ts';

const { subtle } = crypto;

/** What has been begun for one link. */
export class Ahead {
  readonly keys: Promise<ShareKeys>;
  /** The offer has been said. */
  readonly offered: Promise<unknown>;
  /** A candidate has been said: the browser's sockets are open by then. */
  readonly candidate: Promise<unknown>;
  readonly #id: string;
  readonly #signaling: Signaling;
  #dial: Dial | null = null;
  #closed = false;

  /**
   * Goes on with what the page has dialed.
   *
   * @throws BeelineError `link-incomplete`
   */
  constructor(
    readonly fragment: string,
    { id, token, early, connection }: Dialed,
  ) {
    const secret = parseFragment(fragment);
    lanes.prepare(connection);
    const [offered, candidate] = [deferred(), deferred()];
    [this.offered, this.candidate] = [offered.promise, candidate.promise];
    const onsaid = (type: SaidType) => {
      if (type === 'OFFER') offered.resolve(undefined);
      if (type === 'CANDIDATE') candidate.resolve(undefined);
    };
    this.#id = id;
    this.#signaling = signaling.connect(id, token, onsaid, early);
    this.keys = deriveShareKeys(subtle, secret);
    this.keys.then(
      (keys) => this.#dialWith(keys),
      () => undefined,
    );
  }

  /** Whoever takes it attends to the line from now on. */
  take(): ReceiverLine {
    return { id: this.#id, signaling: this.#signaling, dial: this.#dial };
  }

  close(): void {
    this.#closed = true;
    this.#dial?.close();
    this.#signaling.close();
  }

  /** An offer that went over a line before this one may be lost. */
  #dialWith(keys: ShareKeys): void {
    if (this.#closed) return;
    const line = this.#signaling;
    const dial = () => {
      if (line.status !== 'open' || this.#dial?.isAnswered === true) return;
      this.#dial?.close();
      const headStart = !isKept(keys.roomId);
      this.#dial = dialSender({ clock, random, subtle, lanes }, line, keys, this.#id, headStart);
    };
    line.onstatus = dial;
    line.onmessage = (message) => this.#dial?.receive(message);
    dial();
  }
}

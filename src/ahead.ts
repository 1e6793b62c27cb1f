/** Dials for a page that was opened with a link, while what receives is still on its way. In the page's first script. */
import { deferred } from './core/deferred.ts';
import { deriveShareKeys, parseFragment, type ShareKeys } from './core/link.ts';
import type { Dialed } from './dial.ts';
import { type Dial, dialSender } from './flow/handshake.ts';
import type { ReceiverLine } from './flow/receiver-line.ts';
import { random } from './home.ts';
import { clock, lanes, signaling } from './line.ts';
import type { SaidType } from './net/signaling.ts';

const { subtle } = crypto;

/** What has been begun for one link. */
export class Ahead {
  readonly line: ReceiverLine;
  readonly keys: Promise<ShareKeys>;
  /** The offer has been said. */
  readonly offered: Promise<unknown>;
  /** A candidate has been said: the browser's sockets are open by then. */
  readonly candidate: Promise<unknown>;
  #dial: Dial | null = null;
  #taken = false;

  /**
   * Goes on with what the page has dialed.
   *
   * @param fragment a link's.
   */
  constructor(
    readonly fragment: string,
    { id, token, early, connection }: Dialed,
  ) {
    lanes.prepare(connection);
    const [offered, candidate] = [deferred(), deferred()];
    [this.offered, this.candidate] = [offered.promise, candidate.promise];
    const onsaid = (type: SaidType) => {
      if (type === 'OFFER') offered.resolve(undefined);
      if (type === 'CANDIDATE') candidate.resolve(undefined);
    };
    this.line = { id, signaling: signaling.connect(id, token, onsaid, early) };
    this.keys = deriveShareKeys(subtle, parseFragment(fragment));
    this.keys.then(
      (keys) => this.#dialWith(keys),
      () => undefined,
    );
  }

  /** The dial under way, if there is one. Whoever takes it attends to the line from now on. */
  take(): Dial | null {
    this.#taken = true;
    return this.#dial;
  }

  close(): void {
    this.#dial?.close();
    this.line.signaling.close();
  }

  /** An offer goes over one line: that of another may be lost. */
  #dialWith(keys: ShareKeys): void {
    if (this.#taken) return;
    const { id, signaling } = this.line;
    const dial = () => {
      this.#dial?.close();
      this.#dial =
        signaling.status === 'open' ? dialSender({ clock, random, subtle, lanes }, signaling, keys, id) : null;
    };
    signaling.onstatus = dial;
    signaling.onmessage = (message) => this.#dial?.receive(message);
    dial();
  }
}

/** Dials for a page that was opened with a link, while what receives is still on its way. In the page's first script. */
import { Burst } from './core/burst.ts';
import { deferred } from './core/deferred.ts';
import type { ShareKeys } from './core/link.ts';
import type { Signaling } from './core/ports.ts';
import type { Dialed, PostedOffer } from './dial.ts';
import { isKept } from './disk/kept.ts';
import { type Dial, dialSender } from './flow/handshake.ts';
import type { ReceiverLine } from './flow/receiver-line.ts';
import { random } from './home.ts';
import { clock, lanes, signaling } from './line.ts';
import type { SaidType } from './net/signaling.ts';

const { subtle } = crypto;

/**
 * Milliseconds without a step after which a connection being made waits for the network, not for the processor. On a LAN, two
 * busy cores take some 25 from one to the next, and 40 from the answer, the last that is said, to the first byte.
 */
const STEP_MS = 60;

/**
 * Milliseconds for which a posted offer is good: the server keeps what answers it for 5 s, until the line is open. Rule [C19].
 */
const POSTED_MS = 4_000;

/** What has been begun for the link in the address, for whoever goes on with it first. */
let begun: Ahead | null = null;

export function begin(dialed: Dialed): Ahead {
  begun = new Ahead(dialed);
  return begun;
}

/** Hands it out, once. */
export function takeBegun(): Ahead | null {
  const taken = begun;
  begun = null;
  return taken;
}

/** What has been begun for one link. */
export class Ahead {
  readonly fragment: string;
  /** Known by when it dials. */
  readonly keys: Promise<ShareKeys>;
  /** The offer has been said, or was taken before. */
  readonly offered: Promise<unknown>;
  /** A candidate has been said: the browser's sockets are open by then. */
  readonly candidate: Promise<unknown>;
  /** Over when making the connection leaves the processor to others: it waits for the network, or is done. */
  readonly #burst = new Burst(clock, STEP_MS);
  readonly #id: string;
  readonly #early: WebSocket;
  readonly #signaling: Signaling;
  #dial: Dial | null = null;
  /** Its first message comes with the open lane. */
  #takesHeadStart = false;
  /** Not gone on with yet. */
  #offer: PostedOffer | null = null;
  readonly #onoffered: () => void;
  #closed = false;

  /** Goes on with what the page has dialed. */
  constructor({ fragment, id, token, early, made, keys, offer }: Dialed) {
    this.fragment = fragment;
    this.#early = early.socket;
    lanes.prepare(made);
    void made.open.then(() => {
      if (!this.#takesHeadStart) this.#burst.end();
    });
    made.bulk.addEventListener('message', () => this.#burst.end(), { once: true });
    const [offered, candidate] = [deferred(), deferred()];
    [this.offered, this.candidate] = [offered.promise, candidate.promise];
    this.#onoffered = () => offered.resolve(undefined);
    const onsaid = (type: SaidType) => {
      this.#burst.step();
      if (type === 'OFFER') this.#onoffered();
      if (type === 'CANDIDATE') candidate.resolve(undefined);
    };
    this.#id = id;
    this.#signaling = signaling.connect(id, token, onsaid, early);
    this.keys = this.#begin(keys, offer);
    this.keys.catch(() => undefined);
  }

  /** What the connection does not need may be loaded. */
  get idle(): Promise<unknown> {
    return this.#burst.over;
  }

  /** Whoever takes it attends to the line from now on. */
  take(): ReceiverLine {
    return { id: this.#id, signaling: this.#signaling, dial: this.#dial, takeOffer: () => this.#takeOffer() };
  }

  close(): void {
    this.#closed = true;
    this.#dial?.close();
    this.#signaling.close();
  }

  async #begin(deriving: Promise<ShareKeys>, posting: Promise<PostedOffer>): Promise<ShareKeys> {
    const keys = await deriving;
    this.#offer = await posting.catch(() => null);
    if (!this.#closed) this.#dialWith(keys);
    return keys;
  }

  /** An offer that went over a line before this one may be lost. */
  #dialWith(keys: ShareKeys): void {
    const line = this.#signaling;
    const dial = () => {
      if (line.status !== 'open' || this.#dial?.isAnswered === true) return;
      this.#dial?.close();
      const offer = this.#takeOffer();
      this.#takesHeadStart = offer?.headStart ?? !isKept(keys.roomId);
      const world = { clock, random, subtle, lanes };
      this.#dial = dialSender(world, line, keys, this.#id, this.#takesHeadStart, offer);
    };
    line.onstatus = () => {
      this.#burst.step();
      dial();
    };
    dial();
    line.onmessage = (message) => {
      if (message.type === 'ANSWER') this.#burst.lastStep();
      else this.#burst.step();
      this.#dial?.receive(message);
    };
  }

  /** Once, while what answers it is still there, and over the socket that was opened with it: another has not heard that. */
  #takeOffer(): PostedOffer | null {
    const offer = this.#offer;
    this.#offer = null;
    if (offer === null || this.#early.readyState !== WebSocket.OPEN) return null;
    if (performance.now() - offer.postedAt >= POSTED_MS) return null;
    if (offer.isTaken) this.#onoffered();
    return offer;
  }
}

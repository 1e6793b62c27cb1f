import type { QueueLimits, Room } from './limits.ts';

/** A message that waits for its destination to connect. */
export interface Waiting {
  readonly src: string;
  readonly dst: string;
  /** The message as it goes over the wire. */
  readonly text: string;
}

/**
 * Holds messages for peers that are not connected, within bounds for each destination, for each sender and in total.
 * The library has such a queue without any bound; the gateway never lets it fill.
 */
export class AbsentQueue {
  readonly #limits: QueueLimits;
  readonly #onExpire: (src: string, dst: string) => void;
  readonly #byDestination = new Map<string, { readonly waiting: Waiting[]; readonly timer: NodeJS.Timeout }>();
  readonly #destinations = new Ledger();
  readonly #senders = new Ledger();
  readonly #total = new Ledger();

  /** `onExpire` is called once for each sender and destination whose messages were not fetched in time. */
  constructor(limits: QueueLimits, onExpire: (src: string, dst: string) => void) {
    this.#limits = limits;
    this.#onExpire = onExpire;
  }

  /** Keeps the message, or answers false when it does not fit. */
  add(message: Waiting): boolean {
    const { src, dst, text } = message;
    const { perPeer, perSender, total } = this.#limits;
    const bytes = Buffer.byteLength(text);
    const fits =
      this.#destinations.fits(dst, bytes, perPeer) &&
      this.#senders.fits(src, bytes, perSender) &&
      this.#total.fits('', bytes, total);
    if (!fits) return false;
    this.#destinations.add(dst, 1, bytes);
    this.#senders.add(src, 1, bytes);
    this.#total.add('', 1, bytes);
    const entry = this.#byDestination.get(dst);
    if (entry) {
      entry.waiting.push(message);
      return true;
    }
    const timer = setTimeout(() => {
      const senders = new Set(this.take(dst).map((waiting) => waiting.src));
      for (const sender of senders) this.#onExpire(sender, dst);
    }, this.#limits.lifetimeMs);
    this.#byDestination.set(dst, { waiting: [message], timer });
    return true;
  }

  /** Removes and answers what waits for a destination, oldest first. */
  take(dst: string): readonly Waiting[] {
    const entry = this.#byDestination.get(dst);
    if (!entry) return [];
    clearTimeout(entry.timer);
    this.#byDestination.delete(dst);
    for (const { src, text } of entry.waiting) {
      const bytes = Buffer.byteLength(text);
      this.#destinations.add(dst, -1, -bytes);
      this.#senders.add(src, -1, -bytes);
      this.#total.add('', -1, -bytes);
    }
    return entry.waiting;
  }

  /** Drops everything without a word. */
  clear(): void {
    for (const dst of [...this.#byDestination.keys()]) this.take(dst);
  }
}

/** Messages and bytes held under each name; a name with none is forgotten. */
class Ledger {
  readonly #held = new Map<string, Room>();

  fits(name: string, bytes: number, room: Room): boolean {
    const held = this.#held.get(name) ?? { messages: 0, bytes: 0 };
    return held.messages < room.messages && held.bytes + bytes <= room.bytes;
  }

  add(name: string, messages: number, bytes: number): void {
    const held = this.#held.get(name) ?? { messages: 0, bytes: 0 };
    const next = { messages: held.messages + messages, bytes: held.bytes + bytes };
    if (next.messages === 0) this.#held.delete(name);
    else this.#held.set(name, next);
  }
}

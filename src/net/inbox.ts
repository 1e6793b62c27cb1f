import { MIB } from '../core/bytes.ts';

/** Bytes, or characters, kept for a reader: a list of 100,000 files with long names is some 20 MB. */
const MAX_EARLY = 64 * MIB;

/** Keeps what comes over a channel before somebody reads it: the other side may be ready first. */
export class Inbox {
  #handler: ((message: unknown) => void) | null = null;
  #early: unknown[] = [];
  #size = 0;

  /** @param onfull told of more than can be kept: all of it is dropped, and the channel is of no more use then. */
  constructor(channel: RTCDataChannel, onfull: () => void) {
    channel.binaryType = 'arraybuffer';
    channel.addEventListener('message', ({ data }: MessageEvent<string | ArrayBuffer>) => {
      if (this.#handler !== null) {
        this.#handler(data);
        return;
      }
      this.#size += typeof data === 'string' ? data.length : data.byteLength;
      if (this.#size <= MAX_EARLY) this.#early.push(data);
      else {
        this.#early = [];
        onfull();
      }
    });
  }

  get onmessage(): ((message: unknown) => void) | null {
    return this.#handler;
  }

  set onmessage(handler: ((message: unknown) => void) | null) {
    this.#handler = handler;
    if (handler === null) return;
    const early = this.#early;
    this.#early = [];
    for (const message of early) handler(message);
  }
}

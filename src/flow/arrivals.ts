import { encodeArrived } from '../core/frame.ts';
import { CHUNK_BYTES } from '../core/limits.ts';
import type { BulkChannel } from '../core/ports.ts';

/** Half a full chunk: after each message that is nearly full of short ones, too. */
const TELL_BYTES = CHUNK_BYTES / 2;

/** Counts what is read from a lane, and tells its sender, while it is open. Rule [T9]. */
export class Arrivals {
  #bytes = 0;
  #told = 0;

  constructor(private readonly bulk: Pick<BulkChannel, 'isOpen' | 'send'>) {}

  /** Payload bytes read from the lane. */
  get bytes(): number {
    return this.#bytes;
  }

  add(payloadBytes: number): void {
    this.#bytes += payloadBytes;
    if (this.#bytes - this.#told < TELL_BYTES || !this.bulk.isOpen) return;
    this.#told = this.#bytes;
    this.bulk.send(encodeArrived(this.#bytes));
  }
}

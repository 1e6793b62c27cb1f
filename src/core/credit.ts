/**
 * Flow control of one connection in payload bytes over all its lanes, as HTTP/2 does it for a stream: the receiver grants a rising limit, the
 * sender never passes it. A data channel cannot be paused by its receiver, so the protocol must. Rules [K1] to [K4].
 */
import { BeelineError } from './errors.ts';
import { CREDIT_BYTES } from './limits.ts';

/** The sender's side: what it may still send. */
export class CreditGate {
  #limit = CREDIT_BYTES;
  #sent = 0;

  /** Payload bytes that may be sent now. */
  get room(): number {
    return this.#limit - this.#sent;
  }

  spend(bytes: number): void {
    this.#sent += bytes;
  }

  /** A lane has ended before this much of what it was given arrived. */
  refund(bytes: number): void {
    this.#sent -= bytes;
  }

  /** A limit never falls: a smaller one is an older message's and changes nothing. */
  raise(limit: number): void {
    this.#limit = Math.max(this.#limit, limit);
  }
}

/** The receiver's side: what it has allowed, and when to allow more. */
export class CreditWindow {
  #limit = CREDIT_BYTES;
  #received = 0;
  #released = 0;

  /** @throws BeelineError `protocol` when the peer sent more than it was allowed. */
  receive(bytes: number): void {
    this.#received += bytes;
    if (this.#received > this.#limit) throw new BeelineError('protocol', 'more bytes than credit');
  }

  /** Bytes that no longer take memory: durable on disk, or discarded. */
  release(bytes: number): void {
    this.#released += bytes;
  }

  /** The limit to grant now. */
  grant(): number {
    this.#limit = this.#released + CREDIT_BYTES;
    return this.#limit;
  }

  /** True once an eighth of the window would be granted: an `ack` for every piece would be a message for nothing. */
  get worthGranting(): boolean {
    return this.#released + CREDIT_BYTES - this.#limit >= CREDIT_BYTES / 8;
  }
}

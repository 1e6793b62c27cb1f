/** The first of a share, on its way before its receiver has accepted anything. Rule [S10]. */
import { BeelineError } from './errors.ts';
import { CHUNK_BYTES, CHUNK_HEADER_BYTES, HEAD_START_BYTES } from './limits.ts';
import type { PieceTable } from './manifest.ts';

/** How many pieces, from the first on, fit in {@link HEAD_START_BYTES} with their chunks' headers. */
export function headStartOf(table: Pick<PieceTable, 'count' | 'span'>): number {
  let pieces = 0;
  for (let bytes = 0; pieces < table.count; pieces++) {
    const { length } = table.span(pieces);
    bytes += length + Math.ceil(length / CHUNK_BYTES) * CHUNK_HEADER_BYTES;
    if (bytes > HEAD_START_BYTES) break;
  }
  return pieces;
}

/** What of it has come, unread until something is accepted. */
export class HeldMessages {
  #messages: ArrayBuffer[] = [];
  #bytes = 0;

  /** @throws BeelineError `protocol` for what is not binary, or more than a head start may be. */
  hold(message: unknown): void {
    if (!(message instanceof ArrayBuffer) || message.byteLength <= CHUNK_HEADER_BYTES)
      throw new BeelineError('protocol', 'not a bulk message');
    this.#bytes += message.byteLength;
    if (this.#bytes > HEAD_START_BYTES) throw new BeelineError('protocol', 'more than a head start');
    this.#messages.push(message);
  }

  /** Hands them out, in order, once. */
  take(): readonly ArrayBuffer[] {
    const messages = this.#messages;
    this.#messages = [];
    return messages;
  }
}

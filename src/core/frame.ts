import { type Bytes } from './bytes.ts';
import { BeelineError } from './errors.ts';
import { CHUNK_BYTES, CHUNK_HEADER_BYTES, PIECE_BYTES } from './limits.ts';

/** One chunk of a piece, as it stands in a bulk message. */
export interface Chunk {
  /** Number of the piece in the share. */
  readonly piece: number;
  /** Bytes from the start of the piece; a multiple of {@link CHUNK_BYTES}. */
  readonly offset: number;
  /** SHA-256 of the whole piece, 32 bytes; the same in each of its chunks, so that any may come first. */
  readonly hash: Uint8Array;
  /** 1 to {@link CHUNK_BYTES} bytes; a view into the message. */
  readonly payload: Bytes;
}

const CHUNK_TYPE = 1;
const ARRIVED_TYPE = 2;
const ARRIVED_BYTES = 12;
export const HASH_BYTES = 32;

/**
 * Lays a piece out as its bulk messages, big-endian:
 *
 * ```
 *  0      1      4          8          12               44
 *  +------+------+----------+----------+----------------+-----------------+
 *  | type | zero | piece    | offset   | SHA-256        | payload         |
 *  | u8=1 | 3 B  | u32      | u32      | of the piece   | 1 to 65,408 B   |
 *  +------+------+----------+----------+----------------+-----------------+
 * ```
 *
 * Rules [F1] to [F4].
 */
export class PieceFrames {
  readonly #message: Bytes;
  readonly #view: DataView;

  constructor(
    piece: number,
    hash: Uint8Array,
    private readonly bytes: Uint8Array,
  ) {
    this.#message = new Uint8Array(CHUNK_HEADER_BYTES + Math.min(CHUNK_BYTES, bytes.length));
    this.#view = new DataView(this.#message.buffer);
    this.#view.setUint8(0, CHUNK_TYPE);
    this.#view.setUint32(4, piece);
    this.#message.set(hash, 12);
  }

  /** Chunks of the piece: 0 to 15. */
  get count(): number {
    return Math.ceil(this.bytes.length / CHUNK_BYTES);
  }

  /**
   * The message of chunk `chunk`, 0 to {@link count} - 1. All messages are views of one buffer, each good until the next
   * is asked for: `send` copies what it is given, and a buffer that stays in the processor's cache is cheaper to fill
   * than a new one for each message.
   */
  message(chunk: number): Bytes {
    const offset = chunk * CHUNK_BYTES;
    const payload = this.bytes.subarray(offset, offset + CHUNK_BYTES);
    this.#view.setUint32(8, offset);
    this.#message.set(payload, CHUNK_HEADER_BYTES);
    return this.#message.subarray(0, CHUNK_HEADER_BYTES + payload.length);
  }
}

/**
 * Reads one bulk message. What the piece number and offset mean is checked by the one who knows the share.
 * @throws BeelineError `protocol` for anything that {@link PieceFrames} cannot have made.
 */
export function decodeChunk(message: unknown): Chunk {
  if (!(message instanceof ArrayBuffer)) throw new BeelineError('protocol', 'bulk message is not binary');
  const size = message.byteLength - CHUNK_HEADER_BYTES;
  if (size < 1 || size > CHUNK_BYTES) throw new BeelineError('protocol', `chunk of ${size} bytes`);
  const view = new DataView(message);
  expectType(view, CHUNK_TYPE);
  const offset = view.getUint32(8);
  if (offset % CHUNK_BYTES !== 0 || offset + size > PIECE_BYTES)
    throw new BeelineError('protocol', `chunk offset ${offset}`);
  return {
    piece: view.getUint32(4),
    offset,
    hash: new Uint8Array(message, 12, HASH_BYTES),
    payload: new Uint8Array(message, CHUNK_HEADER_BYTES),
  };
}

/**
 * What a receiver sends on a bulk channel, big-endian: type (u8 = 2), three zero bytes, and the payload bytes it has read
 * from that channel so far (u64). Rule [T9].
 */
export function encodeArrived(bytes: number): Bytes {
  const view = new DataView(new ArrayBuffer(ARRIVED_BYTES));
  view.setUint8(0, ARRIVED_TYPE);
  view.setBigUint64(4, BigInt(bytes));
  return new Uint8Array(view.buffer);
}

/**
 * Reads what {@link encodeArrived} made. Whether so much was sent is checked by the one who knows the lane.
 * @throws BeelineError `protocol`
 */
export function decodeArrived(message: unknown): number {
  if (!(message instanceof ArrayBuffer) || message.byteLength !== ARRIVED_BYTES)
    throw new BeelineError('protocol', 'not a count of what has arrived');
  const view = new DataView(message);
  expectType(view, ARRIVED_TYPE);
  return Number(view.getBigUint64(4));
}

/** The type is followed by three bytes of zero. */
function expectType(view: DataView, type: number): void {
  if (view.getUint32(0) !== type << 24) throw new BeelineError('protocol', 'unknown frame type');
}

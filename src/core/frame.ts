import { type Bytes } from './bytes.ts';
import { BeelineError } from './errors.ts';
import { CHUNK_BYTES, CHUNK_HEADER_BYTES, MESSAGE_BYTES } from './limits.ts';
import type { PieceTable } from './manifest.ts';

/** One chunk of a piece, as it stands in a bulk message. */
export interface Chunk {
  /** Number of the piece in the share. */
  readonly piece: number;
  /** Bytes from the start of the piece; a multiple of {@link CHUNK_BYTES}. */
  readonly offset: number;
  /** SHA-256 of the whole piece, 32 bytes; the same in each of its chunks, so that any may come first. */
  readonly hash: Uint8Array;
  /** 1 to {@link CHUNK_BYTES} bytes. */
  readonly payload: Bytes;
}

const CHUNK_TYPE = 1;
const ARRIVED_TYPE = 2;
const ARRIVED_BYTES = 12;
export const HASH_BYTES = 32;

/** The chunks of a piece, from its last on: of a full piece that one is short. Rules [F3], [F4]. */
export function* chunksOf(piece: number, hash: Uint8Array, bytes: Bytes): Generator<Chunk, void, undefined> {
  for (let number = Math.ceil(bytes.length / CHUNK_BYTES) - 1; number >= 0; number--) {
    const offset = number * CHUNK_BYTES;
    yield { piece, offset, hash, payload: bytes.subarray(offset, offset + CHUNK_BYTES) };
  }
}

/** Place of a chunk in its piece, 0 to 14. */
export function numberOf({ offset }: Chunk): number {
  return offset / CHUNK_BYTES;
}

/** A chunk that was copied into a message: the memory it came from may be used for something else by the time it is sent. */
export interface PackedChunk {
  readonly piece: number;
  /** Its place in the piece, 0 to 14. */
  readonly number: number;
  /** Of its payload. */
  readonly bytes: number;
}

/**
 * A bulk message to be filled and sent: chunks one behind the other, each big-endian:
 *
 * ```
 *  0      1      4          8          12               44
 *  +------+------+----------+----------+----------------+-----------------+
 *  | type | zero | piece    | offset   | SHA-256        | payload         |  next chunk ...
 *  | u8=1 | 3 B  | u32      | u32      | of the piece   | 1 to 65,408 B   |
 *  +------+------+----------+----------+----------------+-----------------+
 * ```
 *
 * How long a payload is follows from the share. A message costs much and a byte little, so small files travel together.
 * Rules [F2] to [F4].
 */
export class ChunkMessage {
  readonly #buffer = new Uint8Array(MESSAGE_BYTES);
  readonly #view = new DataView(this.#buffer.buffer);
  readonly #chunks: PackedChunk[] = [];
  #length = 0;

  /** What is in it, in order. */
  get chunks(): readonly PackedChunk[] {
    return this.#chunks;
  }

  get payloadBytes(): number {
    return this.#length - this.#chunks.length * CHUNK_HEADER_BYTES;
  }

  /**
   * What is to be sent, good until the message is changed: `send` copies what it is given, and a buffer that stays in the
   * processor's cache is cheaper to fill than a new one for each message.
   */
  get bytes(): Bytes {
    return this.#buffer.subarray(0, this.#length);
  }

  /** True when there is room for one chunk more. An empty message has room for any. */
  fits({ payload }: Chunk): boolean {
    return this.#length + CHUNK_HEADER_BYTES + payload.length <= MESSAGE_BYTES;
  }

  /** Copies a chunk behind the others. @throws RangeError when it does not fit. */
  add(chunk: Chunk): void {
    if (!this.fits(chunk)) throw new RangeError(`no room for ${chunk.payload.length} bytes`);
    const at = this.#length;
    this.#view.setUint32(at, CHUNK_TYPE << 24);
    this.#view.setUint32(at + 4, chunk.piece);
    this.#view.setUint32(at + 8, chunk.offset);
    this.#buffer.set(chunk.hash, at + 12);
    this.#buffer.set(chunk.payload, at + CHUNK_HEADER_BYTES);
    this.#chunks.push({ piece: chunk.piece, number: numberOf(chunk), bytes: chunk.payload.length });
    this.#length = at + CHUNK_HEADER_BYTES + chunk.payload.length;
  }

  clear(): void {
    this.#chunks.length = 0;
    this.#length = 0;
  }
}

/**
 * Reads one bulk message. Hashes and payloads are views into it.
 * @param table of the share: it tells how long each chunk is.
 * @throws BeelineError `protocol` for anything that a {@link ChunkMessage} of this share cannot be.
 */
export function decodeChunks(message: unknown, table: Pick<PieceTable, 'count' | 'span'>): Chunk[] {
  if (!(message instanceof ArrayBuffer)) throw new BeelineError('protocol', 'bulk message is not binary');
  const { byteLength } = message;
  if (byteLength === 0 || byteLength > MESSAGE_BYTES)
    throw new BeelineError('protocol', `bulk message of ${byteLength} bytes`);
  const view = new DataView(message);
  const chunks: Chunk[] = [];
  for (let at = 0; at < byteLength;) {
    const chunk = decodeChunk(view, at, table);
    chunks.push(chunk);
    at += CHUNK_HEADER_BYTES + chunk.payload.length;
  }
  return chunks;
}

/** The chunk that begins `at` bytes into a message. */
function decodeChunk(message: DataView<ArrayBuffer>, at: number, table: Pick<PieceTable, 'count' | 'span'>): Chunk {
  const payloadAt = at + CHUNK_HEADER_BYTES;
  if (payloadAt >= message.byteLength) throw new BeelineError('protocol', 'chunk without payload');
  expectType(message, at, CHUNK_TYPE);
  const piece = message.getUint32(at + 4);
  const offset = message.getUint32(at + 8);
  if (piece >= table.count) throw new BeelineError('protocol', `piece ${piece}`);
  const left = table.span(piece).length - offset;
  if (offset % CHUNK_BYTES !== 0 || left <= 0) throw new BeelineError('protocol', `chunk offset ${offset}`);
  const length = Math.min(CHUNK_BYTES, left);
  if (payloadAt + length > message.byteLength) throw new BeelineError('protocol', 'chunk is cut short');
  return {
    piece,
    offset,
    hash: new Uint8Array(message.buffer, at + 12, HASH_BYTES),
    payload: new Uint8Array(message.buffer, payloadAt, length),
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
  expectType(view, 0, ARRIVED_TYPE);
  return Number(view.getBigUint64(4));
}

/** The type is followed by three bytes of zero. */
function expectType(view: DataView, at: number, type: number): void {
  if (view.getUint32(at) !== type << 24) throw new BeelineError('protocol', 'unknown frame type');
}

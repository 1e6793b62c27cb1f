import { type Bytes, equalBytes, KIB } from './bytes.ts';
import { BeelineError } from './errors.ts';
import { type Chunk, numberOf } from './frame.ts';
import { CHUNK_BYTES } from './limits.ts';

/**
 * A view of a payload keeps its whole message of 64 KiB in memory until the disk has it. From this many bytes on that is at
 * most sixteen times what it cost in credit; a shorter payload is copied. Rule [K2].
 */
const MIN_VIEW_BYTES = 4 * KIB;

/** A piece whose chunks are all here, not yet verified. */
export interface AssembledPiece {
  readonly piece: number;
  readonly bytes: Bytes;
  /** What its SHA-256 must be. */
  readonly hash: Uint8Array;
}

interface Assembly {
  readonly bytes: Bytes;
  readonly hash: Uint8Array;
  /** Bit n: the chunk at offset n * CHUNK_BYTES is here. A piece has at most 15. */
  seen: number;
  missing: number;
}

/**
 * Puts pieces together from chunks that come in any order and over any lane. Bytes are placed by offset, never by
 * arrival; a chunk that is already here changes nothing. Rules [F3] and [P1].
 */
export class Assembler {
  readonly #open = new Map<number, Assembly>();

  /** @param allocate gives a buffer of exactly this many bytes; what is in it does not matter. */
  constructor(private readonly allocate: (length: number) => Bytes = (length) => new Uint8Array(length)) {}

  /**
   * @param length bytes of the chunk's piece, from the share's own table.
   * @returns the piece once its last chunk is in, else null.
   * @throws BeelineError `protocol` when the chunk contradicts an earlier one.
   */
  add(chunk: Chunk, length: number): AssembledPiece | null {
    if (chunk.payload.length === length)
      return { piece: chunk.piece, bytes: outliving(chunk.payload), hash: chunk.hash.slice() };
    const assembly = this.#open.get(chunk.piece) ?? this.#begin(chunk, length);
    if (!equalBytes(assembly.hash, chunk.hash)) throw new BeelineError('protocol', 'two hashes for one piece');
    const bit = 1 << numberOf(chunk);
    if ((assembly.seen & bit) !== 0) return null;
    assembly.seen |= bit;
    assembly.bytes.set(chunk.payload, chunk.offset);
    assembly.missing -= 1;
    if (assembly.missing > 0) return null;
    this.#open.delete(chunk.piece);
    return { piece: chunk.piece, bytes: assembly.bytes, hash: assembly.hash };
  }

  /** True for a chunk that is already here, of a piece that is not whole. */
  holds(chunk: Chunk): boolean {
    const seen = this.#open.get(chunk.piece)?.seen ?? 0;
    return (seen & (1 << numberOf(chunk))) !== 0;
  }

  /** Forgets what is half here, because its lane is gone or its entry given up. @returns how many bytes that were. */
  drop(isDropped: (piece: number) => boolean): number {
    let dropped = 0;
    for (const [piece, { seen, bytes }] of this.#open) {
      if (!isDropped(piece)) continue;
      this.#open.delete(piece);
      for (let offset = 0, chunk = 0; offset < bytes.length; offset += CHUNK_BYTES, chunk++) {
        if ((seen & (1 << chunk)) !== 0) dropped += Math.min(CHUNK_BYTES, bytes.length - offset);
      }
    }
    return dropped;
  }

  #begin({ piece, hash }: Chunk, length: number): Assembly {
    const assembly = {
      bytes: this.allocate(length),
      hash: hash.slice(),
      seen: 0,
      missing: Math.ceil(length / CHUNK_BYTES),
    };
    this.#open.set(piece, assembly);
    return assembly;
  }
}

/** A payload that may be kept for longer than its message is looked at. */
function outliving(payload: Bytes): Bytes {
  return payload.length < MIN_VIEW_BYTES ? payload.slice() : payload;
}

import { HASH_BYTES } from '../core/frame.ts';
import { PIECE_BYTES } from '../core/limits.ts';
import type { PlannedEntry } from '../core/manifest.ts';

/** One piece of a transfer's file. */
export interface PiecePlace {
  readonly entry: number;
  /** Bytes from the start of the entry. */
  readonly offset: number;
  readonly length: number;
  /** Bytes from the start of the file: of the piece, and of its hash. */
  readonly position: number;
  readonly hashPosition: number;
}

/**
 * Where each accepted entry lies in the one file of a transfer: they stand one behind the other, in the order of the
 * plan, without gaps. Behind them stand the hashes of their pieces, each zero until its piece is written: what an earlier
 * page has left is compared with them.
 *
 * ```
 *   0            size of a        a + b                 total
 *   | entry a    | entry b        | entry d  ...        | hash of a's first piece | ...     (c was not accepted)
 * ```
 *
 * One file means one handle and one flush however many entries there are, and an entry is a slice of it: no copy.
 */
export class Layout {
  /** Bytes of all entries. */
  readonly totalBytes: number;
  /** Bytes of the file. */
  readonly fileBytes: number;
  readonly #spans = new Map<number, Span>();

  constructor(entries: readonly PlannedEntry[]) {
    let start = 0;
    let pieces = 0;
    for (const entry of entries) {
      this.#spans.set(entry.index, { start, firstPiece: pieces, entry });
      start += entry.size;
      pieces += Math.ceil(entry.size / PIECE_BYTES);
    }
    this.totalBytes = start;
    this.fileBytes = start + pieces * HASH_BYTES;
  }

  /**
   * First byte of an entry in the file, and the entry.
   *
   * @throws RangeError for an entry that is not in the plan.
   */
  span(entry: number): Span {
    const span = this.#spans.get(entry);
    if (span === undefined) throw new RangeError(`entry ${entry} is not in the plan`);
    return span;
  }

  /**
   * Place in the file of bytes of an entry.
   *
   * @throws RangeError when they do not lie within it.
   */
  position(entry: number, offset: number, length: number): number {
    const { start, entry: planned } = this.span(entry);
    if (offset < 0 || offset + length > planned.size)
      throw new RangeError(`${offset}+${length} of ${planned.size} bytes`);
    return start + offset;
  }

  /**
   * Place of a piece and of its hash.
   *
   * @param offset of the piece in its entry: a multiple of {@link PIECE_BYTES}.
   */
  piece(entry: number, offset: number): PiecePlace {
    const { start, firstPiece, entry: planned } = this.span(entry);
    const number = firstPiece + Math.floor(offset / PIECE_BYTES);
    return {
      entry,
      offset,
      length: Math.min(PIECE_BYTES, planned.size - offset),
      position: start + offset,
      hashPosition: this.totalBytes + number * HASH_BYTES,
    };
  }

  /** Numbers of the entries, in the order of the file. */
  entries(): Iterable<number> {
    return this.#spans.keys();
  }

  /** The pieces of an entry, in their order. */
  *pieces(entry: number): Generator<PiecePlace, void, undefined> {
    const { size } = this.span(entry).entry;
    for (let offset = 0; offset < size; offset += PIECE_BYTES) yield this.piece(entry, offset);
  }

  /** All pieces, in the order of the file. */
  *allPieces(): Generator<PiecePlace, void, undefined> {
    for (const entry of this.entries()) yield* this.pieces(entry);
  }
}

interface Span {
  /** First byte of the entry in the file. */
  readonly start: number;
  /** Pieces of the entries before it. */
  readonly firstPiece: number;
  readonly entry: PlannedEntry;
}

import { describe, expect, test } from 'vitest';
import { HASH_BYTES } from '../../src/core/frame.ts';
import { PIECE_BYTES } from '../../src/core/limits.ts';
import { Layout } from '../../src/disk/layout.ts';
import { numberOf, planOf } from './sink.suite.ts';

const SIZES = [PIECE_BYTES + 1, 0, 70_000, 2 * PIECE_BYTES];
const TOTAL = 3 * PIECE_BYTES + 70_001;
const layout = new Layout(planOf(SIZES).entries);

describe('the layout of a transfer’s file', () => {
  test('puts the hashes of all pieces behind the bytes of all entries', () => {
    expect([layout.totalBytes, layout.fileBytes]).toEqual([TOTAL, TOTAL + 5 * HASH_BYTES]);
  });

  test('leaves no gap and no overlap, neither of pieces nor of hashes', () => {
    let position = 0;
    let hashPosition = TOTAL;
    for (const piece of layout.allPieces()) {
      expect([piece.position, piece.hashPosition]).toEqual([position, hashPosition]);
      position += piece.length;
      hashPosition += HASH_BYTES;
    }
    expect([position, hashPosition]).toEqual([TOTAL, layout.fileBytes]);
  });

  test('lists the pieces of an entry, the last one shorter', () => {
    const places = [...layout.pieces(numberOf(0))].map(({ entry, offset, length }) => [entry, offset, length]);
    expect(places).toEqual([
      [numberOf(0), 0, PIECE_BYTES],
      [numberOf(0), PIECE_BYTES, 1],
    ]);
    expect([...layout.pieces(numberOf(1))]).toEqual([]);
    expect([...layout.pieces(numberOf(3))].map(({ length }) => length)).toEqual([PIECE_BYTES, PIECE_BYTES]);
  });

  test('finds each piece as the list has it', () => {
    for (const place of layout.allPieces()) expect(layout.piece(place.entry, place.offset)).toEqual(place);
  });

  test('lists the entries in their order, empty ones too', () => {
    expect([...layout.entries()]).toEqual([0, 1, 2, 3].map(numberOf));
  });

  test('knows no entry that is not in the plan', () => {
    expect(() => layout.piece(0, 0)).toThrow(RangeError);
    expect(() => [...layout.pieces(0)]).toThrow(RangeError);
  });

  test('has no bytes for a plan of nothing but empty entries', () => {
    const empty = new Layout(planOf([0, 0]).entries);
    expect([empty.totalBytes, empty.fileBytes, [...empty.allPieces()]]).toEqual([0, 0, []]);
  });
});

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { MAX_ENTRIES, MAX_SHARE_BYTES, PIECE_BYTES } from '../../src/core/limits.ts';
import { type Entry, makeManifest, PieceTable, planEntries, type PieceSpan } from '../../src/core/manifest.ts';
import { refusal } from './refusals.ts';

/** Every piece of a share, one by one, as rule [F1] says it. */
function enumerate(sizes: readonly number[]): PieceSpan[] {
  return sizes.flatMap((size, entry) => {
    const spans: PieceSpan[] = [];
    for (let offset = 0; offset < size; offset += PIECE_BYTES) {
      spans.push({ entry, offset, length: Math.min(PIECE_BYTES, size - offset) });
    }
    return spans;
  });
}

function entryOf(size: number, path = 'a'): Entry {
  return { path, size, mtime: 0, type: '' };
}

const size = fc.oneof(
  fc.constantFrom(0, 0, 1, PIECE_BYTES - 1, PIECE_BYTES, PIECE_BYTES + 1),
  fc.nat(20 * PIECE_BYTES),
);

describe('the table of pieces', () => {
  it('[F1] numbers pieces through the share as counting them one by one does', () => {
    fc.assert(
      fc.property(fc.array(size, { maxLength: 30 }), (sizes) => {
        const expected = enumerate(sizes);
        const table = new PieceTable(sizes);
        expect(table.count).toBe(expected.length);
        expect(expected.map((_, piece) => table.span(piece))).toEqual(expected);
        sizes.forEach((_, entry) => {
          const pieces = expected.flatMap((span, piece) => (span.entry === entry ? [piece] : []));
          const [from, to] = table.range(entry);
          expect(to - from).toBe(pieces.length);
          if (pieces.length > 0) expect([from, to - 1]).toEqual([pieces[0], pieces.at(-1)]);
        });
      }),
    );
  });

  it.each([[[]], [[0]], [[0, 0, 0]]])('[F1] has no piece for %j', (sizes: number[]) => {
    const table = new PieceTable(sizes);
    expect(table.count).toBe(0);
    expect(() => table.span(0)).toThrow(RangeError);
  });

  it.each([-1, 0.5, 3, Number.NaN, Infinity])('[F1] has no piece %d', (piece) => {
    expect(() => new PieceTable([PIECE_BYTES * 3]).span(piece)).toThrow(RangeError);
  });

  it('[M3] counts the pieces of the largest share in 32 bits', () => {
    const table = new PieceTable([1, MAX_SHARE_BYTES - 1]);
    expect(table.count).toBeLessThan(2 ** 32);
    const rest = MAX_SHARE_BYTES % PIECE_BYTES;
    expect(table.span(table.count - 1)).toEqual({
      entry: 1,
      offset: MAX_SHARE_BYTES - rest,
      length: rest - 1,
    });
  });
});

describe('a manifest', () => {
  it('[M3] has at most 100,000 entries and 16 TiB', () => {
    const many = Array.from({ length: MAX_ENTRIES }, () => entryOf(1));
    expect(makeManifest('id', many)).toMatchObject({ totalBytes: MAX_ENTRIES });
    expect(refusal(() => makeManifest('id', [...many, entryOf(0)]))).toBe('too-many-entries');
    expect(makeManifest('id', [entryOf(MAX_SHARE_BYTES)]).totalBytes).toBe(MAX_SHARE_BYTES);
    expect(refusal(() => makeManifest('id', [entryOf(MAX_SHARE_BYTES), entryOf(1)]))).toBe('protocol');
  });

  it('[N7] plans each entry under its own number, with what the sender said of it', () => {
    const entries = ['a/b', 'A/B', '../x'].map((path, index) => ({ path, size: index, mtime: index + 5, type: 't/t' }));
    expect(planEntries(entries)).toEqual([
      { index: 0, path: 'a/b', size: 0, mtime: 5, type: 't/t', madeSafe: false },
      { index: 1, path: 'A/B (2)', size: 1, mtime: 6, type: 't/t', madeSafe: true },
      { index: 2, path: 'x', size: 2, mtime: 7, type: 't/t', madeSafe: true },
    ]);
  });
});

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { HaveMap, joinRuns, pages, type Run, toRuns } from '../../src/core/have.ts';
import { eachOf } from '../../src/core/messages.ts';

const numbers = fc.uniqueArray(fc.nat(200), { maxLength: 120 });

describe('the have-map', () => {
  it('[P3] holds what a set would hold', () => {
    fc.assert(
      fc.property(fc.nat(130), fc.array(fc.integer({ min: -3, max: 140 })), (count, marks) => {
        const map = new HaveMap(count);
        const model = new Set<number>();
        for (const piece of marks) {
          const isNew = piece >= 0 && piece < count && !model.has(piece);
          expect(map.mark(piece)).toBe(isNew);
          if (isNew) model.add(piece);
          expect(map.held).toBe(model.size);
        }
        for (let piece = 0; piece < count; piece++) expect(map.has(piece)).toBe(model.has(piece));
      }),
    );
  });

  it('[C5] names exactly what is missing in a range, as ascending runs that do not touch', () => {
    fc.assert(
      fc.property(numbers, fc.nat(200), fc.nat(201), (marks, from, to) => {
        const map = new HaveMap(201);
        for (const piece of marks) map.mark(piece);
        const runs = [...map.missing(from, to)];
        const expected = Array.from({ length: Math.max(0, to - from) }, (_, at) => from + at).filter(
          (piece) => !marks.includes(piece),
        );
        expect([...eachOf(runs)]).toEqual(expected);
        expect([...joinRuns(runs)]).toEqual(runs);
      }),
    );
  });
});

describe('runs', () => {
  it('[M5] of any pieces ascend, do not touch and name each piece once', () => {
    fc.assert(
      fc.property(numbers, (pieces) => {
        const runs = toRuns(pieces);
        expect([...eachOf(runs)]).toEqual([...pieces].sort((a, b) => a - b));
        runs.forEach(([from], at) => {
          const before = runs[at - 1];
          if (before !== undefined) expect(from).toBeGreaterThan(before[0] + before[1]);
        });
      }),
    );
  });

  it('[M5] that touch are joined, others are left alone', () => {
    const runs: Run[] = [
      [0, 2],
      [2, 1],
      [4, 1],
      [5, 5],
      [11, 1],
    ];
    expect([...joinRuns(runs)]).toEqual([
      [0, 3],
      [4, 6],
      [11, 1],
    ]);
  });
});

describe('pages', () => {
  it('hold every item in order, each full but the last', () => {
    fc.assert(
      fc.property(fc.array(fc.nat()), fc.integer({ min: 1, max: 9 }), (items, size) => {
        const cut = [...pages(items, size)];
        expect(cut.flat()).toEqual(items);
        for (const page of cut.slice(0, -1)) expect(page).toHaveLength(size);
        for (const page of cut) expect(page.length).toBeGreaterThan(0);
      }),
    );
  });
});

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Run, toRuns } from '../../src/core/have.ts';
import { PIECE_BYTES } from '../../src/core/limits.ts';
import { eachOf } from '../../src/core/messages.ts';
import { PieceTable } from '../../src/core/manifest.ts';
import { PieceScheduler } from '../../src/core/scheduler.ts';

/** Entries of three pieces each. */
const table = new PieceTable(Array.from({ length: 101 }, () => 3 * PIECE_BYTES));

function take(scheduler: PieceScheduler, count: number): (number | null)[] {
  return Array.from({ length: count }, () => scheduler.take());
}

const command = fc.record({
  do: fc.constantFrom('next', 'next', 'next', 'again', 'want', 'hold', 'release'),
  pick: fc.nat(1_000),
});
const wantedRuns = fc.uniqueArray(fc.nat(300), { maxLength: 150 }).map(toRuns);

describe('the scheduler', () => {
  it('[P5] [P7] does what a plain list would do, and loses no piece', () => {
    fc.assert(
      fc.property(fc.array(wantedRuns, { minLength: 1, maxLength: 5 }), fc.array(command), (wants, commands) => {
        const scheduler = new PieceScheduler(table);
        const taken: number[] = [];
        const left = [...wants];
        let queue: number[] = [];
        const aside = new Map<number, number[]>();
        const asideOf = (piece = -1) => aside.get(Math.floor(piece / 3));
        const want = (runs: readonly Run[] = []) => {
          scheduler.want(runs);
          queue.push(...eachOf(runs));
        };
        const next = () => {
          for (; asideOf(queue[0]) !== undefined; queue.shift()) asideOf(queue[0])?.push(queue[0] ?? -1);
          const piece = scheduler.take();
          expect(piece).toBe(queue.shift() ?? null);
          if (piece !== null) taken.push(piece);
        };
        const release = (entry: number) => {
          scheduler.release(entry);
          queue.push(...(aside.get(entry) ?? []));
          aside.delete(entry);
        };
        for (const { do: what, pick } of commands) {
          const one = taken[pick % Math.max(1, taken.length)];
          if (what === 'next') next();
          else if (what === 'want') want(left.shift());
          else if (what === 'hold') {
            scheduler.hold(pick % 101);
            aside.set(pick % 101, aside.get(pick % 101) ?? []);
          } else if (what === 'release') release(pick % 101);
          else if (one !== undefined) {
            scheduler.wantFirst([one]);
            queue = [one, ...queue];
          }
        }
        while (left.length > 0) want(left.shift());
        for (const entry of [...aside.keys()]) release(entry);
        while (queue.length > 0) next();
        expect(scheduler.take()).toBeNull();
        expect(new Set(taken)).toEqual(new Set(wants.flatMap((runs) => [...eachOf(runs)])));
      }),
    );
  });

  it('[P5] goes in the order that was asked for', () => {
    const scheduler = new PieceScheduler(table);
    scheduler.want([
      [5, 2],
      [9, 1],
    ]);
    scheduler.want([[1, 2]]);
    expect(take(scheduler, 6)).toEqual([5, 6, 9, 1, 2, null]);
  });

  it('[P7] lets the others go first while an entry is held back, and goes on with it after them', () => {
    const scheduler = new PieceScheduler(table);
    scheduler.want([[0, 8]]);
    expect(take(scheduler, 1)).toEqual([0]);
    scheduler.hold(0);
    scheduler.wantFirst([0]);
    expect(take(scheduler, 3)).toEqual([3, 4, 5]);
    scheduler.release(0);
    expect(take(scheduler, 6)).toEqual([6, 7, 0, 1, 2, null]);
  });

  it('[P7] takes back a piece that was taken before its entry was held back', () => {
    const scheduler = new PieceScheduler(table);
    scheduler.want([[0, 4]]);
    expect(take(scheduler, 2)).toEqual([0, 1]);
    expect(scheduler.putAside(1)).toBe(false);
    scheduler.hold(0);
    expect([scheduler.putAside(1), scheduler.putAside(3)]).toEqual([true, false]);
    scheduler.release(0);
    expect(take(scheduler, 4)).toEqual([2, 3, 1, null]);
  });

  it('[P5] puts a piece that was asked for again before all others', () => {
    const scheduler = new PieceScheduler(table);
    scheduler.want([[0, 4]]);
    expect(take(scheduler, 2)).toEqual([0, 1]);
    scheduler.wantFirst([0]);
    expect(take(scheduler, 4)).toEqual([0, 2, 3, null]);
  });
});

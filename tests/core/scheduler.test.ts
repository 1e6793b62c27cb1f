import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Run, toRuns } from '../../src/core/have.ts';
import { eachOf } from '../../src/core/messages.ts';
import { PieceScheduler } from '../../src/core/scheduler.ts';

function take(scheduler: PieceScheduler, count: number): (number | null)[] {
  return Array.from({ length: count }, () => scheduler.take());
}

const command = fc.record({ do: fc.constantFrom('next', 'next', 'next', 'again', 'want'), pick: fc.nat(1_000) });
const wantedRuns = fc.uniqueArray(fc.nat(300), { maxLength: 150 }).map(toRuns);

describe('the scheduler', () => {
  it('[P5] does what a plain list would do, and loses no piece', () => {
    fc.assert(
      fc.property(fc.array(wantedRuns, { minLength: 1, maxLength: 5 }), fc.array(command), (wants, commands) => {
        const scheduler = new PieceScheduler();
        const taken: number[] = [];
        const left = [...wants];
        let queue: number[] = [];
        const want = (runs: readonly Run[] = []) => {
          scheduler.want(runs);
          queue.push(...eachOf(runs));
        };
        const next = () => {
          const piece = scheduler.take();
          expect(piece).toBe(queue.shift() ?? null);
          if (piece !== null) taken.push(piece);
        };
        for (const { do: what, pick } of commands) {
          const one = taken[pick % Math.max(1, taken.length)];
          if (what === 'next') next();
          else if (what === 'want') want(left.shift());
          else if (one !== undefined) {
            scheduler.wantFirst([one]);
            queue = [one, ...queue];
          }
        }
        while (left.length > 0) want(left.shift());
        while (queue.length > 0) next();
        expect(scheduler.take()).toBeNull();
        expect(new Set(taken)).toEqual(new Set(wants.flatMap((runs) => [...eachOf(runs)])));
      }),
    );
  });

  it('[P5] goes in the order that was asked for', () => {
    const scheduler = new PieceScheduler();
    scheduler.want([
      [5, 2],
      [9, 1],
    ]);
    scheduler.want([[1, 2]]);
    expect(take(scheduler, 6)).toEqual([5, 6, 9, 1, 2, null]);
  });

  it('[P5] puts a piece that was asked for again before all others', () => {
    const scheduler = new PieceScheduler();
    scheduler.want([[0, 4]]);
    expect(take(scheduler, 2)).toEqual([0, 1]);
    scheduler.wantFirst([0]);
    expect(take(scheduler, 4)).toEqual([0, 2, 3, null]);
  });
});

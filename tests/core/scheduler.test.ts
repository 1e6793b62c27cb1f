import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Run, toRuns } from '../../src/core/have.ts';
import { eachOf } from '../../src/core/messages.ts';
import { PieceScheduler } from '../../src/core/scheduler.ts';

function take(scheduler: PieceScheduler, lane: number, count: number): (number | null)[] {
  return Array.from({ length: count }, () => nextOf(scheduler, lane));
}

/** What the rules say, kept as plain lists. */
class Model {
  queue: number[] = [];
  readonly inFlight = new Map<number, number>();

  next(lane: number): number | null {
    const piece = this.queue.shift() ?? null;
    if (piece !== null) this.inFlight.set(piece, lane);
    return piece;
  }

  first(pieces: readonly number[]): void {
    for (const piece of pieces) this.inFlight.delete(piece);
    this.queue = [...pieces, ...this.queue];
  }

  lanePieces(lane: number): number[] {
    return [...this.inFlight].filter(([, on]) => on === lane).map(([piece]) => piece);
  }
}

const LANES = 3;
const command = fc.record({
  do: fc.constantFrom('next', 'next', 'next', 'verified', 'again', 'lost'),
  lane: fc.nat(LANES - 1),
  pick: fc.nat(1_000),
});
const wantedRuns = fc
  .uniqueArray(fc.nat(300), { maxLength: 150 })
  .map((pieces): readonly [Run[], Run[]] => [
    toRuns(pieces.filter((piece) => piece % 2 === 0)),
    toRuns(pieces.filter((piece) => piece % 2 === 1)),
  ]);

/** One piece at a time. */
function nextOf(scheduler: PieceScheduler, lane: number): number | null {
  return scheduler.take(lane, () => 1)?.[0] ?? null;
}

describe('the scheduler', () => {
  it('[P5] [P6] does what plain lists would do, and loses no piece', () => {
    fc.assert(
      fc.property(wantedRuns, fc.array(command, { maxLength: 200 }), ([now, later], commands) => {
        const scheduler = new PieceScheduler();
        const model = new Model();
        const delivered = new Set<number>();
        const want = (runs: readonly Run[]) => {
          scheduler.want(runs);
          model.queue.push(...eachOf(runs));
        };
        want(now);
        commands.forEach(({ do: what, lane, pick }, at) => {
          if (at === 20) want(later);
          const flying = [...model.inFlight.keys()];
          const one = flying[pick % Math.max(1, flying.length)];
          if (what === 'next') expect(nextOf(scheduler, lane)).toBe(model.next(lane));
          else if (what === 'lost') {
            scheduler.laneLost(lane);
            model.first(model.lanePieces(lane));
          } else if (one !== undefined && what === 'again') {
            scheduler.wantFirst([one]);
            model.first([one]);
          } else if (one !== undefined) {
            expect(scheduler.verified(one)).toBe(model.inFlight.delete(one));
            delivered.add(one);
          }
          expect(scheduler.inFlight).toBe(model.inFlight.size);
          expect(scheduler.idle).toBe(model.inFlight.size === 0 && model.queue.length === 0);
        });
        if (commands.length <= 20) want(later);
        for (let lane = 0; lane < LANES; lane++) scheduler.laneLost(lane);
        for (let piece = nextOf(scheduler, 0); piece !== null; piece = nextOf(scheduler, 0)) {
          delivered.add(piece);
          scheduler.verified(piece);
        }
        expect(scheduler.idle).toBe(true);
        expect([...delivered].sort((a, b) => a - b)).toEqual([...eachOf([...now, ...later])].sort((a, b) => a - b));
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
    expect(take(scheduler, 0, 6)).toEqual([5, 6, 9, 1, 2, null]);
  });

  it('[P5] puts a piece that was asked for again before all others', () => {
    const scheduler = new PieceScheduler();
    scheduler.want([[0, 4]]);
    expect(take(scheduler, 0, 2)).toEqual([0, 1]);
    scheduler.wantFirst([0]);
    expect(take(scheduler, 0, 4)).toEqual([0, 2, 3, null]);
  });

  it('[P6] gives the pieces of a lost lane to whichever lane asks next, and leaves those of others', () => {
    const scheduler = new PieceScheduler();
    scheduler.want([[0, 6]]);
    take(scheduler, 0, 2);
    take(scheduler, 1, 2);
    scheduler.verified(0);
    scheduler.laneLost(0);
    expect(take(scheduler, 1, 4)).toEqual([1, 4, 5, null]);
    expect(scheduler.inFlight).toBe(5);
  });

  it('an acknowledgement of what was never sent is told apart', () => {
    const scheduler = new PieceScheduler();
    scheduler.want([[0, 1]]);
    expect(scheduler.verified(0)).toBe(false);
    nextOf(scheduler, 0);
    expect(scheduler.verified(0)).toBe(true);
    expect(scheduler.verified(0)).toBe(false);
  });
});

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { KIB, MIB } from '../../src/core/bytes.ts';
import { LaneCount, type LaneSample } from '../../src/core/lane-count.ts';
import { type Outcome, type Path, simulate, simulateProcessor, timeAbove } from './path-simulation.ts';

const CLEAN: Path = { mbitPerSecond: 100, rttMs: 50, loss: 0, queueBytes: MIB };
const LOSSY: Path = { ...CLEAN, loss: 0.001 };
const VERY_LOSSY: Path = { ...CLEAN, loss: 0.01 };
const SHORT: Path = { mbitPerSecond: 20, rttMs: 20, loss: 0, queueBytes: 256 * KIB };
const SLOW: Path = { mbitPerSecond: 2, rttMs: 30, loss: 0, queueBytes: 64 * KIB };
const SEEDS = [1, 2, 3];

/** Payload Mbit/s of one transfer alone, and when it wanted how many lanes. */
function alone(path: Path, lanes: 'controlled' | number, seed: number, seconds = 20, relayed = false) {
  const { transfers, counts } = simulate({ path, seconds, seed, transfers: [{ lanes, relayed }] });
  return { speed: transfers[0] ?? 0, counts: counts[0] ?? [] };
}

/** Times a single lane's speed, the least of some seeds. */
function gain(path: Path): number {
  return Math.min(...SEEDS.map((seed) => alone(path, 'controlled', seed).speed / alone(path, 1, seed).speed));
}

function firstTime(counts: Outcome['counts'][number], lanes: number): number {
  return counts.find(([, wanted]) => wanted === lanes)?.[0] ?? Infinity;
}

/** A controller on a path on which every lane brings as much, fed by hand. */
class Feed {
  readonly controller = new LaneCount();
  nowMs = 0;
  bytes = 0;
  lanes = 1;
  /** Bytes per second with so many lanes. */
  speed = (lanes: number): number => lanes * 1_000_000;

  run(ms: number, over: Partial<LaneSample> = {}): number {
    for (const endMs = this.nowMs + ms; this.nowMs < endMs; this.nowMs += 250) {
      if (over.limited !== true) this.bytes += this.speed(Math.min(this.lanes, this.controller.wanted)) / 4;
      this.lanes = over.lanes ?? this.controller.wanted;
      const { nowMs, bytes, lanes } = this;
      this.controller.sample({
        nowMs,
        verifiedBytes: bytes,
        leftBytes: Infinity,
        lanes,
        kind: 'direct',
        rttMs: 20,
        limited: false,
        ...over,
      });
    }
    return this.controller.wanted;
  }
}

describe('the simulation', () => {
  it('is near what was measured in Chromium', () => {
    expect(alone(CLEAN, 1, 1).speed).toBeGreaterThan(30);
    expect(alone(CLEAN, 1, 1).speed).toBeLessThan(45);
    expect(alone(CLEAN, 8, 1).speed).toBeGreaterThan(68);
    expect(alone(CLEAN, 8, 1).speed).toBeLessThan(80);
    expect(alone(VERY_LOSSY, 1, 1).speed).toBeLessThan(2.5);
    expect(alone(VERY_LOSSY, 16, 1).speed).toBeGreaterThan(28);
    expect(alone(VERY_LOSSY, 16, 1).speed).toBeLessThan(40);
    expect(alone(SHORT, 2, 1).speed / 20).toBeCloseTo(0.93, 2);
  });

  it('gives the same for the same seed', () => {
    expect(alone(LOSSY, 'controlled', 7, 5)).toEqual(alone(LOSSY, 'controlled', 7, 5));
  });
});

describe('the number of lanes', () => {
  it('[G1] begins with one, and a small file gets no more', () => {
    const feed = new Feed();
    expect(feed.controller.wanted).toBe(1);
    expect(feed.run(500, { leftBytes: 3 * MIB })).toBe(1);
    expect(feed.run(60_000, { leftBytes: 3 * MIB, limited: true })).toBe(1);
  });

  it('[G2] [G9] begins with what suits the path while something else holds it up, and judges nothing meanwhile', () => {
    const feed = new Feed();
    expect(feed.run(250, { rttMs: 1, kind: 'lan', limited: true })).toBe(8);
    expect(feed.run(60_000, { limited: true })).toBe(8);
  });

  it.each([
    [{ rttMs: 9 }, 1],
    [{ rttMs: 10 }, 4],
    [{ rttMs: 40 }, 16],
    [{ rttMs: 40, leftBytes: 20 * MIB }, 8],
    [{ rttMs: 40, kind: 'relay' }, 2],
    [{ rttMs: 1, kind: 'lan' }, 8],
    [{ rttMs: 40, kind: 'lan' }, 8],
    [{ rttMs: 1, kind: 'lan', leftBytes: 16 * MIB }, 4],
    [{ rttMs: 1, kind: 'lan', leftBytes: 7 * MIB }, 1],
    [{ rttMs: null }, 1],
    [{ rttMs: 40, kind: null }, 1],
  ] as const)('[G2] begins with what suits the path, unmeasured: %j', (path, lanes) => {
    expect(new Feed().run(250, path)).toBe(lanes);
  });

  it('[G2] [G3] is 16 within six seconds where packets get lost, and many times as fast', () => {
    for (const seed of SEEDS) {
      expect(firstTime(alone(LOSSY, 'controlled', seed).counts, 16)).toBeLessThan(6_000);
      expect(firstTime(alone(VERY_LOSSY, 'controlled', seed).counts, 16)).toBeLessThan(6_000);
    }
    expect(gain(LOSSY)).toBeGreaterThan(6);
    expect(gain(VERY_LOSSY)).toBeGreaterThan(12);
  });

  it('[G2] [G3] fills a long path without loss', () => {
    expect(gain(CLEAN)).toBeGreaterThan(1.9);
    expect(alone(CLEAN, 'controlled', 1, 30).speed).toBeGreaterThan(80);
  });

  it('[G4] [G5] stays at four on a short path that four fill', () => {
    for (const seed of SEEDS) {
      const { speed, counts } = alone(SHORT, 'controlled', seed, 60);
      expect(speed / 20).toBeGreaterThan(0.9);
      expect(timeAbove(counts, 4, 60_000)).toBeLessThan(6_000);
      expect(60_000 - timeAbove(counts, 3, 60_000)).toBe(0);
    }
  });

  it('[G3] does not take the lumps of a slow path for a gain', () => {
    for (const seed of SEEDS) expect(timeAbove(alone(SLOW, 'controlled', seed, 60).counts, 8, 60_000)).toBe(0);
  });

  it('[G4] tries again after times that double', () => {
    const feed = new Feed();
    feed.speed = () => 2_000_000;
    const tries: number[] = [];
    for (let before = 1; feed.nowMs < 400_000;) {
      const wanted = feed.run(250, { rttMs: 8 });
      if (wanted > before) tries.push(feed.nowMs);
      before = wanted;
    }
    const gaps = tries.slice(1).map((atMs, index) => atMs - (tries[index] ?? 0));
    expect(gaps.length).toBeGreaterThan(3);
    for (const [index, gap] of gaps.entries()) expect(gap).toBeGreaterThan(5_000 * 2 ** Math.min(index, 5));
  });

  it('[G4] tries soon again when the path has become worse', () => {
    const feed = new Feed();
    feed.speed = () => 4_000_000;
    feed.run(120_000, { rttMs: 8 });
    feed.speed = (lanes) => lanes * 500_000;
    expect(feed.run(20_000, { rttMs: 8 })).toBe(16);
  });

  it('[G4] tries no more than four where a queue stands, unless goodput has fallen', () => {
    const feed = new Feed();
    feed.speed = () => 2_000_000;
    feed.run(3_000);
    for (let most = 4; feed.nowMs < 200_000;) {
      most = Math.max(most, feed.run(250, { rttMs: 100 }));
      expect(most).toBe(4);
    }
    feed.speed = (lanes) => lanes * 250_000;
    expect(feed.run(30_000, { rttMs: 100 })).toBe(16);
  });

  it.each([
    [8, 1],
    [20, 4],
  ])('[G5] gives up lanes that bring nothing: at %i ms all but %i', (rttMs, fewest) => {
    const feed = new Feed();
    expect(feed.run(60_000, { rttMs })).toBe(16);
    feed.speed = () => 16_000_000;
    const tried: number[] = [];
    while (feed.nowMs < 400_000) tried.push(feed.run(250, { rttMs }));
    expect(Math.min(...tried)).toBe(fewest);
  });

  it('[G6] is at most four over a relay', () => {
    const feed = new Feed();
    expect(feed.run(60_000, { kind: 'relay' })).toBe(4);
    const moved = new Feed();
    expect(moved.run(20_000)).toBe(16);
    expect(moved.run(250, { kind: 'relay' })).toBe(4);
  });

  it.each([
    ['direct', 1],
    ['lan', 8],
  ] as const)(
    '[G7] stays with what it began with where a processor sets the pace, whatever the noise: %s',
    (kind, lanes) => {
      for (const seed of SEEDS) {
        const counts = simulateProcessor({ mbitPerSecond: 110, rttMs: 1, noise: 0.2, seconds: 120, seed, kind });
        expect(new Set(counts.map(([, wanted]) => wanted))).toEqual(new Set([1, lanes]));
        expect(timeAbove(counts, lanes - 1, 120_000)).toBe(120_000);
      }
    },
  );

  it('[G5] gives up lanes between neighbours down to eight, however fast they have become', () => {
    const feed = new Feed();
    const path = { kind: 'lan', rttMs: 1 } as const;
    feed.speed = (lanes) => lanes * 100_000;
    expect(feed.run(60_000, path)).toBe(16);
    feed.speed = () => 12_000_000;
    let fewest = 16;
    for (let step = 0; step < 200; step++) fewest = Math.min(fewest, feed.run(250, path));
    expect(fewest).toBe(8);
  });

  it('[G7] tries seldom and shortly where a processor sets the pace of a longer path', () => {
    for (const seed of SEEDS) {
      const counts = simulateProcessor({
        mbitPerSecond: 110,
        rttMs: 8,
        noise: 0.2,
        seconds: 120,
        seed,
        kind: 'direct',
      });
      expect(timeAbove(counts, 1, 120_000)).toBeLessThan(0.25 * 120_000);
      expect(timeAbove(counts, 4, 120_000)).toBeLessThan(0.05 * 120_000);
    }
  });

  it('[G8] does with what it has when a lane could not be made', () => {
    const feed = new Feed();
    expect(feed.run(1_000)).toBe(4);
    feed.run(250, { lanes: 2 });
    feed.controller.laneFailed();
    expect(feed.controller.wanted).toBe(2);
    expect(feed.run(4_000)).toBe(2);
    expect(feed.run(10_000)).toBeGreaterThan(2);
  });

  it('[G8] takes a lane that does not open in 15 s for one that could not be made', () => {
    const feed = new Feed();
    feed.run(1_000);
    expect(feed.run(14_000, { lanes: 1 })).toBe(4);
    expect(feed.run(2_000, { lanes: 1 })).toBe(1);
  });

  it('[G9] judges nothing by a time in which something else held it up', () => {
    const feed = new Feed();
    feed.run(1_000);
    const wanted = feed.run(500);
    expect(feed.run(600_000, { limited: true })).toBe(wanted);
    expect(feed.run(15_000)).toBe(16);
  });

  it('[G1] [G6] stays within its bounds, whatever it is told', () => {
    const sample = fc.record({
      stepMs: fc.nat(5_000),
      bytes: fc.nat(20 * MIB),
      lanes: fc.integer({ min: 0, max: 20 }),
      kind: fc.constantFrom('lan', 'direct', 'relay', null),
      rttMs: fc.option(fc.double({ min: 0, max: 3_000, noNaN: true })),
      limited: fc.boolean(),
      fails: fc.boolean(),
    });
    fc.assert(
      fc.property(fc.array(sample, { maxLength: 200 }), (samples) => {
        const controller = new LaneCount();
        let nowMs = 0;
        let verifiedBytes = 0;
        for (const { stepMs, bytes, lanes, kind, rttMs, limited, fails } of samples) {
          nowMs += stepMs;
          verifiedBytes += bytes;
          if (fails && stepMs < 500) controller.laneFailed();
          const wanted = controller.sample({ nowMs, verifiedBytes, leftBytes: bytes, lanes, kind, rttMs, limited });
          expect([1, 2, 4, 8, 16, ...(lanes > 0 ? Array.from({ length: 16 }, (_, at) => at) : [])]).toContain(wanted);
          expect(wanted).toBeGreaterThanOrEqual(1);
          expect(wanted).toBeLessThanOrEqual(kind === 'relay' ? 4 : 16);
        }
      }),
      { numRuns: 50 },
    );
  });
});

describe('fairness', () => {
  it('[G3] two transfers share a bottleneck within a factor of two', () => {
    for (const path of [CLEAN, LOSSY, VERY_LOSSY, SHORT]) {
      const both = [{ lanes: 'controlled' }, { lanes: 'controlled', startMs: 3_000 }] as const;
      for (const seed of path === SHORT ? SEEDS : [1]) {
        const { transfers } = simulate({ path, seconds: 40, seed, transfers: both, countFromMs: 15_000 });
        expect(Math.max(...transfers) / Math.min(...transfers)).toBeLessThan(2);
      }
    }
  });

  it('[G3] a download keeps a quarter of what it would have beside one other', () => {
    for (const path of [CLEAN, SHORT]) {
      for (const startMs of [0, 3_000]) {
        const one = [{ lanes: 'controlled', startMs }] as const;
        for (const seed of path === SHORT ? SEEDS : [1]) {
          const fair = (0.93 * path.mbitPerSecond) / 2;
          const scenario = { path, seconds: 40, seed, transfers: one, downloads: 1, countFromMs: 10_000 };
          expect(simulate(scenario).downloads[0]).toBeGreaterThan(fair / 4);
        }
      }
    }
  });

  it('[G3] a download that losses hold back keeps most of what it had', () => {
    const without = simulate({ path: LOSSY, seconds: 40, seed: 1, transfers: [], downloads: 1 }).downloads[0] ?? 0;
    const one = [{ lanes: 'controlled' }] as const;
    const { downloads } = simulate({ path: LOSSY, seconds: 40, seed: 1, transfers: one, downloads: 1 });
    expect(downloads[0]).toBeGreaterThan(without / 2);
  });
});

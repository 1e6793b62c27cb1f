import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { RateMeter } from '../../src/core/progress.ts';

function meterOf(samples: readonly (readonly [at: number, bytes: number])[]): RateMeter {
  const meter = new RateMeter();
  for (const [at, bytes] of samples) meter.sample(at, bytes);
  return meter;
}

describe('the rate', () => {
  it('is not told before half a second was measured', () => {
    expect(new RateMeter().bytesPerSecond).toBeNull();
    expect(meterOf([[0, 0]]).bytesPerSecond).toBeNull();
    const samples = [
      [1_000, 0],
      [1_499, 900],
    ] as const;
    expect(meterOf(samples).bytesPerSecond).toBeNull();
    expect(meterOf(samples).secondsFor(10)).toBeNull();
  });

  it('is bytes per second from then on', () => {
    const meter = meterOf([
      [1_000, 500],
      [3_000, 4_500],
    ]);
    expect(meter.bytesPerSecond).toBe(2_000);
    expect(meter.secondsFor(1_000)).toBe(0.5);
  });

  it('forgets what is older than its window', () => {
    const meter = meterOf([
      [0, 0],
      [1_000, 1_000_000],
      [6_000, 1_000_000],
      [11_000, 1_000_500],
    ]);
    expect(meter.bytesPerSecond).toBe(100);
  });

  it('is told of a steady stream within rounding, however long it runs', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 1_000 }), fc.integer({ min: 1, max: 1e6 }), (everyMs, bytes) => {
        const count = Math.ceil(12_000 / everyMs);
        const meter = meterOf(Array.from({ length: count }, (_, at) => [at * everyMs, at * bytes] as const));
        expect(meter.bytesPerSecond).toBeCloseTo((bytes * 1000) / everyMs, 3);
      }),
      { numRuns: 30 },
    );
  });

  it('is forgotten by a reset: a pause is not slowness', () => {
    const meter = meterOf([
      [0, 0],
      [2_000, 2_000],
    ]);
    meter.reset();
    meter.sample(60_000, 2_000);
    expect(meter.bytesPerSecond).toBeNull();
    meter.sample(61_000, 3_000);
    expect(meter.bytesPerSecond).toBe(1_000);
  });

  it('tells no time left while nothing moves', () => {
    const meter = meterOf([
      [0, 700],
      [2_000, 700],
    ]);
    expect(meter.bytesPerSecond).toBe(0);
    expect(meter.secondsFor(10)).toBeNull();
  });
});

import { beforeEach, describe, expect, it, vi } from 'vitest';
import { Burst } from '../../src/core/burst.ts';
import { ManualClock } from '../doubles/clock.ts';

describe('a burst of steps', () => {
  let clock: ManualClock;
  let burst: Burst;
  let isOver: boolean;
  beforeEach(() => {
    clock = new ManualClock();
    burst = new Burst(clock, 30);
    isOver = false;
    void burst.over.then(() => (isOver = true));
  });

  async function after(ms: number): Promise<boolean> {
    clock.advance(ms);
    await Promise.resolve();
    return isOver;
  }

  it('is over when the first one has to be waited for', async () => {
    expect([await after(29), await after(1)]).toEqual([false, true]);
  });

  it('goes on for as long as one follows another', async () => {
    for (let step = 0; step < 5; step++) {
      expect(await after(29)).toBe(false);
      burst.step();
    }
    expect([await after(29), await after(1)]).toEqual([false, true]);
  });

  it('is not put off by what follows its last step', async () => {
    expect(await after(29)).toBe(false);
    burst.lastStep();
    expect(await after(29)).toBe(false);
    burst.step();
    burst.lastStep();
    expect(await after(1)).toBe(true);
  });

  it('ends at once where it is told to, and waits for no later step', async () => {
    burst.end();
    const timers = vi.spyOn(clock, 'after');
    burst.step();
    expect([await after(0), timers.mock.calls]).toEqual([true, []]);
  });
});

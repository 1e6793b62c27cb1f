import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { runSchedule } from './engine.ts';
import { makeSchedule } from './schedule.ts';

const SCHEDULES = 2_000;
const BATCH = 100;

/** Milliseconds for a batch: it takes two seconds on a machine with nothing else to do. */
const BATCH_TIMEOUT_MS = 120_000;

const batches = Array.from({ length: SCHEDULES / BATCH }, (_, batch) => batch * BATCH + 1);

let equal = 0;

beforeAll(() => {
  vi.spyOn(console, 'warn').mockImplementation(() => undefined);
});

afterAll(() => {
  console.log(`${SCHEDULES} engine schedules, ${equal} ended equal`);
});

describe('whatever goes wrong, the transfer ends with every byte equal', () => {
  it.each(batches)(
    'in the hundred schedules from seed %i on',
    async (first) => {
      for (let seed = first; seed < first + BATCH; seed++) {
        await runSchedule(makeSchedule(seed));
        equal += 1;
      }
    },
    BATCH_TIMEOUT_MS,
  );

  it('and the same seed is the same run', async () => {
    const schedule = makeSchedule(1);
    expect(await runSchedule(schedule)).toEqual(await runSchedule(schedule));
  });
});

describe('a schedule that does not end as it must', () => {
  it('is told with its seed, its faults, and the one command that runs it again', async () => {
    // No share of a schedule has so many entries: nothing can be accepted.
    const schedule = { ...makeSchedule(77), accepted: [99] };
    const failure = await runSchedule(schedule).catch((error: unknown) => String(error));
    expect(failure).toContain('seed 77');
    expect(failure).toContain(JSON.stringify(schedule));
    expect(failure).toContain('npm run faults -- --engine --seed 77');
  });
});

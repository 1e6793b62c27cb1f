import { Stage } from './browsers.ts';
import type { RunnerOptions } from './engine-runner.ts';
import { type Fault, makeSchedule } from './schedule.ts';

/** Schedules under way at a time, each in browsers of its own: much of what they do is waiting. */
const STAGES = 2;

/** Runs schedules in real browsers. @returns how many did not end equal. */
export async function run({ seed: first, count, say }: RunnerOptions): Promise<number> {
  const seeds = Array.from({ length: count }, (_, index) => first + index).values();
  const failures = await Promise.all(Array.from({ length: Math.min(STAGES, count) }, () => runOneByOne(seeds, say)));
  const failed = failures.reduce((total, some) => total + some, 0);
  say(`${count} browser schedules, ${count - failed} ended equal`);
  return failed;
}

/** @param seeds shared with others who take from them. */
async function runOneByOne(seeds: Iterable<number>, say: (line: string) => void): Promise<number> {
  let failed = 0;
  let stage: Stage | null = null;
  for (const seed of seeds) {
    const schedule = makeSchedule(seed, 'browsers');
    const told = schedule.faults.map(describe).join(', ');
    try {
      stage ??= await Stage.open();
      const pressed = await stage.run(schedule);
      say(`seed ${seed}: equal; ${[told, ...pressed].join('; ')}`);
    } catch (error) {
      failed += 1;
      say(`seed ${seed}: ${error instanceof Error ? error.message : String(error)}; ${told}`);
      say(`  npm run faults -- --seed ${seed}`);
      // What it has left behind must not reach the next one.
      await stage?.close();
      stage = null;
    }
  }
  await stage?.close();
  return failed;
}

function describe({ at, kind, ...more }: Fault): string {
  const how = Object.values(more).join(' ');
  return `${kind}${how === '' ? '' : ` (${how})`} at ${at.bytes}`;
}

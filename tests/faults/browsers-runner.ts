import { makeBrowserSchedule, runBrowserSchedule } from './browsers.ts';
import type { RunnerOptions } from './engine-runner.ts';

/** Runs schedules in real browsers, one after another. @returns how many did not end equal. */
export async function run({ seed: first, count, say }: RunnerOptions): Promise<number> {
  let failed = 0;
  for (let seed = first; seed < first + count; seed++) {
    const schedule = makeBrowserSchedule(seed);
    const told = schedule.faults.map(({ kind, after, ms }) => `${kind} at ${after} (${ms} ms)`).join(', ');
    try {
      await runBrowserSchedule(schedule);
      say(`seed ${seed}: equal; ${told}`);
    } catch (error) {
      failed += 1;
      say(`seed ${seed}: ${error instanceof Error ? error.message : String(error)}; ${told}`);
      say(`  npm run faults -- --seed ${seed}`);
    }
  }
  say(`${count} browser schedules, ${count - failed} ended equal`);
  return failed;
}

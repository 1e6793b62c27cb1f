import { runSchedule } from './engine.ts';
import { makeSchedule } from './schedule.ts';

/** What `run.mjs` asks of the runner of each place. */
export interface RunnerOptions {
  /** The first seed. */
  readonly seed: number;
  /** How many seeds follow one another. */
  readonly count: number;
  readonly say: (line: string) => void;
}

/** Runs schedules in this process, one after another. @returns how many did not end equal. */
export async function run({ seed: first, count, say }: RunnerOptions): Promise<number> {
  let failed = 0;
  // What the sessions warn of is shown for a single schedule only: thousands of refused messages tell nobody anything.
  const { warn } = console;
  if (count > 1) console.warn = () => undefined;
  for (let seed = first; seed < first + count; seed++) {
    try {
      await runSchedule(makeSchedule(seed));
    } catch (error) {
      failed += 1;
      say(error instanceof Error ? error.message : String(error));
    }
  }
  console.warn = warn;
  say(`${count} engine schedules, ${count - failed} ended equal`);
  return failed;
}

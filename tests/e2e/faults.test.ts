/** Seeded fault schedules in real browsers; `npm run faults -- --count 200` runs more of them. */
import { expect, test } from 'vitest';
import { run } from '../faults/browsers-runner.ts';

const COUNT = 20;

test('20 schedules of faults all end equal', { timeout: 1_200_000 }, async () => {
  expect(await run({ seed: 1, count: COUNT, say: (line) => console.log(line) })).toBe(0);
});

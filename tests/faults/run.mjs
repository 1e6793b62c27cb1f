/**
 * Seeded fault schedules; see schedule.ts.
 *
 *   npm run faults -- [--engine] [--seed 12345] [--count 200]
 *
 * In real browsers, or with `--engine` both sides in one process. Runs `--count` schedules from `--seed` on; one with only
 * `--seed`.
 */
import { spawnSync } from 'node:child_process';
import process from 'node:process';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { runnerImport } from 'vite';
import { ensureChromium } from '../chromium.mjs';

const root = fileURLToPath(new URL('../..', import.meta.url));

/**
 * Where schedules can run. Each module has `run({ seed, count, say })`, which resolves with how many did not end equal.
 */
const ENGINE = { module: 'tests/faults/engine-runner.ts', count: 2_000, prepare: () => undefined };
const BROWSERS = { module: 'tests/faults/browsers-runner.ts', count: 20, prepare: prepareBrowsers };

function prepareBrowsers() {
  ensureChromium();
  const { status } = spawnSync(process.execPath, [`${root}signal-server/build.mjs`], { cwd: root, stdio: 'inherit' });
  if (status !== 0) throw new Error(`The build ended with ${status}.`);
}

/** The runners are TypeScript, which Node 20 does not run by itself. */
async function load(path) {
  const { module } = await runnerImport(`${root}${path}`, { root, configFile: false, logLevel: 'error' });
  return module;
}

function readArguments() {
  const { values } = parseArgs({
    options: { engine: { type: 'boolean' }, seed: { type: 'string' }, count: { type: 'string' } },
  });
  const runner = values.engine === true ? ENGINE : BROWSERS;
  const whole = (name, otherwise) => {
    const value = Number(values[name] ?? otherwise);
    if (!Number.isInteger(value) || value < 1) throw new Error(`--${name} must be a whole number over 0.`);
    return value;
  };
  return { runner, seed: whole('seed', 1), count: whole('count', values.seed === undefined ? runner.count : 1) };
}

try {
  const { runner, seed, count } = readArguments();
  runner.prepare();
  const { run } = await load(runner.module);
  const failed = await run({ seed, count, say: (line) => console.log(line) });
  if (failed > 0) process.exitCode = 1;
} catch (thrown) {
  console.error(thrown instanceof Error ? thrown.message : thrown);
  process.exitCode = 1;
}

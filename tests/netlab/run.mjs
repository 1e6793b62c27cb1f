/**
 * One transfer over a link with delay, loss and a rate, between two browsers on hosts of their own.
 *
 *   npm run netlab -- [--rate 100] [--rtt 50] [--jitter 0] [--loss 0] [--burst 1] [--queue 1024] [--size 32] [--raw]
 *
 * Units: Mbit/s (0: no limit), ms there and back, ms, per cent, packets, KiB, MiB. `--raw` leaves Beeline out.
 */
import { spawnSync } from 'node:child_process';
import process from 'node:process';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { runnerImport } from 'vite';
import { ensureChromium } from '../chromium.mjs';

const root = fileURLToPath(new URL('../..', import.meta.url));

/** Each with its default and its largest value. */
const NUMBERS = {
  rate: [100, 10_000],
  rtt: [50, 10_000],
  jitter: [0, 10_000],
  loss: [0, 99],
  burst: [1, 1_000],
  queue: [1024, 1 << 20],
  size: [32, 1 << 20],
};

/** The lab is TypeScript, which Node 20 does not run by itself. */
async function load(path) {
  const { module } = await runnerImport(`${root}${path}`, { root, configFile: false, logLevel: 'error' });
  return module;
}

function readArguments() {
  const strings = Object.keys(NUMBERS).map((name) => [name, { type: 'string' }]);
  const { values } = parseArgs({
    options: { ...Object.fromEntries(strings), raw: { type: 'boolean', default: false } },
  });
  const number = (name) => {
    const [otherwise, most] = NUMBERS[name];
    const value = Number(values[name] ?? otherwise);
    if (!(value >= 0 && value <= most)) throw new Error(`--${name} must be a number from 0 to ${most}.`);
    return value;
  };
  return {
    shape: {
      rateMbit: number('rate'),
      rttMs: number('rtt'),
      jitterMs: number('jitter'),
      loss: number('loss') / 100,
      burst: number('burst'),
      queueBytes: number('queue') * 1024,
    },
    bytes: number('size') * 1024 * 1024,
    isRawOnly: values.raw,
  };
}

function prepare({ isRawOnly }) {
  ensureChromium();
  if (isRawOnly) return;
  // Vite's runner, which has loaded a part of the lab by now, sets NODE_ENV to development.
  const env = { ...process.env, NODE_ENV: 'production' };
  const build = [`${root}signal-server/build.mjs`];
  const { status } = spawnSync(process.execPath, build, { cwd: root, stdio: 'inherit', env });
  if (status !== 0) throw new Error(`The build ended with ${status}.`);
}

/** Ends by `exit`, so that what the lab does then is done. */
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.once(signal, () => process.exit(1));

try {
  const options = readArguments();
  const { labRefusal } = await load('tests/netlab/namespaces.ts');
  const refusal = await labRefusal();
  if (refusal === null) {
    prepare(options);
    const { run } = await load('tests/netlab/transfer.ts');
    await run({ ...options, say: (line) => console.log(line) });
  } else {
    console.log(`Skipped: ${refusal}`);
  }
} catch (thrown) {
  console.error(thrown instanceof Error ? thrown.message : thrown);
  process.exitCode = 1;
}

/**
 * One transfer over a link with delay, loss and a rate, between two browsers on hosts of their own; every pair of networks
 * that people are in; or a network that changes during a transfer.
 *
 *   npm run netlab -- matrix [--from open,symmetric] [--to ipv6]
 *   npm run netlab -- reasons
 *   npm run netlab -- check
 *   npm run netlab -- changes [--only rebind,restart]
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

const names = (text) => (text === undefined ? {} : { names: text.split(',') });

/** What to do: the lab's module, and what its `run` gets. */
function readCommand() {
  const [command, ...args] = process.argv.slice(2);
  switch (command) {
    case 'matrix': {
      const { values } = parseArgs({ args, options: { from: { type: 'string' }, to: { type: 'string' } } });
      const { names: senders } = names(values.from);
      const { names: receivers } = names(values.to);
      return {
        path: 'tests/netlab/matrix.ts',
        options: { ...(senders && { senders }), ...(receivers && { receivers }) },
      };
    }
    case 'reasons':
    case 'check':
      parseArgs({ args });
      return { path: `tests/netlab/${command}.ts`, options: {} };
    case 'changes': {
      const { values } = parseArgs({ args, options: { only: { type: 'string' } } });
      const { names: only } = names(values.only);
      return { path: 'tests/netlab/changes.ts', options: only ? { only } : {} };
    }
    default:
      return { path: 'tests/netlab/transfer.ts', options: readArguments() };
  }
}

function prepare({ isRawOnly = false }) {
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
  const { path, options } = readCommand();
  const { labRefusal } = await load('tests/netlab/namespaces.ts');
  const refusal = await labRefusal();
  if (refusal === null) {
    prepare(options);
    const { run } = await load(path);
    const wrong = await run({ ...options, say: (line) => console.log(line) });
    if (typeof wrong === 'number' && wrong > 0) process.exitCode = 1;
  } else {
    console.log(`Skipped: ${refusal}`);
  }
} catch (thrown) {
  console.error(thrown instanceof Error ? thrown.message : thrown);
  process.exitCode = 1;
}

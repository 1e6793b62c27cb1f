/**
 * Benches in real browsers, as ratios, because machines differ.
 *
 *   npm run bench -- [throughput] [links] [fairness] [small] [start] [setup] [growth] [memory] [recall]
 *     [--json] [--pairs=5] [--mib=128]
 *
 * Without a name all run. `--pairs` is how often each is measured beside its baseline, `--mib` the size of a transfer (of
 * the largest, where a bench has several). `--json` prints one line of JSON on standard output and everything else on
 * standard error. docs/performance.md tells what each measures.
 */
import { spawnSync } from 'node:child_process';
import process from 'node:process';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { runnerImport } from 'vite';
import { ensureChromium } from '../chromium.mjs';

const BENCHES = ['throughput', 'links', 'fairness', 'small', 'start', 'setup', 'growth', 'memory', 'recall'];
const root = fileURLToPath(new URL('../..', import.meta.url));

/** Benches and their helpers are TypeScript, which Node 20 does not run by itself. */
async function load(path) {
  const { module } = await runnerImport(`${root}${path}`, { root, configFile: false, logLevel: 'error' });
  return module;
}

function readArguments() {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: { json: { type: 'boolean', default: false }, pairs: { type: 'string' }, mib: { type: 'string' } },
  });
  const unknown = positionals.find((name) => !BENCHES.includes(name));
  if (unknown !== undefined) throw new Error(`There is no bench "${unknown}": choose from ${BENCHES.join(', ')}.`);
  const count = (name) => {
    const value = values[name] === undefined ? null : Number(values[name]);
    if (value !== null && !(Number.isInteger(value) && value > 0))
      throw new Error(`--${name} must be a whole number over 0.`);
    return value;
  };
  return {
    json: values.json,
    pairs: count('pairs'),
    mib: count('mib'),
    names: positionals.length > 0 ? positionals : BENCHES,
  };
}

async function main() {
  const { json, pairs, mib, names } = readArguments();
  const say = json ? console.error : console.log;
  ensureChromium();
  const stdio = ['ignore', json ? 2 : 'inherit', 'inherit'];
  const env = { ...process.env, NODE_ENV: 'production' };
  const { status } = spawnSync(process.execPath, [`${root}signal-server/build.mjs`], { cwd: root, stdio, env });
  if (status !== 0) throw new Error(`The build ended with ${status}.`);

  const { startServer } = await load('tests/e2e/server.ts');
  const results = {};
  for (const name of names) {
    say(`${name}:`);
    const server = await startServer();
    try {
      const { run } = await load(`tests/bench/${name}.ts`);
      results[name] = await run({ baseUrl: server.url, pairs, mib, say: (line) => say(`  ${line}`) });
    } finally {
      await server.stop();
    }
  }
  if (json) console.log(JSON.stringify(results));
}

/** Ends by `exit`, so that what the network lab does then is done. */
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.once(signal, () => process.exit(1));

try {
  await main();
} catch (thrown) {
  console.error(thrown instanceof Error ? thrown.message : thrown);
  process.exitCode = 1;
}

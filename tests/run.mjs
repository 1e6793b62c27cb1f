/**
 * `npm test`: everything a bare machine needs (packages, browsers, the built app), then the suites.
 *
 *   node tests/run.mjs [unit|netlab|e2e] [vitest filters and options]
 *
 * The last line printed is the sum over all suites: `N passed, N failed`. Ends with 1 if anything failed, a suite did not
 * load, or nothing ran.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { fileURLToPath } from 'node:url';
import { ensureChromium } from './chromium.mjs';
import { ensureFirefox } from './firefox.mjs';

const root = fileURLToPath(new URL('..', import.meta.url));
const vitest = join(root, 'node_modules', 'vitest', 'vitest.mjs');

const args = process.argv.slice(2);
const PROJECTS = ['unit', 'netlab', 'e2e'];
const named = PROJECTS.includes(args[0]) ? args[0] : null;
const projects = named ? [named] : PROJECTS;
const filters = named ? args.slice(1) : args;

/** Runs a program in the repository with its output shown; its exit code. */
function run(program, programArgs, env = process.env) {
  const { status, error } = spawnSync(program, programArgs, { cwd: root, stdio: 'inherit', env });
  if (error) throw error;
  return status ?? 1;
}

function require0(what, status) {
  if (status !== 0) throw new Error(`${what} ended with ${status}.`);
}

/** What vitest's JSON report says; a suite that did not load has no tests, and counts as one failure. */
function count(report) {
  const sum = { passed: 0, failed: 0, skipped: 0 };
  for (const suite of report.testResults) {
    for (const { status } of suite.assertionResults) {
      if (status === 'passed') sum.passed++;
      else if (status === 'failed') sum.failed++;
      else sum.skipped++;
    }
    const isBroken = suite.status === 'failed' && !suite.assertionResults.some(({ status }) => status === 'failed');
    if (isBroken) sum.failed++;
  }
  return sum;
}

/** One project, its usual output shown. A run that ends without a report, or failed outside any test, is one failure. */
function runProject(project, folder) {
  const output = join(folder, `${project}.json`);
  const reporters = ['--reporter=default', '--reporter=json', `--outputFile.json=${output}`];
  const status = run(process.execPath, [
    vitest,
    'run',
    '--project',
    project,
    '--passWithNoTests',
    ...reporters,
    ...filters,
  ]);
  const sum = existsSync(output)
    ? count(JSON.parse(readFileSync(output, 'utf8')))
    : { passed: 0, failed: 0, skipped: 0 };
  if (status !== 0 && sum.failed === 0) sum.failed = 1;
  return sum;
}

function prepare() {
  if (!existsSync(vitest)) require0('npm ci', run('npm', ['ci']));
  if (named === 'unit') return;
  process.env.CHROMIUM_PATH = ensureChromium();
  if (named !== 'netlab') prepareFirefox();
  require0('The build', run(process.execPath, [join(root, 'signal-server', 'build.mjs')]));
}

/** Most tests do without it; those that do not fail with the same words. */
function prepareFirefox() {
  try {
    process.env.FIREFOX_PATH = ensureFirefox();
  } catch (thrown) {
    console.error(thrown instanceof Error ? thrown.message : thrown);
  }
}

const total = { passed: 0, failed: 0, skipped: 0 };
const folder = mkdtempSync(join(tmpdir(), 'beeline-test-'));
try {
  prepare();
  for (const project of projects) {
    const sum = runProject(project, folder);
    for (const key of Object.keys(total)) total[key] += sum[key];
  }
  if (total.passed + total.failed === 0) {
    console.error('No test ran.');
    total.failed = 1;
  }
} catch (thrown) {
  console.error(thrown instanceof Error ? thrown.message : thrown);
  total.failed++;
} finally {
  rmSync(folder, { recursive: true, force: true });
}

const skipped = total.skipped > 0 ? `, ${total.skipped} skipped` : '';
console.log(`${total.passed} passed, ${total.failed} failed${skipped}`);
process.exitCode = total.failed > 0 ? 1 : 0;

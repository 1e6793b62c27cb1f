import { spawn } from 'node:child_process';
import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const SOURCES = ['src', 'sw', 'static', 'signal-server', 'vite.config.ts', 'svelte.config.js', 'package-lock.json'];

/** The least version that Vite 8 runs on. */
const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
if (major < 20 || (major === 20 && minor < 19)) {
  process.stderr.write(`Beeline needs Node.js 20.19 or newer, and this is ${process.versions.node}.\n`);
  process.exit(1);
}

/** Milliseconds since 1970 of the last change in a file or folder; a folder's own date tells of removed files. 0: not there. */
function changedAt(path) {
  const stats = statSync(path, { throwIfNoEntry: false });
  if (!stats) return 0;
  if (!stats.isDirectory()) return stats.mtimeMs;
  return Math.max(stats.mtimeMs, ...readdirSync(path).map((name) => changedAt(join(path, name))));
}

/** Runs a command to its end; a failure, or a signal to this process, ends this process too. */
async function run(sentence, command, args) {
  process.stdout.write(`${sentence}\n`);
  const child = spawn(command, args, {
    cwd: root,
    stdio: 'inherit',
    shell: process.platform === 'win32' && command === 'npm',
  });
  const forward = (signal) => child.kill(signal);
  process.on('SIGTERM', forward).on('SIGINT', forward);
  const code = await new Promise((resolve) => {
    child.on('error', () => resolve(1));
    child.on('exit', (status) => resolve(status ?? 1));
  });
  process.off('SIGTERM', forward).off('SIGINT', forward);
  if (code === 0) return;
  process.stderr.write(`"${[command, ...args].join(' ')}" failed, so Beeline did not start.\n`);
  process.exit(1);
}

if (changedAt(join(root, 'package-lock.json')) > changedAt(join(root, 'node_modules', '.package-lock.json'))) {
  await run('Installing packages', 'npm', ['ci', '--include=dev', '--no-audit', '--no-fund']);
}
const built = changedAt(join(root, 'dist', '.built'));
if (built === 0 || SOURCES.some((source) => changedAt(join(root, source)) > built)) {
  await run('Building', process.execPath, [join(root, 'signal-server', 'build.mjs')]);
}
/** `node signal-server/start.mjs turn` runs the relay alone. */
const isRelay = process.argv[2] === 'turn';
if (isRelay) process.argv.splice(2, 1);
await import(pathToFileURL(join(root, 'dist', 'server', isRelay ? 'turn.js' : 'main.js')).href);

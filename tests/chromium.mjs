/** Finds a Chromium for tests and benches, or installs Debian's. Plain Node, because it runs before anything is built. */
import { spawnSync } from 'node:child_process';
import { accessSync, constants, existsSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import process from 'node:process';

const NAMES = ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable'];
const MAC = '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome';

function isExecutable(path) {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/** Path of a Chromium or Chrome, `CHROMIUM_PATH` first; null without one. */
export function findChromium() {
  const given = process.env.CHROMIUM_PATH;
  if (given) {
    if (isExecutable(given)) return given;
    throw new Error(`CHROMIUM_PATH is ${given}, which is not a program that can be run.`);
  }
  const folders = ['/usr/bin', '/usr/local/bin', ...(process.env.PATH ?? '').split(delimiter)].filter(Boolean);
  const candidates = [...folders.flatMap((folder) => NAMES.map((name) => join(folder, name))), MAC];
  return candidates.find(isExecutable) ?? null;
}

/**
 * Path of a Chromium; installs the distribution's package when there is none and this is root on Debian or Ubuntu.
 * @throws Error with the command to run, when it cannot.
 */
export function ensureChromium() {
  const found = findChromium();
  if (found) return found;
  const isDebian = existsSync('/etc/debian_version');
  if (!isDebian || process.getuid?.() !== 0) {
    const how = isDebian
      ? 'sudo apt-get update && sudo apt-get install -y --no-install-recommends chromium'
      : 'install Chromium or Chrome with your package manager, or set CHROMIUM_PATH to its program';
    throw new Error(`No Chromium was found. Run this first: ${how}`);
  }
  console.log('No Chromium was found: installing the distribution’s own.');
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  for (const args of [['update'], ['install', '-y', '--no-install-recommends', 'chromium']]) {
    const { status } = spawnSync('apt-get', args, { stdio: 'inherit', env });
    if (status !== 0) throw new Error(`apt-get ${args.join(' ')} ended with ${status}.`);
  }
  const installed = findChromium();
  if (!installed) throw new Error('apt-get installed chromium, but its program is not in the PATH.');
  return installed;
}

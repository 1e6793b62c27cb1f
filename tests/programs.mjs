/** Finds programs for tests and benches, or installs Debian's packages. Plain Node, because it runs before anything is built. */
import { spawnSync } from 'node:child_process';
import { accessSync, constants, existsSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import process from 'node:process';

const FOLDERS = ['/usr/bin', '/usr/local/bin', '/usr/sbin', '/sbin', '/bin'];

function isExecutable(path) {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/** Path of the first program of one of these names, or else at one of these places; null without one. */
export function findProgram(names, places = []) {
  const folders = [...FOLDERS, ...(process.env.PATH ?? '').split(delimiter)].filter(Boolean);
  const candidates = folders.flatMap((folder) => names.map((name) => join(folder, name)));
  return [...candidates, ...places].find(isExecutable) ?? null;
}

/**
 * Path of the program that a variable names; null when that is not set.
 * @throws Error when it is set to something else.
 */
export function givenProgram(variable) {
  const given = process.env[variable];
  if (!given) return null;
  if (isExecutable(given)) return given;
  throw new Error(`${variable} is ${given}, which is not a program that can be run.`);
}

/**
 * Path of a program; installs the distribution's packages when there is none and this is root on Debian or Ubuntu.
 * @throws Error with the command to run, when it cannot.
 */
export function installProgram({ called, find, packages, elsewhere }) {
  const found = find();
  if (found !== null) return found;
  const isDebian = existsSync('/etc/debian_version');
  const install = ['install', '-y', '--no-install-recommends', ...packages];
  if (!isDebian || process.getuid?.() !== 0) {
    const how = isDebian ? `sudo apt-get update && sudo apt-get ${install.join(' ')}` : elsewhere;
    throw new Error(`There is no ${called}. Run this first: ${how}`);
  }
  console.log(`There is no ${called}: installing ${packages.join(' and ')}.`);
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  for (const args of [['update'], install]) {
    const { status } = spawnSync('apt-get', ['-qq', ...args], { stdio: ['ignore', 'ignore', 'inherit'], env });
    if (status !== 0) throw new Error(`apt-get ${args.join(' ')} ended with ${status}.`);
  }
  const installed = find();
  if (installed === null)
    throw new Error(`apt-get installed ${packages.join(' and ')}, but there is still no ${called}.`);
  return installed;
}

/** Path of a program of this name, installed with these packages if need be. @throws Error as {@link installProgram}. */
export function ensureProgram(program, ...packages) {
  const elsewhere = `install ${program} with your package manager`;
  return installProgram({ called: program, find: () => findProgram([program]), packages, elsewhere });
}

/** Programs of the system that the lab needs, installed where that is possible. */
import { spawnSync } from 'node:child_process';
import { accessSync, constants, existsSync } from 'node:fs';
import { join } from 'node:path';
import process from 'node:process';

const FOLDERS = ['/usr/sbin', '/usr/bin', '/sbin', '/bin'];

function find(program: string): string | null {
  const candidates = FOLDERS.map((folder) => join(folder, program));
  return candidates.find(isExecutable) ?? null;
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/**
 * Path of a program; installs the Debian packages that have it when there is none and this is root on Debian or Ubuntu.
 * @throws Error that names them, when it cannot.
 */
export function ensureProgram(program: string, ...packages: string[]): string {
  const found = find(program);
  if (found !== null) return found;
  if (!existsSync('/etc/debian_version') || process.getuid?.() !== 0) {
    throw new Error(`There is no ${program}: install ${packages.join(' and ')}.`);
  }
  console.log(`There is no ${program}: installing ${packages.join(' and ')}.`);
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  for (const args of [['update'], ['install', '-y', '--no-install-recommends', ...packages]]) {
    const { status } = spawnSync('apt-get', ['-qq', ...args], { stdio: ['ignore', 'ignore', 'inherit'], env });
    if (status !== 0) throw new Error(`apt-get ${args.join(' ')} ended with ${String(status)}.`);
  }
  const installed = find(program);
  if (installed === null)
    throw new Error(`apt-get installed ${packages.join(' and ')}, but there is still no ${program}.`);
  return installed;
}

import { spawn, spawnSync } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { accessSync, constants, existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { networkInterfaces } from 'node:os';
import { delimiter, join } from 'node:path';
import { createInterface } from 'node:readline';
import { ConfigError } from './env.ts';
import type { Environment } from './env.ts';
import { keptSecret } from './secret.ts';
import { turnConfig } from './turn-config.ts';
import type { RelayOptions } from './turn-config.ts';
import { readRelay } from './turn-env.ts';
import type { RelayEnvironment } from './turn-env.ts';

/** What coturn prints when it answers. */
export const TURNSERVER_READY = /Total General servers/;

function findTurnserver(): string | undefined {
  const folders = [...(process.env['PATH'] ?? '').split(delimiter), '/usr/bin', '/usr/local/bin'].filter(Boolean);
  return folders.map((folder) => join(folder, 'turnserver')).find(isProgram);
}

function isProgram(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/**
 * Path of coturn's program; installs the distribution's package when there is none and this is root on Debian or Ubuntu.
 * @throws {ConfigError} with the command to run, when it cannot.
 */
export function ensureTurnserver(): string {
  const found = findTurnserver();
  if (found !== undefined) return found;
  const isDebian = existsSync('/etc/debian_version');
  const command = isDebian ? 'sudo apt-get install coturn' : 'install coturn with your package manager';
  if (!isDebian || process.getuid?.() !== 0) throw new ConfigError(`There is no turnserver here. First: ${command}`);
  process.stdout.write('Installing coturn\n');
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  for (const args of [['update'], ['install', '-y', '--no-install-recommends', 'coturn']]) {
    const { status } = spawnSync('apt-get', ['-qq', ...args], { stdio: ['ignore', 'ignore', 'inherit'], env });
    if (status !== 0) throw new ConfigError(`"apt-get ${args.join(' ')}" failed. First: ${command}`);
  }
  const installed = findTurnserver();
  if (installed === undefined) throw new ConfigError('apt-get installed coturn, but there is still no turnserver.');
  return installed;
}

/** Writes coturn's file into the relay's folder, for its owner's eyes: it holds the secrets. @returns its path. */
export function writeTurnConfig(options: RelayOptions): string {
  const path = join(options.folder, 'turnserver.conf');
  mkdirSync(options.folder, { recursive: true, mode: 0o700 });
  rmSync(path, { force: true });
  writeFileSync(path, turnConfig(options), { mode: 0o600 });
  return path;
}

/** A relay on this machine. */
export interface Relay {
  readonly process: ChildProcess;
  readonly urls: RelayEnvironment['urls'];
  /** The first signs. */
  readonly secrets: readonly string[];
}

/**
 * Starts a relay as the environment says, and waits until it answers. It ends with this process.
 * @param folder where its secret and its files are kept.
 * @param own addresses of this machine.
 * @throws {ConfigError} for a wrong value, or when there is no coturn or it does not start.
 */
export async function startRelay(env: Environment, folder: string, own: readonly string[]): Promise<Relay> {
  const { options, secrets: given, urls } = readRelay(env, own);
  // coturn itself would try for half a minute, and then go on without it.
  const here = new Set(Object.values(networkInterfaces()).flatMap((all) => (all ?? []).map(({ address }) => address)));
  if (!options.addresses.every(({ local }) => here.has(local))) {
    throw new ConfigError('TURN_ADDRESSES must be addresses of this machine.');
  }
  const secrets = given ?? [keptSecret(folder)];
  const program = ensureTurnserver();
  const child = spawn(program, ['-c', writeTurnConfig({ ...options, secrets, folder })], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  process.once('exit', () => child.kill('SIGKILL'));
  await ready(child);
  return { process: child, urls, secrets };
}

function ready(child: ChildProcess): Promise<void> {
  return new Promise((resolve, reject) => {
    const said: string[] = [];
    const failed = (): void => {
      const reason = said.filter((line) => /bind|cannot|error|fatal/i.test(line)).at(-1);
      reject(new ConfigError(`turnserver did not start${reason === undefined ? '.' : `: ${reason}`}`));
    };
    child.once('error', failed);
    child.once('exit', failed);
    const hear = (line: string): void => {
      if (said.length < 1_000) said.push(line);
      if (!TURNSERVER_READY.test(line)) return;
      child.off('exit', failed);
      resolve();
    };
    // Read to the end: a full pipe would hold it up.
    for (const stream of [child.stdout, child.stderr]) {
      if (stream !== null) createInterface({ input: stream }).on('line', hear);
    }
  });
}

/**
 * Network namespaces by name. A name tells whose it is, `beeline-<pid>-<start>-<lab>-<host>`, so that what a killed owner
 * left behind can be found; start is the owner's start time in clock ticks since boot, because ids of processes come back.
 */
import { execFile, execFileSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import process from 'node:process';
import { promisify } from 'node:util';
import { compileLink } from './compile.ts';
import { ensureProgram } from '../programs.mjs';

const run = promisify(execFile);

/** Where iproute2 keeps named namespaces. */
const FOLDER = '/run/netns';
const NAME = /^beeline-(\d+)-(\d+)-/;

/** Null for a process that is gone. */
function startOf(pid: number): string | null {
  try {
    // proc_pid_stat(5): the name in parentheses may hold anything, and starttime is the 20th field after it.
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19] ?? null;
  } catch {
    return null;
  }
}

/** What all names of this process begin with. */
export function ownPrefix(): string {
  return `beeline-${process.pid}-${startOf(process.pid) ?? '0'}-`;
}

function names(): string[] {
  return existsSync(FOLDER) ? readdirSync(FOLDER).filter((name) => NAME.test(name)) : [];
}

function isOrphan(name: string): boolean {
  const [, pid, start] = NAME.exec(name) ?? [];
  return pid !== undefined && startOf(Number(pid)) !== start;
}

export function pathOf(name: string): string {
  return `${FOLDER}/${name}`;
}

export async function addNamespace(name: string): Promise<void> {
  await run('ip', ['netns', 'add', name]);
}

/** Ends every process inside, and removes the namespace with its devices. One that is gone already is no error. */
export function removeNamespace(name: string): void {
  if (!existsSync(pathOf(name))) return;
  const pids = execFileSync('ip', ['netns', 'pids', name], { encoding: 'utf8' }).split('\n').filter(Boolean);
  for (const pid of pids) {
    try {
      process.kill(Number(pid), 'SIGKILL');
    } catch {
      // It ended by itself meanwhile.
    }
  }
  execFileSync('ip', ['netns', 'delete', name]);
}

/** Removes the namespaces of owners that are gone. @returns their names. */
export function sweep(): string[] {
  const orphans = names().filter(isOrphan);
  for (const name of orphans) removeNamespace(name);
  return orphans;
}

/** Why there can be no lab here, as one line; null when there can be one. Installs and compiles what a lab needs. */
export async function labRefusal(): Promise<string | null> {
  if (process.platform !== 'linux') return 'The network lab needs Linux.';
  if (process.getuid?.() !== 0) return 'The network lab needs root, for network namespaces.';
  if (!existsSync('/dev/net/tun')) return 'The network lab needs /dev/net/tun.';
  try {
    ensureProgram('ip', 'iproute2');
    const name = `${ownPrefix()}probe`;
    await addNamespace(name);
    removeNamespace(name);
    ensureProgram('nft', 'nftables');
    await compileLink();
    return null;
  } catch (error) {
    const lines = error instanceof Error ? error.message.trim().split('\n') : [];
    return `The network lab cannot be set up here: ${lines.at(-1) ?? String(error)}`;
  }
}

/** Runs probe.mjs, which tells what each command does, in hosts of the lab. */
import { once } from 'node:events';
import process from 'node:process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import type { Host } from './host.ts';

const PROBE = fileURLToPath(new URL('probe.mjs', import.meta.url));

/** Runs a command to its end. @returns what it printed, parsed; null for nothing. */
export async function probe(
  host: Host,
  command: 'ping' | 'flood' | 'ask' | 'connect' | 'download',
  ...args: readonly (string | number)[]
): Promise<unknown> {
  return parse(await host.exec(process.execPath, [PROBE, command, ...args.map(String)]));
}

/** Starts a command that listens on a port. @returns ends it, and gives what it then printed, parsed; null for nothing. */
export async function listen(
  host: Host,
  command: 'echo' | 'count' | 'mirror' | 'serve',
  port: number,
): Promise<() => Promise<unknown>> {
  const child = host.spawn(process.execPath, [PROBE, command, String(port)], { stdio: ['pipe', 'pipe', 'inherit'] });
  const { stdin, stdout } = child;
  if (stdin === null || stdout === null) throw new Error('The probe has no pipes.');
  const lines = createInterface({ input: stdout });
  await once(lines, 'line');
  let printed = '';
  lines.on('line', (line) => (printed += line));
  const ended = once(lines, 'close');
  return async () => {
    stdin.end();
    await ended;
    return parse(printed);
  };
}

function parse(printed: string): unknown {
  return printed === '' ? null : JSON.parse(printed);
}

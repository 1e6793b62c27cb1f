/** The built server on a host of the lab. */
import { once } from 'node:events';
import process from 'node:process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import type { Host } from './host.ts';

const MAIN = fileURLToPath(new URL('../../dist/server/main.js', import.meta.url));

/**
 * Starts it and waits until it listens; it ends with the lab.
 * @param address one of the host's own.
 * @param env beside what this process has.
 */
export async function startServerOn(
  host: Host,
  address: string,
  port: number,
  env: Readonly<Record<string, string>> = {},
): Promise<void> {
  const child = host.spawn(process.execPath, [MAIN], {
    env: { ...process.env, HOST: address, PORT: String(port), LOG_LEVEL: 'warn', NODE_ENV: 'production', ...env },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  if (child.stdout === null) throw new Error('The server has no standard output.');
  await Promise.race([
    once(createInterface({ input: child.stdout }), 'line'),
    once(child, 'exit').then(() => Promise.reject(new Error('The server ended before it was ready.'))),
  ]);
}

/** The built server as a process of its own on the loopback address. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import process from 'node:process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

const MAIN = fileURLToPath(new URL('../../dist/server/main.js', import.meta.url));

export interface ServerProcess {
  /** Such as `http://127.0.0.1:40123`. */
  readonly url: string;
  /** Ends the process, by its id, and waits until it is gone. */
  stop(): Promise<void>;
}

/** @param port 0 lets the system choose. */
export async function startServer(port = 0): Promise<ServerProcess> {
  const child = spawn(process.execPath, [MAIN], {
    env: { ...process.env, HOST: '127.0.0.1', PORT: String(port), LOG_LEVEL: 'warn', NODE_ENV: 'production' },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const exited = once(child, 'exit');
  const url = await Promise.race([
    urlPrintedBy(child.stdout),
    exited.then(() => Promise.reject(new Error('The server ended before it was ready.'))),
  ]);
  return {
    url,
    stop: async () => {
      if (child.exitCode === null) child.kill('SIGTERM');
      await exited;
    },
  };
}

/** Reads on after the address, so that the server never waits for a full pipe. */
function urlPrintedBy(output: NodeJS.ReadableStream): Promise<string> {
  return new Promise((resolve) => {
    createInterface({ input: output }).on('line', (line) => {
      const url = /http:\/\/127\.0\.0\.1:\d+/.exec(line)?.[0];
      if (url !== undefined) resolve(url);
    });
  });
}

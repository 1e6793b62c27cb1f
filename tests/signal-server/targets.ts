import { fork } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Writable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { createServerApp } from '../../signal-server/app.ts';
import type { ServerApp } from '../../signal-server/app.ts';
import { readConfig } from '../../signal-server/env.ts';
import type { LogLevel } from '../../signal-server/env.ts';
import { LIMITS } from '../../signal-server/limits.ts';
import type { Limits } from '../../signal-server/limits.ts';
import { createLog } from '../../signal-server/log.ts';
import type { StaticFiles } from '../../signal-server/static.ts';

/** A signaling server to be probed, on 127.0.0.1. */
export interface Target {
  readonly port: number;
  readonly stop: () => Promise<void>;
}

export interface Ours extends Target {
  readonly app: ServerApp;
  /** Everything logged so far. */
  readonly logged: () => string;
}

export interface OursOptions {
  readonly env?: Readonly<Record<string, string>>;
  readonly limits?: Partial<Limits>;
  readonly files?: StaticFiles;
  readonly logLevel?: LogLevel;
}

/** On a busy machine a client may take long to answer a close frame; one that is cut reads no code. */
const PATIENT: Partial<Limits> = { closeMs: 30_000 };

export async function startOurs({ env = {}, limits = {}, files, logLevel = 'info' }: OursOptions = {}): Promise<Ours> {
  let logged = '';
  const sink = new Writable({
    write(chunk: Buffer, _encoding, done) {
      logged += chunk.toString();
      done();
    },
  });
  const app = createServerApp(readConfig(env), createLog(logLevel, sink), {
    files,
    limits: { ...LIMITS, ...PATIENT, ...limits },
  });
  const server = createServer((request, response) => app.handle(request, response));
  app.attach(server, 'refuse');
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    app,
    port: (server.address() as AddressInfo).port,
    logged: () => logged,
    async stop() {
      await app.close();
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}

/** For the tests of a file: at most one at a time, to be stopped after each test. */
export class Serving {
  ours: Ours | undefined;

  /** @returns its port. */
  readonly start = async (options?: OursOptions): Promise<number> => {
    this.ours = await startOurs(options);
    return this.ours.port;
  };

  readonly stop = async (): Promise<void> => {
    await this.ours?.stop();
    this.ours = undefined;
  };
}

/** The library alone, in a child process. */
export async function startBare(): Promise<Target> {
  const child = fork(fileURLToPath(new URL('bare-peer.mjs', import.meta.url)), {
    stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
  });
  const exited = once(child, 'exit');
  const [port] = (await once(child, 'message')) as [number];
  return {
    port,
    async stop() {
      child.kill();
      await exited;
    },
  };
}

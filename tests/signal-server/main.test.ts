import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { get } from 'node:https';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { build } from 'vite';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { turnCredential } from '../../signal-server/ice.ts';
import type { IceAnswer } from '../../src/core/signaling.ts';
import { Client, rawClient } from './client.ts';

/** Processes start and sockets close slowly on a busy machine; the one promise of time is asserted by itself. */
vi.setConfig({ testTimeout: 60_000 });

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
let home: string;
let child: ChildProcess | undefined;

/** The server as it is built, in a folder from which its packages are found. */
beforeAll(async () => {
  const cache = join(ROOT, 'node_modules', '.cache');
  mkdirSync(cache, { recursive: true });
  home = mkdtempSync(join(cache, 'beeline-main-'));
  await build({
    configFile: false,
    root: ROOT,
    publicDir: false,
    logLevel: 'warn',
    build: { outDir: join(home, 'dist/server'), ssr: join(ROOT, 'signal-server/main.ts'), target: 'node20' },
  });
  mkdirSync(join(home, 'dist/app'));
  writeFileSync(join(home, 'dist/app/index.html'), '<!doctype html><title>Beeline</title>');
}, 60_000);

afterAll(() => rmSync(home, { recursive: true }));

afterEach(async () => {
  if (!child || child.exitCode !== null || child.signalCode !== null) return;
  child.kill('SIGKILL');
  await once(child, 'exit');
});

function run(env: Record<string, string>, ...args: string[]): ChildProcess {
  child = spawn(process.execPath, [join(home, 'dist/server/main.js'), ...args], {
    env: { HOST: '127.0.0.1', PORT: '0', ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  return child;
}

/** What it prints until it listens. */
async function greeting(process: ChildProcess): Promise<{ readonly said: string; readonly port: number }> {
  const [chunk] = (await once(process.stdout ?? process, 'data')) as [Buffer];
  const said = chunk.toString();
  return { said, port: Number(/:(\d+)\n/.exec(said)?.[1]) };
}

/** What it prints to standard error until it ends. */
async function ending(process: ChildProcess): Promise<{ readonly said: string; readonly code: number | null }> {
  const exit = once(process, 'exit') as Promise<[number | null]>;
  const said = process.stderr ? await text(process.stderr) : '';
  return { said, code: (await exit)[0] };
}

describe('main', () => {
  it('serves, and on SIGTERM says 1001 and ends within 5 s, though one client never answers', async () => {
    const server = run({});
    const { said, port } = await greeting(server);
    expect(said).toBe(`Beeline is at http://127.0.0.1:${port}\n`);
    expect(await (await fetch(`http://127.0.0.1:${port}/`)).text()).toContain('Beeline');
    const client = await Client.open(port, 'a');
    const mute = await rawClient(port, { id: 'b' });
    const from = performance.now();
    server.kill('SIGTERM');
    const [code] = (await once(server, 'exit')) as [number | null];
    expect(performance.now() - from).toBeLessThan(5_000);
    expect(code).toBe(0);
    expect((await client.closed).code).toBe(1001);
    mute.destroy();
  });

  it('serves over TLS with a certificate that it makes once', async () => {
    const certificates: string[] = [];
    for (let n = 0; n < 2; n++) {
      const server = run({}, '--https');
      const { said, port } = await greeting(server);
      expect(said).toContain(`https://127.0.0.1:${port}`);
      const cert = readFileSync(join(home, '.data/tls/cert.pem'), 'utf8');
      certificates.push(new X509Certificate(cert).fingerprint256);
      const body = await new Promise<string>((resolve, reject) => {
        get({ host: '127.0.0.1', port, path: '/healthz', ca: cert }, (response) => resolve(text(response))).on(
          'error',
          reject,
        );
      });
      expect(JSON.parse(body)).toEqual({ status: 'ok' });
      server.kill('SIGINT');
      await once(server, 'exit');
    }
    expect(certificates[1]).toBe(certificates[0]);
  });

  it('says on all interfaces how phones get in', async () => {
    const { said, port } = await greeting(run({ HOST: '0.0.0.0' }));
    expect(said).toContain(`Beeline is at http://localhost:${port}\n`);
    expect(said).toContain('npm start -- --https');
  });

  it.skipIf(!existsSync('/usr/bin/turnserver'))(
    'runs a relay beside itself, with one secret that it keeps',
    async () => {
      const free = createServer().listen(0, '127.0.0.1');
      await once(free, 'listening');
      const { port: relayPort } = free.address() as AddressInfo;
      free.close();
      const server = run({ TURN_ADDRESSES: '127.0.0.1', TURN_PORT: String(relayPort), LOG_LEVEL: 'silent' }, '--turn');
      const lines = createInterface({ input: server.stdout ?? process.stdin });
      const [relay] = (await once(lines, 'line')) as [string];
      expect(relay).toContain(`turn:127.0.0.1:${relayPort}?transport=udp`);
      const [greeting] = (await once(lines, 'line')) as [string];
      const client = await Client.open(Number(/:(\d+)$/.exec(greeting)?.[1]), 'a');
      const answer = await fetch(`${greeting.replace('Beeline is at ', '')}/api/ice?id=a`, {
        headers: { authorization: 'Bearer token-of-a' },
      });
      const { iceServers } = (await answer.json()) as IceAnswer;
      const [, { username = '', credential = '' } = {}] = iceServers;
      const secret = readFileSync(join(home, '.data/turn/secret'), 'utf8').trim();
      expect(turnCredential(secret, username.split(':')[1] ?? '', Number.parseInt(username)).credential).toBe(
        credential,
      );
      await client.close();
      server.kill('SIGINT');
      await once(server, 'exit');
    },
  );

  it.each([
    ['a wrong value', { TURN_TTL_S: '5' }, [], /^TURN_TTL_S must be .*\.\n$/],
    ['an unknown option', {}, ['--http'], /^The options are --https.* and --turn.*\n$/],
    ['a foreign address', { HOST: '192.0.2.254' }, [], /^HOST must be an address of this machine\.\n$/],
  ])('ends with a sentence for %s', async (_name, env, args, sentence) => {
    const server = run(env, ...args);
    const { said, code } = await ending(server);
    expect(said).toMatch(sentence);
    expect(code).toBe(1);
  });

  it('ends with a sentence when the port is in use', async () => {
    const other = createServer().listen(0, '127.0.0.1');
    await once(other, 'listening');
    const { port } = other.address() as AddressInfo;
    const server = run({ PORT: String(port) });
    const { said, code } = await ending(server);
    expect(said).toMatch(new RegExp(`^Port ${port} is in use.*\n$`));
    expect(code).toBe(1);
    other.close();
  });
});

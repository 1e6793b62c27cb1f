import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { WebSocket } from 'ws';
import { createServerApp } from '../../signal-server/app.ts';
import { readConfig } from '../../signal-server/env.ts';
import { LIMITS } from '../../signal-server/limits.ts';
import { createLog } from '../../signal-server/log.ts';
import { Client, Pair, rawClient, signalingPath } from './client.ts';
import { Serving } from './targets.ts';

/** Processes start and sockets close slowly on a busy machine; none of these tests is about speed. */
vi.setConfig({ testTimeout: 60_000 });

const serving = new Serving();
const { start } = serving;
afterEach(serving.stop);

/** The HTTP status with which a handshake is refused. */
async function refusedWith(port: number, path: string, headers: Record<string, string> = {}): Promise<number> {
  const socket = new WebSocket(`ws://127.0.0.1:${port}${path}`, { headers });
  socket.on('error', () => undefined);
  const [, response] = (await once(socket, 'unexpected-response')) as [unknown, { statusCode: number; resume(): void }];
  response.resume();
  return response.statusCode;
}

describe('protocol', () => {
  it('gives ids under its key, to any origin', async () => {
    const port = await start({ env: { PEERJS_KEY: 'mine' } });
    const response = await fetch(`http://127.0.0.1:${port}/mine/id?ts=1`, {
      headers: { origin: 'https://elsewhere.example' },
    });
    expect(response.headers.get('access-control-allow-origin')).toBe('https://elsewhere.example');
    expect(await response.text()).toMatch(/^[0-9a-f-]{36}$/);
    expect((await fetch(`http://127.0.0.1:${port}/peerjs/id`)).status).toBe(404);
    expect((await fetch(`http://127.0.0.1:${port}/mine/peers`)).status).toBe(401);
  });

  it('knows its own page under any key', async () => {
    const port = await start({ env: { PEERJS_KEY: 'mine' } });
    await Client.open(port, { id: 'page' }, { headers: { origin: `http://127.0.0.1:${port}` } });
    const other = Client.start(port, { id: 'other' }, { headers: { origin: 'http://127.0.0.1:1' } });
    expect((await other.closed).reason).toBe('key');
  });

  it('relays with the sender’s true id and nothing but type, src, dst and payload', async () => {
    const port = await start();
    const [a, b] = [await Client.open(port, 'a'), await Client.open(port, 'b')];
    a.send({ type: 'OFFER', src: 'somebody-else', dst: 'b', payload: { sdp: 'x' }, extra: 1 });
    expect(await b.next()).toEqual({ type: 'OFFER', src: 'a', dst: 'b', payload: { sdp: 'x' } });
  });

  it('delivers to a peer that connects later, in order', async () => {
    const port = await start();
    const a = await Client.open(port, 'a');
    for (const payload of [1, 2, 3]) a.offer('b', payload);
    await a.barrier();
    const b = await Client.open(port, 'b');
    expect((await b.barrier()).map(({ payload }) => payload)).toEqual([1, 2, 3]);
  });

  it('sends EXPIRE once when the peer does not come', async () => {
    const port = await start({
      limits: { queue: { ...LIMITS.queue, lifetimeMs: 20 } },
    });
    const a = await Client.open(port, 'a');
    a.offer('b', 1);
    a.offer('b', 2);
    expect(await a.next()).toEqual({ type: 'EXPIRE', src: 'b', dst: 'a' });
    expect(await a.barrier()).toEqual([]);
  });

  it('tells LEAVE and EXPIRE of one peer to another, and keeps neither for an absent one', async () => {
    const port = await start();
    const [a, b] = [await Client.open(port, 'a'), await Client.open(port, 'b')];
    a.send({ type: 'LEAVE', dst: 'b' });
    a.send({ type: 'LEAVE', dst: 'absent' });
    a.send({ type: 'HEARTBEAT' });
    expect(await b.next()).toEqual({ type: 'LEAVE', src: 'a', dst: 'b' });
    expect(await a.barrier()).toEqual([]);
    expect(await (await Client.open(port, 'absent')).barrier()).toEqual([]);
  });

  it('[C14] answers a heartbeat that asks for it, and none of a stock client', async () => {
    const port = await start();
    const a = await Client.open(port, 'a');
    a.send({ type: 'HEARTBEAT' });
    a.send({ type: 'HEARTBEAT', payload: 'answer' });
    expect(await a.next()).toEqual({ type: 'HEARTBEAT' });
    expect(await a.barrier()).toEqual([]);
  });

  it('keeps names of Object.prototype apart', async () => {
    const port = await start();
    const [a, b] = [await Client.open(port, '__proto__'), await Client.open(port, 'constructor')];
    a.send('{"type":"OFFER","dst":"constructor","payload":{"__proto__":{"polluted":true}}}');
    expect((await b.next())?.src).toBe('__proto__');
    expect({}).not.toHaveProperty('polluted');
  });
});

describe('refusals', () => {
  const said = { id: 'x', token: 't', key: 'peerjs' };
  it.each([
    ['a wrong key', { ...said, key: 'other' }, 'key', 'Invalid key provided'],
    ['no id', { id: 'x', query: 'key=peerjs&token=t' }, 'id', 'No id, token, or key supplied to websocket server'],
    [
      'two ids',
      { id: 'x', query: 'key=peerjs&token=t&id=x&id=y' },
      'id',
      'No id, token, or key supplied to websocket server',
    ],
    ['an id too long', { ...said, id: 'x'.repeat(65) }, 'id', 'Invalid id provided'],
    ['an id with markup', { ...said, id: '<b>' }, 'id', 'Invalid id provided'],
    ['a token too long', { ...said, token: 'x'.repeat(65) }, 'token', 'Invalid token provided'],
  ])('%s', async (_name, hello, reason, msg) => {
    const port = await start();
    const client = Client.start(port, hello);
    expect(await client.next()).toEqual({ type: 'ERROR', payload: { msg } });
    expect(await client.closed).toEqual({ code: 1008, reason });
  });

  it('an id that is taken, and its owner lives on', async () => {
    const port = await start();
    const owner = await Client.open(port, { id: 'x', token: 'one' });
    const thief = Client.start(port, { id: 'x', token: 'two' });
    expect((await thief.next())?.type).toBe('ID-TAKEN');
    expect(await thief.closed).toEqual({ code: 1008, reason: 'id-taken' });
    expect(await owner.barrier()).toEqual([]);
  });

  it.each([
    ['{', 1007, 'json'],
    ['[]', 1008, 'message'],
    ['{"type":"OPEN"}', 1008, 'message'],
    ['{"type":"OFFER"}', 1008, 'message'],
    ['{"type":"OFFER","dst":7}', 1008, 'message'],
    [`{"type":"OFFER","dst":"${'x'.repeat(65)}"}`, 1008, 'message'],
    ['{"__proto__":{"type":"OFFER","dst":"b"}}', 1008, 'message'],
  ])('the message %s', async (text, code, reason) => {
    const port = await start();
    const client = await Client.open(port, 'a');
    client.send(text);
    expect(await client.closed).toEqual({ code, reason });
  });

  it('binary messages', async () => {
    const client = await Client.open(await start(), 'a');
    client.socket.send(Buffer.from('{"type":"HEARTBEAT"}'));
    expect((await client.closed).code).toBe(1003);
  });

  it('one byte over 64 KiB, and not one less', async () => {
    const port = await start();
    const [a, b] = [await Client.open(port, 'a'), await Client.open(port, 'b')];
    const frame = '{"type":"OFFER","dst":"b","payload":""}';
    const fill = 'x'.repeat(64 * 1024 - frame.length);
    a.offer('b', fill);
    expect((await b.next())?.payload).toBe(fill);
    a.offer('b', `${fill}x`);
    expect((await a.closed).code).toBe(1009);
  });

  it('a message in a thousand fragments', async () => {
    const client = await Client.open(await start(), 'a');
    for (let n = 0; n < 1000; n++) client.socket.send('x', { fin: false });
    expect((await client.closed).code).toBe(1008);
  });

  it('a flood of pongs', async () => {
    const client = await Client.open(await start(), 'a');
    for (let n = 0; n < 2000; n++) client.socket.pong();
    expect(await client.closed).toEqual({ code: 1008, reason: 'rate' });
  });

  it('what a client says after the server closed it', async () => {
    const port = await start();
    const [a, b] = [await Client.open(port, 'a'), await Client.open(port, 'b')];
    a.send('{');
    a.offer('b', 'too late');
    await a.closed;
    expect(await b.barrier()).toEqual([]);
  });

  it('one socket too many of an address, in words', async () => {
    const port = await start({ limits: { socketsPerAddress: 2 } });
    const pair = await Pair.open(port);
    const third = Client.start(port, 'third');
    expect((await third.next())?.type).toBe('ERROR');
    expect((await third.closed).code).toBe(1013);
    expect(await pair.talks()).toBe(true);
  });

  it('upgrades for another path, and pages of foreign origins', async () => {
    const port = await start({ env: { ALLOWED_ORIGINS: 'https://good.example' } });
    const path = signalingPath(said);
    expect(await refusedWith(port, '/elsewhere')).toBe(404);
    expect(await refusedWith(port, path, { origin: 'https://bad.example' })).toBe(403);
    for (const origin of ['https://good.example', `http://127.0.0.1:${port}`]) {
      const client = await Client.open(port, { id: 'x' }, { headers: { origin } });
      await client.close();
    }
  });

  it('leaves foreign upgrades alone where another listens', async () => {
    const app = createServerApp(readConfig({}), createLog('silent'));
    const server = createServer();
    app.attach(server, 'leave');
    server.on('upgrade', (request, socket) => {
      if (request.url === '/hot') socket.end('HTTP/1.1 418 Mine\r\nConnection: close\r\n\r\n');
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    expect(await refusedWith((server.address() as AddressInfo).port, '/hot')).toBe(418);
    server.close();
    await app.close();
  });
});

describe('life of a session', () => {
  it('counts by the forwarded address only behind a trusted proxy', async () => {
    const limits = { socketsPerAddress: 1 };
    const open = async (port: number, id: string) => {
      const client = Client.start(port, id, {
        headers: { 'x-forwarded-for': `198.51.100.1, 203.0.113.${id}`, 'cf-connecting-ip': id },
      });
      return (await client.next())?.type;
    };
    const behind = await start({ limits, env: { TRUST_PROXY: '1' } });
    expect([await open(behind, '1'), await open(behind, '2')]).toEqual(['OPEN', 'OPEN']);
    await serving.ours?.stop();
    const direct = await start({ limits });
    expect([await open(direct, '1'), await open(direct, '2')]).toEqual(['OPEN', 'ERROR']);
  });

  it('cuts a socket that answers no ping, and its id is free', async () => {
    const port = await start({ limits: { pingMs: 20 } });
    const dead = await Client.open(port, 'x', { autoPong: false });
    expect((await dead.closed).code).toBe(1006);
    await Client.open(port, { id: 'x', token: 'another' });
  });

  it('cuts a socket that does not answer a close frame', async () => {
    const port = await start({ limits: { closeMs: 20 } });
    const socket = await rawClient(port, { id: 'x' });
    // A masked empty binary message, and nothing more.
    socket.write(Buffer.from([0x82, 0x80, 0, 0, 0, 0]));
    socket.resume();
    await once(socket, 'close');
  });

  it('frees the id when a socket closes', async () => {
    const port = await start();
    const first = await Client.open(port, { id: 'x', token: 'one' });
    const watcher = await Client.open(port, 'watcher');
    await first.close();
    await watcher.barrier();
    await Client.open(port, { id: 'x', token: 'two' });
  });

  it('drains: unhealthy, 1001 for everyone, 503 for newcomers', async () => {
    const port = await start();
    const client = await Client.open(port, 'x');
    expect(await (await fetch(`http://127.0.0.1:${port}/healthz`)).json()).toEqual({ status: 'ok' });
    await serving.ours?.app.close();
    expect(await client.closed).toEqual({ code: 1001, reason: 'stopping' });
    const health = await fetch(`http://127.0.0.1:${port}/healthz`);
    expect([health.status, await health.json()]).toEqual([503, { status: 'draining' }]);
    expect(await refusedWith(port, signalingPath({ id: 'y' }))).toBe(503);
  });
});

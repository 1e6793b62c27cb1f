import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { fileURLToPath } from 'node:url';
import type { DataConnection, Peer } from 'peerjs';
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { startOurs } from '../signal-server/targets.ts';
import type { Ours } from '../signal-server/targets.ts';
import { Device } from './browser.ts';

/** What a page of the test keeps between its steps. */
declare global {
  interface Window {
    /** The server chooses the id of a peer that gives none. */
    Peer: new (id: undefined, options: { host: string; port: number; config: RTCConfiguration }) => Peer;
    me: Peer;
    link: DataConnection;
  }
}

const SCRIPT = readFileSync(fileURLToPath(new URL('../../node_modules/peerjs/dist/peerjs.min.js', import.meta.url)));
const PAGE =
  '<!doctype html><meta charset="utf-8"><link rel="icon" href="data:,"><title>peerjs</title><script src="/peerjs.min.js"></script>';

let signaling: Ours;
let site: Server;
let device: Device;
let alice: Page;
let bob: Page;

beforeAll(async () => {
  signaling = await startOurs();
  site = createServer((request, response) => {
    const script = request.url === '/peerjs.min.js';
    response.setHeader('content-type', script ? 'text/javascript' : 'text/html');
    response.end(script ? SCRIPT : PAGE);
  });
  site.listen(0, '127.0.0.1');
  await once(site, 'listening');
  device = await Device.launch();
  const url = `http://127.0.0.1:${(site.address() as AddressInfo).port}/`;
  [alice, bob] = [await device.open(url), await device.open(url)];
});

afterAll(async () => {
  await device.close();
  site.closeAllConnections();
  site.close();
  await signaling.stop();
});

/** Joins with nothing but host and port; no ICE servers, so that the test asks nobody outside. Answers the id it was given. */
function join(page: Page): Promise<string> {
  return page.evaluate(
    (port) =>
      new Promise<string>((resolve, reject) => {
        window.me = new window.Peer(undefined, {
          host: '127.0.0.1',
          port,
          config: { iceServers: [] },
        });
        window.me.on('open', resolve);
        window.me.on('error', reject);
        window.me.on('connection', (link) => {
          link.on('data', (data) => void link.send({ back: data }));
        });
      }),
    signaling.port,
  );
}

/** Connects to a peer and answers what it sends back. */
function echo(page: Page, id: string, text: string): Promise<unknown> {
  return page.evaluate(
    ([to, data]) =>
      new Promise<unknown>((resolve, reject) => {
        window.me.once('error', reject);
        window.link = window.me.connect(to);
        window.link.on('open', () => void window.link.send(data));
        window.link.once('data', resolve);
      }),
    [id, text] as const,
  );
}

it('a stock peerjs client exchanges data both ways, and again after it reconnects', async () => {
  const [a, b] = [await join(alice), await join(bob)];
  expect(a).toMatch(/^[0-9a-f-]{36}$/);
  expect(await echo(alice, b, 'to Bob')).toEqual({ back: 'to Bob' });
  expect(await echo(bob, a, 'to Alice')).toEqual({ back: 'to Alice' });

  const reconnected = await bob.evaluate(
    () =>
      new Promise<string>((resolve, reject) => {
        window.me.disconnect();
        window.me.once('open', resolve);
        window.me.once('error', reject);
        window.me.reconnect();
      }),
  );
  expect(reconnected).toBe(b);
  const overOldLink = await bob.evaluate(
    () =>
      new Promise<unknown>((resolve) => {
        window.link.once('data', resolve);
        void window.link.send('without the server');
      }),
  );
  expect(overOldLink).toEqual({ back: 'without the server' });
  expect(await echo(alice, b, 'to Bob again')).toEqual({ back: 'to Bob again' });
});

it('a stock client is told that a peer is not there', async () => {
  await join(alice);
  await expect(echo(alice, 'nobody', 'hello')).rejects.toThrow('Could not connect to peer nobody');
});

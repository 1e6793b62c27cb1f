import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { afterEach, describe, expect, it } from 'vitest';
import { postOffer } from '../../src/net/socket.ts';

const server = createServer();
afterEach(() => {
  server.removeAllListeners('request');
  server.close();
});

async function listen(): Promise<URL> {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return new URL(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`);
}

describe('[C19] an offer is posted', () => {
  it('under the address of its socket, and taken', async () => {
    const heard: unknown[] = [];
    server.on('request', (request, response) => {
      void text(request).then((body) => {
        const { pathname, searchParams } = new URL(request.url ?? '', 'http://x');
        heard.push(request.method, pathname, Object.fromEntries(searchParams), JSON.parse(body));
        response.writeHead(204).end();
      });
    });
    expect(await postOffer(await listen(), 'me', 'mine', 'you', { c: 1 })).toBe(true);
    expect(heard).toEqual([
      'POST',
      '/peerjs/offer',
      { key: 'peerjs', id: 'me', token: 'mine', ice: '1' },
      { type: 'OFFER', dst: 'you', payload: { c: 1 } },
    ]);
  });

  it('in vain where the server knows nothing of it, or cannot be reached', async () => {
    server.on('request', (_request, response) => response.writeHead(404).end());
    const base = await listen();
    expect(await postOffer(base, 'me', 'mine', 'you', 1)).toBe(false);
    server.closeAllConnections();
    server.close();
    await once(server, 'close');
    expect(await postOffer(base, 'me', 'mine', 'you', 1)).toBe(false);
  });
});

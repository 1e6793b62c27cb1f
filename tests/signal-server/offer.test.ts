/** [C19] An offer before the socket. */
import { afterEach, describe, expect, it, vi } from 'vitest';
import { LIMITS } from '../../signal-server/limits.ts';
import { OFFER_PATH, SIGNALING_MAX_BYTES } from '../../src/core/signaling.ts';
import { Client, signalingPath } from './client.ts';
import { Serving } from './targets.ts';

vi.setConfig({ testTimeout: 60_000 });

const QUERY = signalingPath({ id: 'page' }).replace(/.*\?/, '');
const offer = (dst: string, payload: unknown = 'x') => JSON.stringify({ type: 'OFFER', dst, payload });

const serving = new Serving();
const { start } = serving;
afterEach(serving.stop);

/** Status, and what is wrong. */
async function post(port: number, body: string, { query = QUERY, ...init }: RequestInit & { query?: string } = {}) {
  const url = `http://127.0.0.1:${port}/${OFFER_PATH}?${query}`;
  const response = await fetch(url, { method: 'POST', body, ...init });
  const text = await response.text();
  return [response.status, text === '' ? null : (JSON.parse(text) as { error: string }).error];
}

describe('[C19] an offer that is posted', () => {
  it('is relayed as one over the socket would be, and its answer waits for that', async () => {
    const port = await start();
    const sender = await Client.open(port, 'sender');
    expect(await post(port, offer('sender', { a: 1 }))).toEqual([204, null]);
    expect(await sender.next()).toEqual({ type: 'OFFER', src: 'page', dst: 'sender', payload: { a: 1 } });
    sender.send({ type: 'ANSWER', dst: 'page', payload: 1 });
    sender.send({ type: 'CANDIDATE', dst: 'page', payload: 2 });
    await sender.barrier();
    const page = await Client.open(port, 'page');
    expect((await page.barrier()).map(({ type, payload }) => [type, payload])).toEqual([
      ['ANSWER', 1],
      ['CANDIDATE', 2],
    ]);
  });

  it('says nothing but type, src, dst and payload, whatever is posted', async () => {
    const port = await start();
    const sender = await Client.open(port, 'sender');
    await post(port, '{"type":"OFFER","dst":"sender","payload":1,"src":"somebody","extra":{}}');
    expect(await sender.next()).toEqual({ type: 'OFFER', src: 'page', dst: 'sender', payload: 1 });
  });

  it('waits for one who is absent, who is then said to be away', async () => {
    const port = await start({ limits: { queue: { ...LIMITS.queue, lifetimeMs: 1_000 } } });
    expect(await post(port, offer('late'))).toEqual([204, null]);
    const page = await Client.open(port, 'page');
    expect((await (await Client.open(port, 'late')).next())?.payload).toBe('x');
    expect(await post(port, offer('never'))).toEqual([204, null]);
    expect(await page.next()).toEqual({ type: 'EXPIRE', src: 'never', dst: 'page' });
  });

  it('comes from a session that is there already, too', async () => {
    const port = await start();
    const [sender] = [await Client.open(port, 'sender'), await Client.open(port, 'page')];
    expect(await post(port, offer('sender'))).toEqual([204, null]);
    expect((await sender.next())?.src).toBe('page');
  });
});

describe('an offer is refused', () => {
  const foreign = { headers: { origin: 'https://elsewhere.example' } };
  it.each<[string, Parameters<typeof post>[1], Parameters<typeof post>[2], number, string]>([
    ['with another method', offer('x'), { method: 'PUT' }, 405, 'method'],
    ['by a page of a foreign origin', offer('x'), foreign, 403, 'origin'],
    ['without a token', offer('x'), { query: 'key=peerjs&id=page' }, 400, 'token'],
    ['with two ids', offer('x'), { query: `${QUERY}&id=other` }, 400, 'id'],
    ['under another key', offer('x'), { query: QUERY.replace('key=peerjs', 'key=other') }, 400, 'key'],
    ['when it is no JSON', '{', {}, 400, 'offer'],
    ['for nobody', '{"type":"OFFER","payload":1}', {}, 400, 'offer'],
    ['to an id that cannot be', offer('<b>'), {}, 400, 'offer'],
    ['when it is nested too deep', offer('x', JSON.parse('['.repeat(40) + ']'.repeat(40))), {}, 400, 'offer'],
    ['when it is an answer', '{"type":"ANSWER","dst":"x","payload":1}', {}, 400, 'offer'],
    ['when it is a goodbye', '{"type":"LEAVE"}', {}, 400, 'offer'],
    ['one byte over 64 KiB', offer('x').padEnd(SIGNALING_MAX_BYTES + 1), {}, 413, 'size'],
  ])('%s', async (_name, body, init, status, error) => {
    const port = await start({ env: { ALLOWED_ORIGINS: 'https://beeline.example' } });
    expect(await post(port, body, init)).toEqual([status, error]);
  });

  it('but not with 64 KiB', async () => {
    expect(await post(await start(), offer('x').padEnd(SIGNALING_MAX_BYTES))).toEqual([204, null]);
  });

  it('under the id of another’s session, who hears nothing of it', async () => {
    const port = await start();
    const [owner, sender] = [await Client.open(port, { id: 'page', token: 'mine' }), await Client.open(port, 'sender')];
    expect(await post(port, offer('sender'))).toEqual([403, 'id-taken']);
    expect([await owner.barrier(), await sender.barrier()]).toEqual([[], []]);
  });

  it('above the rate of an address', async () => {
    const port = await start({ limits: { connectsPerMinute: 2 } });
    const statuses = [];
    for (let n = 0; n < 3; n++) statuses.push((await post(port, offer('x')))[0]);
    expect(statuses).toEqual([204, 204, 429]);
  });

  it('where no more may wait', async () => {
    const queue = { ...LIMITS.queue, perPeer: { messages: 1, bytes: 1_000 } };
    const port = await start({ limits: { queue } });
    expect(await post(port, offer('x'))).toEqual([204, null]);
    expect(await post(port, offer('x'))).toEqual([503, 'full']);
  });

  it('by a server that ends', async () => {
    const port = await start();
    const closing = serving.ours?.app.close();
    expect(await post(port, offer('x'))).toEqual([503, 'stopping']);
    await closing;
  });
});

import { afterEach, describe, expect, it } from 'vitest';
import { readConfig } from '../../signal-server/env.ts';
import { iceAnswer, turnCredential } from '../../signal-server/ice.ts';
import type { IceAnswer } from '../../src/core/signaling.ts';
import { Client } from './client.ts';
import { startOurs } from './targets.ts';
import type { Ours } from './targets.ts';

const TURN = {
  STUN_URLS: 'stun:stun.example.org:3478',
  TURN_URLS: 'turn:turn.example.org:3478?transport=udp, turns:turn.example.org:5349',
  TURN_SECRET: 'north',
  TURN_TTL_S: '600',
};

let ours: Ours | undefined;
afterEach(async () => {
  await ours?.stop();
  ours = undefined;
});

const ask = (port: number, id: string, token?: string) =>
  fetch(
    `http://127.0.0.1:${port}/api/ice?id=${id}`,
    token === undefined ? {} : { headers: { authorization: `Bearer ${token}` } },
  );

describe('credentials', () => {
  it('are those coturn computes: printf %s NAME | openssl dgst -sha1 -hmac north -binary | base64', () => {
    expect(turnCredential('north', 'session', 1_700_001_800)).toEqual({
      username: '1700001800:session',
      credential: 'InRTLNef6BbMG/ufNgcYAFAsoUk=',
    });
  });

  it('end after the configured time', () => {
    const answer = iceAnswer(readConfig(TURN), 'session', 1_700_001_200);
    expect(answer).toEqual({
      ttl: 600,
      iceServers: [
        { urls: ['stun:stun.example.org:3478'] },
        {
          urls: ['turn:turn.example.org:3478?transport=udp', 'turns:turn.example.org:5349'],
          ...turnCredential('north', 'session', 1_700_001_800),
        },
      ],
    } satisfies IceAnswer);
  });

  it('are none without TURN', () => {
    expect(iceAnswer(readConfig({}), 'session', 0)).toEqual({ iceServers: [], ttl: 0 });
    expect(iceAnswer(readConfig({ STUN_URLS: 'stun:a.example' }), 's', 0)).toEqual({
      iceServers: [{ urls: ['stun:a.example'] }],
      ttl: 0,
    });
  });
});

describe('GET /api/ice', () => {
  it('answers a live session, uncached, under a name that is not its id', async () => {
    ours = await startOurs({ env: TURN });
    const client = await Client.open(ours.port, 'room');
    const response = await ask(ours.port, 'room', 'token-of-room');
    expect(response.status).toBe(200);
    expect(response.headers.get('cache-control')).toBe('no-store');
    const answer = (await response.json()) as IceAnswer;
    expect(answer.ttl).toBe(600);
    expect(answer.iceServers[1]?.username).toMatch(/^\d{10}:[\w-]{12}$/);
    expect(answer.iceServers[1]?.username).not.toContain('room');
    await client.close();
  });

  it('answers an empty list without configuration', async () => {
    ours = await startOurs();
    await Client.open(ours.port, 'room');
    expect(await (await ask(ours.port, 'room', 'token-of-room')).json()).toEqual({ iceServers: [], ttl: 0 });
  });

  it('refuses strangers', async () => {
    ours = await startOurs({ env: TURN });
    const { port } = ours;
    const client = await Client.open(port, 'room');
    const answers = async (...question: [string, string?]): Promise<unknown[]> => {
      const response = await ask(port, ...question);
      return [response.status, (await response.json()) as unknown];
    };
    expect(await answers('room')).toEqual([401, { error: 'token' }]);
    expect(await answers('room', 'guess')).toEqual([403, { error: 'session' }]);
    expect(await answers('nobody', 'guess')).toEqual([403, { error: 'session' }]);
    const post = await fetch(`http://127.0.0.1:${port}/api/ice?id=room`, { method: 'POST' });
    expect([post.status, post.headers.get('allow')]).toEqual([405, 'GET, HEAD']);
    client.send({ type: 'LEAVE' });
    await client.closed;
    expect(await answers('room', 'token-of-room')).toEqual([403, { error: 'session' }]);
  });

  it('is limited for a session and for an address', async () => {
    ours = await startOurs({ limits: { icePerMinute: { session: 2, address: 5 } } });
    const { port } = ours;
    await Client.open(port, 'a');
    await Client.open(port, 'b');
    const statuses: number[] = [];
    for (const id of ['a', 'a', 'a', 'b', 'b', 'b']) statuses.push((await ask(port, id, `token-of-${id}`)).status);
    expect(statuses).toEqual([200, 200, 429, 200, 200, 429]);
  });
});

describe('a socket whose address asks for it', () => {
  it('is told servers before OPEN, under the name that GET /api/ice gives it too', async () => {
    ours = await startOurs({ env: TURN });
    const query = new URLSearchParams({ key: 'peerjs', id: 'room', token: 'token-of-room', ice: '1' }).toString();
    const client = Client.start(ours.port, { id: 'room', query });
    const told = await client.next();
    expect(told?.type).toBe('ICE');
    expect(await client.next()).toMatchObject({ type: 'OPEN' });
    const fetched = (await (await ask(ours.port, 'room', 'token-of-room')).json()) as IceAnswer;
    const nameOf = ({ iceServers }: IceAnswer) => iceServers[1]?.username?.replace(/^\d+/, '');
    expect(nameOf(told?.payload as IceAnswer)).toBe(nameOf(fetched));
  });

  it('is told nothing when it is refused, and no other is told any', async () => {
    ours = await startOurs({ env: TURN });
    const stock = await Client.open(ours.port, 'stock');
    const thief = new URLSearchParams({ key: 'peerjs', id: 'stock', token: 'another', ice: '1' }).toString();
    expect(await Client.start(ours.port, { id: 'stock', query: thief }).next()).toMatchObject({ type: 'ID-TAKEN' });
    await stock.close();
  });
});

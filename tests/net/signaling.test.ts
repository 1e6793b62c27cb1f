import { once } from 'node:events';
import type { IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { WebSocket, WebSocketServer } from 'ws';
import { HEARTBEAT_MS, SIGNALING_MAX_BYTES } from '../../src/core/signaling.ts';
import type { Signaling, SignalingMessage, SignalingStatus } from '../../src/core/ports.ts';
import { PeerJsSignaling } from '../../src/net/signaling.ts';
import { type EarlySocket, openEarly } from '../../src/net/socket.ts';
import { ManualClock, realRandom } from '../doubles/clock.ts';

/** Every socket the line has made, and when each was closed, as the line itself sees it. */
const dialed: { readonly closed: Promise<unknown> }[] = [];

/** A browser's socket says nothing more about an error than its close. */
class BrowserSocket extends WebSocket {
  constructor(url: URL) {
    super(url);
    this.on('error', () => undefined);
    // After the line's own handler, which it sets before anything can happen.
    const closed = new Promise((resolve) => this.on('close', () => setImmediate(resolve)));
    dialed.push({ closed });
  }
}

/** One visit of the line, as the server sees it. */
interface Visit {
  readonly socket: WebSocket;
  readonly url: URL;
  readonly heard: unknown[];
}

/** A server that does nothing by itself. */
class BareServer {
  readonly #server = new WebSocketServer({ port: 0, host: '127.0.0.1' });
  readonly #visits: Visit[] = [];
  #wake: (() => void)[] = [];

  constructor() {
    this.#server.on('connection', (socket: WebSocket, { url = '' }: IncomingMessage) => {
      const visit: Visit = { socket, url: new URL(url, 'ws://x'), heard: [] };
      socket.on('message', (data: Buffer) => {
        visit.heard.push(JSON.parse(data.toString()));
        this.#changed();
      });
      this.#visits.push(visit);
      this.#changed();
    });
  }

  async base(): Promise<URL> {
    if (this.#server.address() === null) await once(this.#server, 'listening');
    return new URL(`http://127.0.0.1:${(this.#server.address() as AddressInfo).port}/`);
  }

  async visit(number: number): Promise<Visit> {
    for (;;) {
      const visit = this.#visits[number];
      if (visit !== undefined) return visit;
      await this.#change();
    }
  }

  async heard(visit: Visit, count: number): Promise<unknown[]> {
    while (visit.heard.length < count) await this.#change();
    return visit.heard;
  }

  close(): void {
    for (const { socket } of this.#visits) socket.terminate();
    this.#server.close();
  }

  #change(): Promise<void> {
    return new Promise((resolve) => this.#wake.push(resolve));
  }

  #changed(): void {
    for (const wake of this.#wake.splice(0)) wake();
  }
}

/** What the line says to be answered. */
const ASKED = { type: 'HEARTBEAT', payload: 'answer' };

let server: BareServer;
let clock: ManualClock;
let line: Signaling;
let factory: PeerJsSignaling;
let online: (() => void)[] = [];
const messages: SignalingMessage[] = [];
let statusWake: (() => void)[] = [];
/** The messages that the line has told it said. */
let said: string[] = [];

beforeEach(async () => {
  vi.stubGlobal('WebSocket', BrowserSocket);
  messages.length = 0;
  dialed.length = 0;
  said = [];
  server = new BareServer();
  clock = new ManualClock();
  const base = await server.base();
  const nudge = (run: () => void) => {
    online.push(run);
    return () => {
      online = online.filter((other) => other !== run);
    };
  };
  const ports = { clock, nudge, random: { ...realRandom, fraction: () => 0.5 } };
  factory = new PeerJsSignaling(base, ports);
  line = factory.connect('me', 'my token', (type) => said.push(type));
  line.onmessage = (message) => messages.push(message);
  line.onstatus = () => {
    for (const wake of statusWake.splice(0)) wake();
  };
});
afterEach(() => {
  line.close();
  server.close();
  online = [];
  statusWake = [];
  vi.unstubAllGlobals();
});

async function becomes(status: SignalingStatus): Promise<void> {
  while (line.status !== status) await new Promise<void>((resolve) => statusWake.push(resolve));
}

/** Resolves once the line has read everything that the server sent before. */
async function read(visit: Visit): Promise<void> {
  const pong = once(visit.socket, 'pong');
  visit.socket.ping();
  await pong;
}

async function opened(number = 0): Promise<Visit> {
  const visit = await server.visit(number);
  visit.socket.send('{"type":"OPEN"}');
  await becomes('open');
  return visit;
}

describe('the signaling line', () => {
  it('says who it is as PeerJS does, and is open when the server says so', async () => {
    const { url, socket } = await server.visit(0);
    expect(line.status).toBe('connecting');
    expect(url.pathname).toBe('/peerjs');
    expect(Object.fromEntries(url.searchParams)).toEqual({ key: 'peerjs', id: 'me', token: 'my token', ice: '1' });
    socket.send('{"type":"OPEN"}');
    await becomes('open');
  });

  it('sends what it is given once it is open and tells so, and drops it before', async () => {
    line.send('OFFER', 'you', { b: 0 });
    const visit = await opened();
    expect(said).toEqual([]);
    line.send('OFFER', 'you', { b: 1 });
    line.send('CANDIDATE', 'you', [2]);
    expect(said).toEqual(['OFFER', 'CANDIDATE']);
    expect(await server.heard(visit, 2)).toEqual([
      { type: 'OFFER', dst: 'you', payload: { b: 1 } },
      { type: 'CANDIDATE', dst: 'you', payload: [2] },
    ]);
  });

  it('hands on what other peers say, with what the server says of absent ones', async () => {
    const { socket, ...visit } = await opened();
    for (const type of ['OFFER', 'ANSWER', 'CANDIDATE', 'LEAVE', 'EXPIRE']) {
      socket.send(JSON.stringify({ type, src: 'you', dst: 'me', payload: { n: type } }));
    }
    await read({ socket, ...visit });
    expect(messages.map(({ type }) => type)).toEqual(['OFFER', 'ANSWER', 'CANDIDATE', 'LEAVE', 'EXPIRE']);
    expect(messages[0]).toEqual({ type: 'OFFER', src: 'you', payload: { n: 'OFFER' } });
  });

  it('drops what is malformed, and goes on', async () => {
    const visit = await opened();
    const bad = [
      'junk',
      '',
      'null',
      '[]',
      '7',
      '{}',
      '{"type":"HELLO","src":"you"}',
      '{"type":"OFFER","src":7}',
      JSON.stringify({ type: 'OFFER', src: 'x'.repeat(65) }),
      JSON.stringify({ type: 'OFFER', src: 'you', payload: 'x'.repeat(SIGNALING_MAX_BYTES) }),
      '{"type":"ERROR","payload":{"msg":"x"}}',
      '{"type":"HEARTBEAT"}',
    ];
    for (const text of bad) visit.socket.send(text);
    visit.socket.send(Buffer.from('{"type":"OFFER","src":"you"}'), { binary: true });
    visit.socket.send('{"type":"OFFER","src":"you"}');
    await read(visit);
    expect(messages).toEqual([{ type: 'OFFER', src: 'you', payload: undefined }]);
    expect(line.status).toBe('open');
  });

  it('says that it lives every five seconds while it is open', async () => {
    const visit = await opened();
    clock.advance(HEARTBEAT_MS - 1);
    await read(visit);
    expect(visit.heard).toEqual([]);
    clock.advance(1);
    clock.advance(HEARTBEAT_MS - 1);
    expect(await server.heard(visit, 1)).toEqual([ASKED]);
    clock.advance(1);
    expect(await server.heard(visit, 2)).toEqual([ASKED, ASKED]);
  });
});

describe('a socket that was opened before its line', () => {
  /** Resolves with what the server has seen of it once its page has read what that said. */
  async function openedEarly(): Promise<{ readonly early: EarlySocket; readonly visit: Visit }> {
    await server.visit(0);
    const early = openEarly(await server.base(), 'early', 'its token');
    const visit = await server.visit(1);
    visit.socket.send('{"type":"OPEN"}');
    visit.socket.send('{"type":"OFFER","src":"you"}');
    await read(visit);
    return { early, visit };
  }

  it('says who it is as the line does, and is the line’s with all that was said to it', async () => {
    const { early, visit } = await openedEarly();
    const late = factory.connect('early', 'its token', undefined, early);
    try {
      expect(Object.fromEntries(visit.url.searchParams)).toMatchObject({ id: 'early', token: 'its token', ice: '1' });
      expect(late.status).toBe('open');
      late.send('OFFER', 'you', { b: 1 });
      expect(await server.heard(visit, 1)).toEqual([{ type: 'OFFER', dst: 'you', payload: { b: 1 } }]);
      const heard: SignalingMessage[] = [];
      late.onmessage = (message) => heard.push(message);
      expect(heard).toMatchObject([{ type: 'OFFER' }]);
      visit.socket.send('{"type":"ANSWER","src":"you"}');
      await expect.poll(() => heard).toMatchObject([{ type: 'OFFER' }, { type: 'ANSWER' }]);
      expect(dialed).toHaveLength(2);
    } finally {
      late.close();
    }
  });

  it('took as long to open as the network did, however late its line came', async () => {
    const { early, visit } = await openedEarly();
    const dialedAt = clock.now();
    clock.advance(4_000);
    const said = early.said.map(({ data }) => ({ data, at: dialedAt + 200 }));
    const late = factory.connect('early', 'its token', undefined, { ...early, dialedAt, said });
    try {
      late.check();
      await server.heard(visit, 1);
      clock.advance(999);
      expect(dialed).toHaveLength(2);
      clock.advance(1);
      expect(dialed).toHaveLength(3);
    } finally {
      late.close();
    }
  });

  it.each([1008, 1013])('waits as its line would when the server has closed it with %d', async (code) => {
    const { early, visit } = await openedEarly();
    visit.socket.close(code);
    await dialed[1]?.closed;
    const late = factory.connect('early', 'its token', undefined, early);
    try {
      expect([late.status, dialed.length]).toEqual(['refused', 2]);
    } finally {
      late.close();
    }
  });

  it('is dialed anew when it has closed meanwhile', async () => {
    const { early, visit } = await openedEarly();
    visit.socket.terminate();
    await dialed[1]?.closed;
    const late = factory.connect('early', 'its token', undefined, early);
    try {
      expect((await server.visit(2)).url.searchParams.get('id')).toBe('early');
      expect(late.status).toBe('connecting');
    } finally {
      late.close();
    }
  });
});

describe('[C16] servers for a connection', () => {
  /** Half of it is before the first heartbeat, which nobody answers here. */
  const ttl = 8;
  const answer = (name: string) => ({ iceServers: [{ urls: ['turn:x'], username: name, credential: name }], ttl });
  let asked: { readonly url: URL; readonly token: string | null }[] = [];

  beforeEach(() => {
    asked = [];
    vi.stubGlobal('fetch', (url: URL, { headers }: RequestInit) => {
      asked.push({ url, token: new Headers(headers).get('authorization') });
      return Promise.resolve(Response.json(answer(`fetched ${asked.length}`)));
    });
  });

  async function greeted(): Promise<void> {
    (await server.visit(0)).socket.send(JSON.stringify({ type: 'ICE', payload: answer('told') }));
    await opened();
  }

  it('are those that the server told before it said OPEN', async () => {
    await greeted();
    expect(await line.ice()).toEqual(answer('told'));
    expect(asked).toEqual([]);
  });

  it('are fetched as soon as the line is open when the server told none', async () => {
    await opened();
    expect(asked.map(({ url, token }) => [url.pathname, url.search, token])).toEqual([
      ['/api/ice', '?id=me', 'Bearer my token'],
    ]);
    expect(await line.ice()).toEqual(answer('fetched 1'));
    expect(asked).toHaveLength(1);
  });

  it('serve one connection, and those for the next are fetched two seconds later', async () => {
    await greeted();
    await line.ice();
    clock.advance(1_999);
    expect(asked).toHaveLength(0);
    clock.advance(1);
    expect(asked).toHaveLength(1);
    expect(await line.ice()).toEqual(answer('fetched 1'));
    expect(await line.ice()).toEqual(answer('fetched 2'));
  });

  it('are renewed when half of their life is over, and never used after it', async () => {
    await greeted();
    // What was told is looked at in a task of its own.
    await Promise.resolve();
    clock.advance((ttl * 1_000) / 2);
    expect(asked).toHaveLength(1);
    expect(await line.ice()).toEqual(answer('fetched 1'));
  });

  it('are fetched anew when those that were fetched ahead did not come', async () => {
    let failures = 1;
    const { fetch } = globalThis;
    vi.stubGlobal('fetch', (...request: Parameters<typeof fetch>) =>
      failures-- > 0 ? Promise.reject(new TypeError('no network')) : fetch(...request),
    );
    await opened();
    expect(await line.ice()).toEqual(answer('fetched 1'));
  });

  it('are none while the line is not open', async () => {
    await server.visit(0);
    expect(await line.ice()).toEqual({ iceServers: [], ttl: 0 });
    expect(asked).toEqual([]);
  });
});

describe('[C14] a line that is dead', () => {
  it('is made anew at once when a heartbeat has no answer after ten seconds, and nothing of the old one is heard', async () => {
    const { socket } = await opened();
    clock.advance(HEARTBEAT_MS + 9_999);
    expect([dialed.length, line.status]).toEqual([1, 'open']);
    clock.advance(1);
    expect([dialed.length, line.status]).toEqual([2, 'connecting']);
    socket.send('{"type":"OFFER","src":"you"}');
    socket.close(4000, 'replaced');
    await opened(1);
    expect(messages).toEqual([]);
  });

  it('is made anew a second after it is checked', async () => {
    const visit = await opened();
    line.check();
    line.check();
    expect(await server.heard(visit, 2)).toEqual([ASKED, ASKED]);
    clock.advance(999);
    expect(dialed).toHaveLength(1);
    clock.advance(1);
    expect(dialed).toHaveLength(2);
    await opened(1);
  });

  it.each(['{"type":"HEARTBEAT"}', '{"type":"OFFER","src":"you"}'])('is not dead when it says %s', async (said) => {
    const visit = await opened();
    line.check();
    visit.socket.send(said);
    await read(visit);
    clock.advance(HEARTBEAT_MS);
    visit.socket.send(said);
    await read(visit);
    clock.advance(HEARTBEAT_MS);
    expect([dialed.length, line.status]).toEqual([1, 'open']);
  });

  it('has twice the time that opening it took, where that is long', async () => {
    const visit = await server.visit(0);
    clock.advance(3_000);
    visit.socket.send('{"type":"OPEN"}');
    await becomes('open');
    line.check();
    clock.advance(5_999);
    expect(dialed).toHaveLength(1);
    clock.advance(1);
    expect(dialed).toHaveLength(2);
  });

  it('is checked when the network comes back, and only while it is open', async () => {
    for (const listener of online) listener();
    line.check();
    await opened();
    clock.advance(1_000);
    expect(dialed).toHaveLength(1);
    for (const listener of online) listener();
    clock.advance(1_000);
    expect(dialed).toHaveLength(2);
  });

  it('is no more asked for once it is closed', async () => {
    await opened();
    line.check();
    line.close();
    clock.advance(60_000);
    expect(dialed).toHaveLength(1);
  });
});

/** The socket of that number is closed, and the line knows it. */
async function ended(number: number): Promise<void> {
  await dialed[number]?.closed;
}

describe('a line that breaks', () => {
  it('comes back after a wait that doubles from half a second to fifteen, three quarters of it here', async () => {
    const delays = [500, 1_000, 2_000, 4_000, 8_000, 15_000, 15_000];
    for (const [number, delay] of delays.entries()) {
      (await server.visit(number)).socket.terminate();
      await ended(number);
      expect(line.status).toBe('offline');
      clock.advance(delay * 0.75 - 1);
      expect(dialed).toHaveLength(number + 1);
      clock.advance(1);
      expect(dialed).toHaveLength(number + 2);
    }
  });

  it('[C11] is given up after 8 s without an answer, and counts as out of reach', async () => {
    await server.visit(0);
    clock.advance(7_999);
    expect([line.status, dialed.length]).toEqual(['connecting', 1]);
    clock.advance(1);
    expect(line.status).toBe('offline');
    await ended(0);
    clock.advance(375);
    await opened(1);
  });

  it('[C10] says that this device has no network when the system does', async () => {
    vi.stubGlobal('navigator', { onLine: false });
    (await server.visit(0)).socket.terminate();
    await ended(0);
    expect(line.status).toBe('no-network');
    vi.stubGlobal('navigator', { onLine: true });
    clock.advance(375);
    await opened(1);
  });

  it('begins with the short wait again once it was open', async () => {
    for (const number of [0, 1, 2]) {
      (await opened(number)).socket.terminate();
      await ended(number);
      clock.advance(375);
      expect(dialed).toHaveLength(number + 2);
    }
  });

  it('says no heartbeat while it is away', async () => {
    (await opened()).socket.terminate();
    await ended(0);
    clock.advance(375);
    const visit = await server.visit(1);
    clock.advance(HEARTBEAT_MS + 1);
    visit.socket.send('{"type":"OPEN"}');
    await becomes('open');
    await read(visit);
    expect(visit.heard).toEqual([]);
  });

  it('comes back at once when the network does, and only once', async () => {
    (await server.visit(0)).socket.terminate();
    await ended(0);
    for (const listener of online) listener();
    expect(dialed).toHaveLength(2);
    for (const listener of online) listener();
    clock.advance(375);
    expect(dialed).toHaveLength(2);
    await opened(1);
  });

  it.each([1008, 1013])('is refused when the server closes it with %d, and waits longest', async (code) => {
    (await opened()).socket.close(code, 'rate');
    await ended(0);
    expect(line.status).toBe('refused');
    clock.advance(15_000 * 0.75 - 1);
    expect(dialed).toHaveLength(1);
    clock.advance(1);
    await opened(1);
  });

  it('is taken when another has its id, and opens when that one is gone', async () => {
    const { socket } = await server.visit(0);
    socket.send('{"type":"ID-TAKEN"}');
    socket.close(1008, 'id-taken');
    await ended(0);
    expect(line.status).toBe('taken');
    clock.advance(15_000);
    await opened(1);
  });

  it('does not throw out the tab that replaced it', async () => {
    (await opened()).socket.close(4000, 'replaced');
    await ended(0);
    expect(line.status).toBe('taken');
    clock.advance(60_000);
    for (const listener of online) listener();
    expect(dialed).toHaveLength(1);
  });

  it('stays away once it is closed', async () => {
    await opened();
    line.close();
    await ended(0);
    expect(online).toEqual([]);
    clock.advance(60_000);
    expect(dialed).toHaveLength(1);
  });
});

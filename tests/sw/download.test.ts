import { describe, expect, test } from 'vitest';
import { UNCLAIMED_MS } from '../../src/core/download.ts';
import type { DownloadReply, DownloadRequest, RegisterDownload } from '../../src/core/download.ts';
import { Downloads } from '../../sw/download.ts';
import type { DownloadPort } from '../../sw/download.ts';
import { seededBytes } from '../doubles/random.ts';

const ID = 'AAAAAAAAAAAAAAAAAAAAAA';
const REGISTER: RegisterDownload = { kind: 'register', id: ID, name: 'été.zip', type: 'application/zip', size: 6 };

/** A port whose page answers each request as it is told. */
class TestPort implements DownloadPort {
  onmessage: ((event: MessageEvent<unknown>) => void) | null = null;
  readonly requests: DownloadRequest['kind'][] = [];
  closed = false;
  readonly #page: (request: DownloadRequest) => DownloadReply | null;

  constructor(page: (request: DownloadRequest) => DownloadReply | null = () => null) {
    this.#page = page;
  }

  postMessage(request: DownloadRequest): void {
    this.requests.push(request.kind);
    const data = this.#page(request);
    if (data !== null) queueMicrotask(() => this.onmessage?.(new MessageEvent('message', { data })));
  }

  close(): void {
    this.closed = true;
  }
}

/** Answers pulls with these replies in turn. */
function pulled(...replies: DownloadReply[]): (request: DownloadRequest) => DownloadReply | null {
  return ({ kind }) => (kind === 'pull' ? (replies.shift() ?? null) : null);
}

function downloads() {
  const timers: { ms: number; run: () => void; cancelled: boolean }[] = [];
  const tested = new Downloads({
    after: (ms, run) => {
      const timer = { ms, run, cancelled: false };
      timers.push(timer);
      return () => (timer.cancelled = true);
    },
  });
  return { tested, timers };
}

describe('a download', () => {
  test('streams what the page gives, with safe headers', async () => {
    const { tested } = downloads();
    const bytes = seededBytes(6, 1);
    const port = new TestPort(
      pulled({ kind: 'chunk', bytes: bytes.slice(0, 4) }, { kind: 'chunk', bytes: bytes.slice(4) }, { kind: 'end' }),
    );
    tested.register(REGISTER, port);
    expect(port.requests).toEqual(['ready']);
    const { response, ended } = tested.respond(ID);
    expect(response.status).toBe(200);
    expect(Object.fromEntries(response.headers)).toMatchObject({
      'content-type': 'application/zip',
      'content-length': '6',
      'content-disposition': `attachment; filename="_t_.zip"; filename*=UTF-8''%C3%A9t%C3%A9.zip`,
      'content-security-policy': "default-src 'none'; sandbox",
      'x-content-type-options': 'nosniff',
      'cache-control': 'no-store',
    });
    expect(new Uint8Array(await response.arrayBuffer())).toEqual(bytes);
    await ended;
    expect(port.closed).toBe(true);
  });

  test('has no length when the page does not know it', () => {
    const { tested } = downloads();
    tested.register({ ...REGISTER, size: null }, new TestPort());
    expect(tested.respond(ID).response.headers.has('Content-Length')).toBe(false);
  });

  test('asks for one chunk ahead of its reader and no more', async () => {
    const { tested } = downloads();
    const chunk = (): DownloadReply => ({ kind: 'chunk', bytes: seededBytes(3, 2) });
    const port = new TestPort(pulled(chunk(), chunk(), chunk(), chunk()));
    tested.register(REGISTER, port);
    const reader = tested.respond(ID).response.body?.getReader();
    await reader?.read();
    await new Promise((resolve) => setImmediate(resolve));
    expect(port.requests).toEqual(['ready', 'pull', 'pull']);
  });

  test('waits on through pings', async () => {
    const { tested } = downloads();
    const port = new TestPort(pulled({ kind: 'ping' }));
    tested.register(REGISTER, port);
    const { response } = tested.respond(ID);
    const text = response.text();
    await new Promise((resolve) => setImmediate(resolve));
    port.onmessage?.(new MessageEvent('message', { data: { kind: 'end' } }));
    expect(await text).toBe('');
    expect(port.requests).toEqual(['ready', 'pull']);
  });

  test('fails when the page gives up, and is not merely short', async () => {
    const { tested } = downloads();
    const port = new TestPort(pulled({ kind: 'chunk', bytes: seededBytes(3, 3) }, { kind: 'fail' }));
    tested.register(REGISTER, port);
    const { response, ended } = tested.respond(ID);
    await expect(response.arrayBuffer()).rejects.toThrow();
    await ended;
  });

  test('tells the page when the browser cancels it', async () => {
    const { tested } = downloads();
    const port = new TestPort();
    tested.register(REGISTER, port);
    const { response, ended } = tested.respond(ID);
    await response.body?.cancel();
    await ended;
    expect(port.requests.at(-1)).toBe('cancel');
    expect(port.closed).toBe(true);
  });

  test('is given out once', () => {
    const { tested } = downloads();
    tested.register(REGISTER, new TestPort());
    expect(tested.respond(ID).response.status).toBe(200);
    expect(tested.respond(ID).response.status).toBe(410);
    expect(tested.respond('unknown').response.status).toBe(410);
  });

  test('that nobody asks for is forgotten, and its page told', () => {
    const { tested, timers } = downloads();
    const port = new TestPort();
    tested.register(REGISTER, port);
    expect(timers.map(({ ms }) => ms)).toEqual([UNCLAIMED_MS]);
    timers[0]?.run();
    expect(port.requests).toEqual(['ready', 'cancel']);
    expect(tested.respond(ID).response.status).toBe(410);
  });

  test('that was asked for is not timed out', () => {
    const { tested, timers } = downloads();
    tested.register(REGISTER, new TestPort());
    tested.respond(ID);
    expect(timers[0]?.cancelled).toBe(true);
  });

  test.each([
    null,
    'register',
    { kind: 'ping' },
    { ...REGISTER, id: '../../x' },
    { ...REGISTER, size: -1 },
    { ...REGISTER, size: '6' },
    { ...REGISTER, name: 1 },
  ])('is not registered by %j', (message) => {
    const port = new TestPort();
    downloads().tested.register(message, port);
    expect(port.requests).toEqual([]);
  });
});

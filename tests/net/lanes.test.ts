/** A lane is begun by the page's first script, and simple-peer takes it over whenever it comes. */
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { deferred } from '../../src/core/deferred.ts';
import { asBeelineError } from '../../src/core/errors.ts';
import type { Lane, LaneAttempt } from '../../src/core/ports.ts';
import type { LaneSignal } from '../../src/core/sealed.ts';
import { LaneConnection } from '../../src/net/connection.ts';
import type { PeerLane } from '../../src/net/lane.ts';
import { PeerLaneFactory } from '../../src/net/lanes.ts';
import { ManualClock } from '../doubles/clock.ts';
import { FakeConnection } from '../doubles/connection.ts';

const ANSWER: LaneSignal = { kind: 'answer', sdp: 'their answer' };
const candidate = (name: string): LaneSignal => ({ kind: 'candidate', candidate: name, sdpMid: '0', sdpMLineIndex: 0 });

let lane: { readonly PeerLane: typeof PeerLane };
let connection: FakeConnection;
let said: LaneSignal[];
let attempt: LaneAttempt;
/** What has become of the attempt: `none`, `open`, or the code of its failure. */
let outcome: string;
let bring: () => Promise<void>;

/** Lets everything happen that waits for nothing from outside. */
async function settle(): Promise<void> {
  for (let turn = 0; turn < 5; turn++) await new Promise((resolve) => setTimeout(resolve));
}

beforeAll(async () => {
  // What simple-peer makes of what it is told: the object itself.
  const same = function (given: object) {
    return given;
  };
  vi.stubGlobal('RTCSessionDescription', same);
  vi.stubGlobal('RTCIceCandidate', same);
  lane = await import('../../src/net/lane.ts');
});
afterAll(() => vi.unstubAllGlobals());

beforeEach(async () => {
  connection = new FakeConnection();
  said = [];
  outcome = 'none';
  const { promise, resolve } = deferred();
  const factory = new PeerLaneFactory(new ManualClock(), () => Promise.resolve(lane));
  factory.prepare(new LaneConnection(connection.real));
  factory.loadAfter(promise);
  attempt = factory.attempt({
    initiator: true,
    ice: { iceServers: [], ttl: 0 },
    onSignal: (signal) => said.push(signal),
  });
  attempt.opened.then(
    () => (outcome = 'open'),
    (error: unknown) => (outcome = asBeelineError(error).code),
  );
  bring = async () => {
    resolve(undefined);
    await settle();
  };
  await settle();
});

describe('before simple-peer is here, a lane', () => {
  it('is offered, with the servers known before its own description is set', () => {
    expect(said).toEqual([{ kind: 'offer', sdp: 'my offer' }]);
    expect(connection.asked).toEqual(['servers', 'local my offer']);
  });

  it('[C19] waits with an answer that comes before its own description is set', async () => {
    connection = new FakeConnection();
    const factory = new PeerLaneFactory(new ManualClock(), () => new Promise(() => undefined));
    factory.prepare(new LaneConnection(connection.real));
    const options = { initiator: true, ice: { iceServers: [], ttl: 0 }, onSignal: () => undefined };
    const early = factory.attempt(options);
    early.signal(ANSWER);
    early.signal(candidate('early'));
    await settle();
    expect(connection.asked).toEqual(['servers', 'local my offer', 'remote their answer', 'candidate early']);
  });

  it('is connected by the answer, and by candidates once that is here', () => {
    attempt.signal(candidate('early'));
    expect(connection.asked.slice(2)).toEqual([]);
    attempt.signal(ANSWER);
    attempt.signal(candidate('late'));
    expect(connection.asked.slice(2)).toEqual(['remote their answer', 'candidate early', 'candidate late']);
  });

  it('keeps what comes over it', async () => {
    attempt.signal(ANSWER);
    connection.open();
    const [control, bulk] = connection.channels;
    control?.bring('hello');
    bulk?.bring(new ArrayBuffer(3));
    await bring();
    const opened = await attempt.opened;
    const read: unknown[] = [];
    opened.control.onmessage = (message) => read.push(message);
    opened.bulk.onmessage = (message) => read.push(message);
    control?.bring('list');
    expect(read).toEqual(['hello', new ArrayBuffer(3), 'list']);
  });
});

describe('when simple-peer comes', () => {
  const moments: [when: string, before: () => void, after: () => void][] = [
    ['before the answer', () => undefined, () => attempt.signal(ANSWER)],
    ['after the answer', () => attempt.signal(ANSWER), () => undefined],
  ];

  it.each(moments)('%s, the answer is set once, and the lane opens', async (_, before, after) => {
    before();
    await bring();
    after();
    await settle();
    expect(outcome).toBe('none');
    connection.open();
    await settle();
    expect(outcome).toBe('open');
    expect(connection.asked.filter((asked) => asked.startsWith('remote'))).toEqual(['remote their answer']);
  });

  it('while the answer is being set, candidates wait for that', async () => {
    const { promise, resolve } = deferred();
    connection.setting = promise.then(() => undefined);
    attempt.signal(ANSWER);
    await bring();
    attempt.signal(candidate('late'));
    expect(connection.asked).not.toContain('candidate late');
    resolve(undefined);
    await settle();
    expect(connection.asked).toContain('candidate late');
  });

  it('and the browser refuses the answer, there is no lane', async () => {
    connection.setting = Promise.reject(new Error('no answer'));
    attempt.signal(ANSWER);
    await bring();
    expect(outcome).toBe('connect-failed');
  });

  it('after the channels have opened, it is told of that', async () => {
    attempt.signal(ANSWER);
    connection.open();
    await bring();
    expect(outcome).toBe('open');
    const opened: Lane = await attempt.opened;
    for (let i = 0; i < 3; i++) opened.control.send(`message ${i}`);
    expect(connection.channels[0]?.sent).toEqual(['message 0', 'message 1', 'message 2']);
  });

  it.each([
    ['closed', () => connection.close()],
    ['failed', () => Object.assign(connection, { iceConnectionState: 'failed', connectionState: 'failed' })],
    ['lost its channel', () => connection.channels[0]?.close()],
  ])('after an open connection has %s, there is no lane', async (_, end) => {
    attempt.signal(ANSWER);
    connection.open();
    end();
    await bring();
    expect(outcome).toMatch(/^connect/u);
  });

  it('after the attempt was closed, there is no lane, and no connection', async () => {
    attempt.close();
    await bring();
    expect(outcome).toBe('connect-failed');
    expect(connection.asked.at(-1)).toBe('close');
  });
});

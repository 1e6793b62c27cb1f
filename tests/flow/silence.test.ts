import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { CHUNK_BYTES, PIECE_BYTES } from '../../src/core/limits.ts';
import { PING_MS, QUIET_TICKS, SILENT_TICKS } from '../../src/flow/line.ts';
import type { ReceivingView } from '../../src/flow/views.ts';
import type { ShareIdentity } from '../../src/flow/identity.ts';
import type { Receiving } from '../../src/flow/receiving.ts';
import { at, until } from '../doubles/world.ts';
import { HostileScene } from './hostile-scene.ts';

const SIZE = 5 * PIECE_BYTES + 7;
/** After these the network is gone: one piece is whole, and a part of the next is there. */
const CHUNKS = Math.ceil(PIECE_BYTES / CHUNK_BYTES) + 3;
const QUIET_MS = QUIET_TICKS * PING_MS;
const SILENT_MS = SILENT_TICKS * PING_MS;

describe('[C15] a lane that falls silent in mid-transfer', () => {
  let scene: HostileScene;
  let identity: ShareIdentity;
  let receiving: Receiving;
  /** What the lane holds back. */
  let held: (() => void)[];
  /** What the receiver was doing, each once, in order. */
  let states: string[];
  /** Lets through what the lane has held back, and all that follows. */
  let release: () => void;

  beforeEach(async () => {
    vi.spyOn(console, 'warn').mockImplementation(() => undefined);
    scene = new HostileScene();
    identity = await scene.share([SIZE]);
    receiving = scene.receive(identity);
    await scene.crypto.quiet();
    held = [];
    release = silence();
    states = [];
    receiving.watch(({ state }: ReceivingView) => {
      if (states.at(-1) !== state.at) states.push(state.at);
    });
    receiving.accept([0], null);
    while (held.length === 0 || sink().written < PIECE_BYTES) await scene.crypto.quiet();
    expect(receiving.view.state).toMatchObject({ at: 'transferring', seeking: null });
  });
  afterEach(() => scene.close());

  /** The first lane holds back everything, both ways, after some chunks. */
  function silence(): () => void {
    const [[receiver, sender] = []] = scene.network.met;
    if (receiver === undefined || sender === undefined) throw new Error('nobody met');
    let chunks = 0;
    const channels = [receiver, sender].flatMap(({ lane }) => [lane.control, lane.bulk]);
    for (const channel of channels) {
      channel.courier = (message, deliver) => {
        if (channel === sender.lane.bulk) chunks += 1;
        if (chunks <= CHUNKS) deliver(message);
        else held.push(() => deliver(message));
      };
    }
    return () => {
      for (const channel of channels) channel.courier = (message, deliver) => deliver(message);
      for (const deliver of held.splice(0)) deliver();
    };
  }

  function sink() {
    const [only] = scene.world.sinks.sinks;
    if (only === undefined) throw new Error('no sink was opened');
    return only;
  }

  async function endsEqual(): Promise<void> {
    const [sent] = scene.shares;
    if (sent === undefined) throw new Error('nothing was shared');
    await until(receiving, at('finished', 'failed'));
    await until(sent.sharing, ({ deliveries }) => deliveries.every(({ state }) => state.at === 'finished'));
    expect(Buffer.compare(sink().bytes(0), sent.offer.source.bytes(0))).toBe(0);
    // Nothing that was verified came twice.
    expect(sink().written).toBe(SIZE);
    expect(sent.sharing.view.deliveries).toHaveLength(1);
  }

  const offers = () => scene.server.seen.filter(({ type }) => type === 'OFFER').length;
  const checks = (id: string) => scene.server.line(id).checks;
  const receiverId = () => scene.server.seen[0]?.src ?? '';

  it('is replaced by one made beside it', async () => {
    await scene.pass(QUIET_MS - 1);
    expect([offers(), receiving.view.state.at]).toEqual([1, 'transferring']);
    await scene.pass(1);
    expect(offers()).toBe(2);
    expect(scene.network.met).toHaveLength(2);
    await endsEqual();
    expect(states).toEqual(['preparing', 'transferring', 'reconnecting', 'transferring', 'finished']);
  });

  it('goes on when it is heard again first, and the attempt is given up', async () => {
    scene.server.alter(() => []);
    await scene.pass(QUIET_MS);
    expect(offers()).toBe(2);
    expect(receiving.view.state).toMatchObject({ at: 'transferring', seeking: 0 });
    release();
    await endsEqual();
    expect(states).toEqual(['preparing', 'transferring', 'finished']);
    expect(scene.network.ends.at(-1)?.lane.control.closed).toBe(true);
    await scene.pass(SILENT_MS);
    expect([offers(), scene.network.met.length]).toEqual([2, 1]);
  });

  it('has both sides ask whether their lines live', async () => {
    scene.server.alter(() => []);
    const before = [checks(identity.keys.roomId), checks(receiverId())];
    await scene.pass(QUIET_MS);
    expect([checks(identity.keys.roomId), checks(receiverId())]).toEqual(before.map((count) => count + 1));
  });

  it('is looked for anew while nobody answers: after 1.5 s, then after twice as long each time', async () => {
    scene.server.alter(() => []);
    await scene.pass(QUIET_MS);
    for (const [number, wait] of [1_500, 3_000].entries()) {
      await scene.pass(wait - 1);
      expect(offers()).toBe(number + 2);
      await scene.pass(1);
      expect(offers()).toBe(number + 3);
    }
    scene.server.alter((message) => [message]);
    await scene.pass(6_000);
    await endsEqual();
  });

  it('is looked for anew over a line that was made anew', async () => {
    scene.server.alter(() => []);
    await scene.pass(QUIET_MS);
    scene.server.alter((message) => [message]);
    const line = scene.server.line(receiverId());
    line.setStatus('connecting');
    line.setStatus('open');
    await scene.crypto.quiet();
    expect(offers()).toBe(3);
    await endsEqual();
  });

  it('[C8] is taken for lost when it stays silent, and the search goes on', async () => {
    scene.server.alter(() => []);
    await scene.pass(SILENT_MS);
    expect(receiving.view.state).toMatchObject({ at: 'reconnecting', reason: 'peer-silent' });
    scene.server.alter((message) => [message]);
    await scene.pass(20_000);
    await endsEqual();
  });
});

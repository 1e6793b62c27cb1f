/** [S10] The first of a share is on its way before its receiver has accepted anything. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { deferred } from '../../src/core/deferred.ts';
import { CREDIT_BYTES, HEAD_START_BYTES, PIECE_BYTES, PROTOCOL_VERSION } from '../../src/core/limits.ts';
import type { Receiving } from '../../src/flow/receiving.ts';
import type { FakeLane } from '../doubles/lanes.ts';
import type { MemorySink } from '../doubles/sink.ts';
import { acceptAll, at, cut, openScene, type Scene, until } from '../doubles/world.ts';
import { rawReceiver } from './raw-peer.ts';

let scene: Scene;
/** Bytes that have come over each lane, before anything is read. */
let arrived: number[];
afterEach(() => scene.close());
beforeEach(() => {
  arrived = [];
});

async function open(sizes: readonly number[]): Promise<Receiving> {
  scene = await openScene(sizes);
  scene.world.lanes.onmeet = ([, sender]) => {
    const lane = arrived.push(0) - 1;
    sender.bulk.courier = (message, deliver) => {
      arrived[lane] = (arrived[lane] ?? 0) + (message as ArrayBuffer).byteLength;
      deliver(message);
    };
  };
  return scene.receive();
}

function onlySink(): MemorySink {
  const [sink] = scene.world.sinks.sinks;
  if (sink === undefined) throw new Error('no sink was opened');
  return sink;
}

/** Waits until so many bytes have come over each lane: they come slowly. */
async function arrivals(bytes: readonly number[]): Promise<void> {
  await expect.poll(() => arrived, { timeout: 30_000 }).toEqual(bytes);
}

function firstLane(): [receiver: FakeLane, sender: FakeLane] {
  const [lane] = scene.world.lanes.lanes;
  if (lane === undefined) throw new Error('no lane');
  return lane;
}

const readEntries = () => scene.offer.source.reads.map(({ entry }) => entry);

const HELLO = { t: 'hello', version: PROTOCOL_VERSION, device: 'Raw' };

describe('[S10] a head start', () => {
  it('brings what is small whole, which is not read or sent again when it is accepted', async () => {
    const receiving = await open([1_000, 70_000, 2 * PIECE_BYTES]);
    await until(receiving, at('offered'));
    const small = 1_000 + 70_000 + 3 * 44;
    await arrivals([small]);
    expect(scene.world.sinks.sinks).toEqual([]);
    await acceptAll(receiving);
    await until(receiving, at('finished'));
    await until(scene.sharing, ({ deliveries: [first] }) => first?.state.at === 'finished');
    expect([arrived, readEntries()]).toEqual([[small + 2 * HEAD_START_BYTES], [0, 1, 2, 2]]);
    for (const entry of [0, 1, 2])
      expect(Buffer.compare(onlySink().bytes(entry), scene.offer.source.bytes(entry))).toBe(0);
  });

  it('is no more than one piece with its headers, until something is accepted', async () => {
    const receiving = await open([3 * PIECE_BYTES]);
    await until(receiving, at('offered'));
    await arrivals([HEAD_START_BYTES]);
    expect(scene.offer.source.reads).toHaveLength(1);
    await acceptAll(receiving);
    await until(receiving, at('finished'));
    expect(scene.offer.source.reads).toHaveLength(3);
    expect(Buffer.compare(onlySink().bytes(0), scene.offer.source.bytes(0))).toBe(0);
  });

  it('is read once the answer is out, while the lane is being made', async () => {
    const receiving = await open([1_000, 3 * PIECE_BYTES]);
    const { promise: made, resolve } = deferred();
    scene.world.lanes.opening = () => made.then(() => undefined);
    await until(scene.sharing, ({ deliveries: [first] }) => first?.state.at === 'connecting');
    await expect.poll(readEntries).toEqual([0]);
    expect([scene.sharing.view.deliveries[0]?.state.at, arrived]).toEqual(['connecting', [0]]);
    resolve(undefined);
    await until(receiving, at('offered'));
    await arrivals([1_044]);
    await acceptAll(receiving);
    await until(receiving, at('finished'));
    expect(readEntries()).toEqual([0, 1, 1, 1]);
  });

  it('that was read waits until it is wanted when the person pauses before the lane is open', async () => {
    const receiving = await open([1_000, 2_000]);
    const { promise: made, resolve } = deferred();
    scene.world.lanes.opening = () => made.then(() => undefined);
    const { deliveries } = await until(scene.sharing, ({ deliveries: [first] }) => first?.state.at === 'connecting');
    const id = deliveries[0]?.id ?? '';
    await expect.poll(readEntries).toEqual([0, 1]);
    scene.sharing.pause(id);
    resolve(undefined);
    await acceptAll(receiving);
    await until(receiving, ({ state }) => state.at === 'transferring' && state.pause.byPeer);
    expect(arrived).toEqual([0]);
    scene.sharing.resume(id);
    await until(receiving, at('finished'));
    expect([arrived, readEntries()]).toEqual([[3_088], [0, 1]]);
  });

  it('is thrown away where it is not accepted, and its credit is given back', async () => {
    const receiving = await open([1_000, 40 * PIECE_BYTES]);
    await until(receiving, at('offered'));
    await arrivals([1_044]);
    let credit = 0;
    firstLane()[0].control.courier = (message, deliver) => {
      const said = JSON.parse(String(message)) as { t: string; credit: number };
      if (said.t === 'ack') credit = said.credit;
      deliver(message);
    };
    receiving.accept([1], null);
    await until(receiving, at('finished'));
    await expect.poll(() => credit).toBe(CREDIT_BYTES + 1_000 + 40 * PIECE_BYTES);
    expect(onlySink().written).toBe(40 * PIECE_BYTES);
    expect(Buffer.compare(onlySink().bytes(1), scene.offer.source.bytes(1))).toBe(0);
  });

  it('that cannot be read is read again when it is wanted', async () => {
    const receiving = await open([1_000, 2_000]);
    const { faults } = scene.offer.source;
    faults.set(0, 'source-changed');
    await until(receiving, at('offered'));
    await arrivals([2_044]);
    faults.clear();
    await acceptAll(receiving);
    await until(receiving, at('finished', 'failed'));
    expect(readEntries()).toEqual([0, 1, 0]);
    expect(Buffer.compare(onlySink().bytes(0), scene.offer.source.bytes(0))).toBe(0);
  });

  it('[E1] that can still not be read when it is wanted fails its entry alone', async () => {
    const receiving = await open([1_000, 2_000]);
    scene.offer.source.faults.set(0, 'source-changed');
    await until(receiving, at('offered'));
    await arrivals([2_044]);
    await acceptAll(receiving);
    const { progress } = await until(receiving, at('finished', 'failed'));
    expect([progress?.failedEntries, progress?.verifiedEntries]).toEqual([1, 1]);
    expect(progress?.entries.failure(0)).toBe('source-changed');
    const { deliveries } = await until(scene.sharing, ({ deliveries: [first] }) => first?.state.at === 'finished');
    expect(deliveries[0]?.progress?.entries.failure(0)).toBe('source-changed');
  });

  it('is not given before the sender has let the receiver in', async () => {
    const receiving = await open([1_000]);
    scene.sharing.setAdmission('ask');
    const { deliveries } = await until(scene.sharing, ({ deliveries: [first] }) => first?.state.at === 'asking');
    expect(scene.offer.source.reads).toEqual([]);
    scene.sharing.allow(deliveries[0]?.id ?? '');
    await until(receiving, at('offered'));
    await arrivals([1_044]);
  });

  it('is not given to a receiver that has something of the share: nothing comes twice', async () => {
    const receiving = await open([4 * PIECE_BYTES]);
    await until(receiving, at('offered'));
    await arrivals([HEAD_START_BYTES]);
    let delivered = 0;
    firstLane()[1].bulk.courier = (message, deliver) => {
      delivered += (message as ArrayBuffer).byteLength;
      if (delivered <= HEAD_START_BYTES) deliver(message);
    };
    await acceptAll(receiving);
    await until(receiving, ({ progress }) => progress?.verifiedBytes === 2 * PIECE_BYTES);
    cut(scene);
    await until(receiving, at('finished'));
    expect(arrived[1]).toBe(2 * HEAD_START_BYTES);
  });

  it('that has come over a lane that was lost before anything was accepted comes again', async () => {
    const receiving = await open([1_000]);
    await until(receiving, at('offered'));
    await arrivals([1_044]);
    cut(scene);
    await arrivals([1_044, 1_044]);
    await acceptAll(receiving);
    await until(receiving, at('finished'));
    expect(arrived).toEqual([1_044, 1_044]);
  });

  it('over a lane that is found to be lost when it is accepted is forgotten, and the transfer goes on over another', async () => {
    const receiving = await open([1_000, 2_000]);
    await until(receiving, at('offered'));
    await arrivals([3_088]);
    firstLane()[0].control.closed = true;
    await acceptAll(receiving);
    await until(receiving, at('finished', 'failed'));
    expect(receiving.view.state.at).toBe('finished');
    expect(arrived).toEqual([3_088, 3_088]);
  });

  it('[P7] counts as sent for an entry that is held back before it is written', async () => {
    const receiving = await open([1_000, 3 * PIECE_BYTES]);
    const { promise: disk, resolve: mend } = deferred();
    scene.world.sinks.prepare = (sink) => {
      sink.slow = () => disk.then(() => undefined);
    };
    await until(receiving, at('offered'));
    await arrivals([1_044]);
    await acceptAll(receiving);
    await until(receiving, at('transferring'));
    receiving.command(0, 'pause');
    await until(scene.sharing, ({ deliveries: [first] }) => first?.progress?.pausedEntries === 1);
    receiving.command(0, 'resume');
    mend(undefined);
    await until(receiving, at('finished', 'failed'));
    expect(receiving.view.state.at).toBe('finished');
    expect(readEntries()).toEqual([0, 1, 1, 1]);
  });

  it('is not given to one from whom the person holds something back', async () => {
    await open([1_000]);
    const { world, identity, sharing } = scene;
    const raw = await rawReceiver(world, identity, true);
    await raw.hears('entries');
    raw.say(HELLO, { t: 'accept', entries: [[0, 1]], more: false }, { t: 'want', runs: [[0, 1]], more: false });
    await until(sharing, ({ deliveries }) => deliveries.some(({ state }) => state.at === 'transferring'));
    sharing.pause(raw.id);
    const again = await rawReceiver(world, identity, true, raw.id);
    await again.hears('entries');
    again.say(HELLO, { t: 'accept', entries: [[0, 1]], more: false }, { t: 'want', runs: [[0, 1]], more: false });
    await again.hears('pause');
    expect(arrived.at(-1)).toBe(0);
  });
});

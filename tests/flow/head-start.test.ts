/** [S10] The first of a share is on its way before its receiver has accepted anything. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { HEAD_START_BYTES, PIECE_BYTES } from '../../src/core/limits.ts';
import type { Receiving } from '../../src/flow/receiving.ts';
import type { MemorySink } from '../doubles/sink.ts';
import { acceptAll, at, cut, openScene, type Scene, until } from '../doubles/world.ts';

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

const readEntries = () => scene.offer.source.reads.map(({ entry }) => entry);

describe('[S10] a head start', () => {
  it('brings a small share whole, which is not read or sent again when it is accepted', async () => {
    const receiving = await open([1_000, 70_000]);
    await until(receiving, at('offered'));
    const whole = 1_000 + 70_000 + 3 * 44;
    await expect.poll(() => arrived).toEqual([whole]);
    expect(scene.world.sinks.sinks).toEqual([]);
    await acceptAll(receiving);
    await until(receiving, at('finished'));
    await until(scene.sharing, ({ deliveries: [first] }) => first?.state.at === 'finished');
    expect([arrived, readEntries()]).toEqual([[whole], [0, 1]]);
    for (const entry of [0, 1])
      expect(Buffer.compare(onlySink().bytes(entry), scene.offer.source.bytes(entry))).toBe(0);
  });

  it('is no more than one piece with its headers, until something is accepted', async () => {
    const receiving = await open([3 * PIECE_BYTES]);
    await until(receiving, at('offered'));
    await expect.poll(() => arrived).toEqual([HEAD_START_BYTES]);
    expect(scene.offer.source.reads).toHaveLength(1);
    await acceptAll(receiving);
    await until(receiving, at('finished'));
    expect(scene.offer.source.reads).toHaveLength(3);
    expect(Buffer.compare(onlySink().bytes(0), scene.offer.source.bytes(0))).toBe(0);
  });

  it('is thrown away where it is not accepted, and takes no credit', async () => {
    const receiving = await open([1_000, 40 * PIECE_BYTES]);
    await until(receiving, at('offered'));
    await expect.poll(() => arrived).toEqual([1_044]);
    receiving.accept([1], null);
    await until(receiving, at('finished'));
    expect(onlySink().written).toBe(40 * PIECE_BYTES);
    expect(Buffer.compare(onlySink().bytes(1), scene.offer.source.bytes(1))).toBe(0);
  });

  it('[E1] that cannot be read is no harm: its entry fails alone when it is accepted', async () => {
    const receiving = await open([1_000, 2_000]);
    scene.offer.source.faults.set(0, 'source-changed');
    await until(receiving, at('offered'));
    await expect.poll(() => arrived).toEqual([2_044]);
    await acceptAll(receiving);
    const { progress } = await until(receiving, at('finished'));
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
    await expect.poll(() => arrived).toEqual([1_044]);
  });

  it('is not given to a receiver that has something of the share: nothing comes twice', async () => {
    const receiving = await open([4 * PIECE_BYTES]);
    await until(receiving, at('offered'));
    await expect.poll(() => arrived).toEqual([HEAD_START_BYTES]);
    const [lane] = scene.world.lanes.lanes;
    if (lane === undefined) throw new Error('no lane');
    let delivered = 0;
    lane[1].bulk.courier = (message, deliver) => {
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
    await expect.poll(() => arrived).toEqual([1_044]);
    cut(scene);
    await expect.poll(() => arrived).toEqual([1_044, 1_044]);
    await acceptAll(receiving);
    await until(receiving, at('finished'));
    expect(arrived).toEqual([1_044, 1_044]);
  });
});

import { deferred } from '../../src/core/deferred.ts';
import { afterEach, describe, expect, it } from 'vitest';
import { CHUNK_BYTES, CREDIT_BYTES, PIECE_BYTES } from '../../src/core/limits.ts';
import { acceptAll, at, openScene, type Scene, until } from '../doubles/world.ts';
import type { MemorySink } from '../doubles/sink.ts';

let scene: Scene | null = null;
afterEach(() => scene?.close());

function onlySink(from: Scene): MemorySink {
  const [sink] = from.world.sinks.sinks;
  if (sink === undefined) throw new Error('no sink was opened');
  return sink;
}

/** Lets this many reads of the source through; the rest wait for the returned call. */
function stallAfter({ offer: { source } }: Scene, reads: number): () => void {
  const { promise, resolve } = deferred();
  source.slow = () => (source.reads.length > reads ? promise : Promise.resolve(undefined));
  return () => resolve(undefined);
}

async function transfer(sizes: readonly number[], paths: readonly string[] = []): Promise<Scene> {
  scene = await openScene(sizes, paths);
  const receiving = scene.receive();
  await acceptAll(receiving);
  await until(receiving, at('finished', 'failed'));
  expect(receiving.view.state.at).toBe('finished');
  return scene;
}

describe('a transfer between two sessions in one process', () => {
  it.each([
    [0, 1, 65_535, 65_536, 65_537],
    [PIECE_BYTES - 1, PIECE_BYTES, PIECE_BYTES + 1],
    [CHUNK_BYTES - 1, CHUNK_BYTES, CHUNK_BYTES + 1],
    [0],
    [0, 0, 5, 0],
    [3 * CREDIT_BYTES + 17],
  ])('[P1] delivers %j equal', async (...sizes: number[]) => {
    const { offer, ...rest } = await transfer(sizes);
    const sink = onlySink({ offer, ...rest });
    sizes.forEach((_, entry) => {
      expect(Buffer.compare(sink.bytes(entry), offer.source.bytes(entry))).toBe(0);
      expect(sink.fate(entry)).toBe('finished');
    });
  });

  it('[D1] the sender says finished when the receiver has said verified', async () => {
    const { sharing } = await transfer([PIECE_BYTES * 2]);
    const view = await until(sharing, ({ deliveries }) => deliveries[0]?.state.at === 'finished');
    expect(view.deliveries[0]?.progress).toMatchObject({ verifiedBytes: PIECE_BYTES * 2, verifiedEntries: 1 });
    expect(view.deliveries[0]?.device).toBe('Test on Node');
  });

  it('delivers a thousand small files without a round trip each', async () => {
    const sizes = Array.from({ length: 1_000 }, (_, entry) => entry % 300);
    const { offer, ...rest } = await transfer(sizes);
    const sink = onlySink({ offer, ...rest });
    sizes.forEach((_, entry) => expect(Buffer.compare(sink.bytes(entry), offer.source.bytes(entry))).toBe(0));
  });

  it('sends only what was accepted, beyond the head start', async () => {
    scene = await openScene([10, PIECE_BYTES, 30]);
    const receiving = scene.receive();
    await until(receiving, at('offered'));
    receiving.accept([0, 2], null);
    await until(receiving, at('finished'));
    expect(onlySink(scene).plan.entries.map(({ index }) => index)).toEqual([0, 2]);
    expect(scene.offer.source.reads.map(({ entry }) => entry)).toEqual([0, 2]);
  });

  it('[E1] an entry that cannot be read fails alone, with its reason on both sides', async () => {
    scene = await openScene([PIECE_BYTES, PIECE_BYTES * 3, 100]);
    scene.offer.source.faults.set(1, 'source-changed');
    const receiving = scene.receive();
    await acceptAll(receiving);
    const { progress } = await until(receiving, at('finished'));
    expect(progress).toMatchObject({ failedEntries: 1, verifiedEntries: 2 });
    expect(progress?.entries.failure(1)).toBe('source-changed');
    expect(onlySink(scene).fate(1)).toBe('dropped');
    const { deliveries } = await until(scene.sharing, (view) => view.deliveries[0]?.state.at === 'finished');
    expect(deliveries[0]?.progress?.entries.failure(1)).toBe('source-changed');
  });

  it('[K2] unwritten bytes never pass the credit window when the disk stands still', async () => {
    scene = await openScene([4 * CREDIT_BYTES]);
    const receiving = scene.receive();
    await until(receiving, at('offered'));
    const { promise: disk, resolve: mend } = deferred();
    const opened = until(receiving, at('transferring'));
    receiving.accept([0], null);
    await opened;
    const sink = onlySink(scene);
    let arrived = 0;
    const pair = scene.world.lanes.lanes[0];
    if (pair === undefined) throw new Error('no lane');
    pair[1].bulk.courier = (message, deliver) => {
      arrived += (message as ArrayBuffer).byteLength;
      deliver(message);
    };
    const { promise: full, resolve: fill } = deferred();
    let waiting = 0;
    sink.slow = () => {
      waiting += 1;
      if (waiting === CREDIT_BYTES / PIECE_BYTES) fill(undefined);
      return disk;
    };
    await full;
    expect(arrived).toBeLessThanOrEqual(CREDIT_BYTES * 1.001);
    mend(undefined);
    await until(receiving, at('finished'));
  });

  it('[C5] a lane lost mid-transfer is made again, and nothing verified is sent twice', async () => {
    const size = 24 * PIECE_BYTES;
    scene = await openScene([size]);
    const goOn = stallAfter(scene, 9);
    const receiving = scene.receive();
    await acceptAll(receiving);
    await until(receiving, (view) => (view.progress?.verifiedBytes ?? 0) >= size / 3);
    scene.world.lanes.lanes[0]?.[0].close();
    await until(receiving, at('reconnecting'));
    goOn();
    await until(receiving, at('finished'));
    expect(Buffer.compare(onlySink(scene).bytes(0), scene.offer.source.bytes(0))).toBe(0);
    expect(onlySink(scene).written).toBe(size);
    const read = scene.offer.source.reads.reduce((total, { length }) => total + length, 0);
    expect(read).toBeLessThan(size + CREDIT_BYTES + 5 * PIECE_BYTES);
  });

  it('[P2] a damaged piece is discarded and asked for again', async () => {
    scene = await openScene([4 * PIECE_BYTES]);
    const receiving = scene.receive();
    await until(receiving, at('offered'));
    const pair = scene.world.lanes.lanes[0];
    if (pair === undefined) throw new Error('no lane');
    let damaged = 0;
    pair[1].bulk.courier = (message, deliver) => {
      const bytes = new Uint8Array(message as ArrayBuffer);
      if (damaged === 0) {
        damaged += 1;
        bytes[100] = (bytes[100] ?? 0) ^ 1;
      }
      deliver(message);
    };
    receiving.accept([0], null);
    await until(receiving, at('finished', 'failed'));
    expect(receiving.view.state.at).toBe('finished');
    expect(damaged).toBe(1);
    expect(Buffer.compare(onlySink(scene).bytes(0), scene.offer.source.bytes(0))).toBe(0);
  });

  it('[P2] a piece that is damaged every time ends the transfer with its reason', async () => {
    scene = await openScene([2 * PIECE_BYTES]);
    const receiving = scene.receive();
    await until(receiving, at('offered'));
    const pair = scene.world.lanes.lanes[0];
    if (pair === undefined) throw new Error('no lane');
    pair[1].bulk.courier = (message, deliver) => {
      const bytes = new Uint8Array(message as ArrayBuffer);
      bytes[50] = (bytes[50] ?? 0) ^ 1;
      deliver(message);
    };
    receiving.accept([0], null);
    const { state } = await until(receiving, at('failed'));
    expect(state).toMatchObject({ code: 'corrupt' });
  });

  it('pauses from either side and goes on when both have resumed', async () => {
    scene = await openScene([16 * PIECE_BYTES]);
    const goOn = stallAfter(scene, 1);
    const receiving = scene.receive();
    await acceptAll(receiving);
    await until(receiving, (view) => (view.progress?.verifiedBytes ?? 0) > 0);
    receiving.pause();
    const { deliveries } = await until(
      scene.sharing,
      ({ deliveries: [first] }) => first?.state.at === 'transferring' && first.state.pause.byPeer,
    );
    const id = deliveries[0]?.id ?? '';
    scene.sharing.pause(id);
    await until(receiving, ({ state }) => state.at === 'transferring' && state.pause.byPeer);
    receiving.resume();
    scene.sharing.resume(id);
    goOn();
    await until(receiving, at('finished'));
  });

  it('[D3] a cancel ends both sides as cancelled and deletes what was written', async () => {
    scene = await openScene([32 * PIECE_BYTES]);
    stallAfter(scene, 7);
    const receiving = scene.receive();
    await acceptAll(receiving);
    await until(receiving, (view) => (view.progress?.verifiedBytes ?? 0) > 0);
    receiving.cancel(false);
    await until(scene.sharing, (view) => view.deliveries[0]?.state.at === 'cancelled');
    expect(receiving.view.state).toMatchObject({ at: 'cancelled', by: 'me' });
    expect(onlySink(scene).state).toBe('discarded');
  });

  it('[R4] a full disk pauses both sides with its reason, and goes on when there is room', async () => {
    scene = await openScene([8 * PIECE_BYTES]);
    scene.world.sinks.prepare = (sink) => {
      sink.capacity = 3 * PIECE_BYTES;
    };
    const receiving = scene.receive();
    await acceptAll(receiving);
    const paused = await until(receiving, ({ state }) => state.at === 'transferring' && state.pause.byMe);
    expect(paused.state).toMatchObject({ pause: { reason: 'no-room' } });
    await until(
      scene.sharing,
      ({ deliveries: [first] }) => first?.state.at === 'transferring' && first.state.pause.byPeer,
    );
    receiving.resume();
    await until(receiving, ({ state }) => state.at === 'transferring' && state.pause.byMe);
    onlySink(scene).capacity = null;
    receiving.resume();
    await until(receiving, at('finished'));
    expect(Buffer.compare(onlySink(scene).bytes(0), scene.offer.source.bytes(0))).toBe(0);
    expect(onlySink(scene).written).toBe(8 * PIECE_BYTES);
  });

  it('[C9] no room at the start leaves the choice to the person', async () => {
    scene = await openScene([8 * PIECE_BYTES, 10]);
    scene.world.sinks.freeBytes = PIECE_BYTES;
    const receiving = scene.receive();
    await acceptAll(receiving);
    const { state } = await until(receiving, (view) => view.state.at === 'offered' && view.state.problem !== null);
    expect(state).toMatchObject({ problem: 'no-room' });
    expect(scene.sharing.view.deliveries[0]?.state.at).toBe('offered');
    receiving.accept([1], null);
    await until(receiving, at('finished'));
  });

  it('serves three receivers at once, each with its own progress', async () => {
    scene = await openScene([6 * PIECE_BYTES + 5, 1000]);
    const receivers = [scene.receive(), scene.receive(), scene.receive()];
    await Promise.all(receivers.map(acceptAll));
    await Promise.all(receivers.map((receiving) => until(receiving, at('finished'))));
    for (const sink of scene.world.sinks.sinks) {
      expect(Buffer.compare(sink.bytes(0), scene.offer.source.bytes(0))).toBe(0);
    }
    expect(scene.world.sinks.sinks).toHaveLength(3);
  });
});

describe('admission', () => {
  it('gives nothing to one that was cancelled while its lane was being made', async () => {
    scene = await openScene([9]);
    const { sharing, world } = scene;
    const { promise: made, resolve: make } = deferred();
    world.lanes.opening = () => made.then(() => undefined);
    const receiving = scene.receive();
    const { deliveries } = await until(sharing, ({ deliveries: [first] }) => first?.state.at === 'connecting');
    sharing.cancel(deliveries[0]?.id ?? '');
    make(undefined);
    expect((await until(receiving, at('failed'))).state).toMatchObject({ code: 'sender-declined' });
    expect(sharing.view.deliveries).toMatchObject([{ state: { at: 'cancelled', by: 'me' } }]);
  });

  it('asks first, and declines with a reason', async () => {
    scene = await openScene([10]);
    scene.sharing.setAdmission('ask');
    const receiving = scene.receive();
    await until(receiving, ({ state }) => state.at === 'greeting' && state.asked);
    const [delivery] = scene.sharing.view.deliveries;
    scene.sharing.decline(delivery?.id ?? '');
    expect((await until(receiving, at('failed'))).state).toMatchObject({ code: 'sender-declined' });
  });

  it('lets in only the first', async () => {
    scene = await openScene([10]);
    scene.sharing.setAdmission('first');
    const first = scene.receive();
    await until(first, at('offered'));
    const second = scene.receive();
    expect((await until(second, at('failed'))).state).toMatchObject({ code: 'sender-declined' });
    await acceptAll(first);
    await until(first, at('finished'));
  });
});

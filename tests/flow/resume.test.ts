import { afterEach, describe, expect, it } from 'vitest';
import { deferred } from '../../src/core/deferred.ts';
import { BeelineError } from '../../src/core/errors.ts';
import { PIECE_BYTES } from '../../src/core/limits.ts';
import type { Receipt } from '../../src/core/ports.ts';
import { Receiving } from '../../src/flow/receiving.ts';
import { Sharing } from '../../src/flow/sharing.ts';
import { Stored } from '../../src/flow/stored.ts';
import { acceptAll, at, makeOffer, openScene, type Scene, type TestWorld, until } from '../doubles/world.ts';

let scene: Scene;
const later: { close(): void }[] = [];
afterEach(() => {
  for (const session of later.splice(0)) session.close();
  scene.close();
});

const verifiedPieces = (count: number) => (view: Receiving['view']) =>
  (view.progress?.verifiedBytes ?? 0) >= count * PIECE_BYTES;

/** Receives until this many pieces are verified, and no more. */
async function receivePart(pieces: number): Promise<Receiving> {
  const { world } = scene;
  world.sinks.prepare = (sink) => {
    let begun = 0;
    sink.slow = () => ((begun += 1) <= pieces ? Promise.resolve() : new Promise(() => undefined));
  };
  const receiving = scene.receive();
  await acceptAll(receiving);
  await until(receiving, verifiedPieces(pieces));
  world.sinks.prepare = null;
  return receiving;
}

/** The link is opened again, in a new page of the same browser. */
async function openAgain(world: TestWorld = scene.world): Promise<Receiving> {
  const { keys } = scene.identity;
  const receiving = new Receiving(world, keys, await world.archive.receipt(keys.roomId));
  later.push(receiving);
  return receiving;
}

describe('a receiver that comes back in another page', () => {
  it('[R1] [R2] goes on with what is missing, and nothing verified is fetched twice', async () => {
    scene = await openScene([20 * PIECE_BYTES, 5]);
    (await receivePart(8)).close();
    const before = scene.offer.source.reads.length;

    const receiving = await openAgain();
    expect(receiving.view.state.at).toBe('checking');
    await until(receiving, at('finished'));

    const sink = scene.world.sinks.sinks.at(-1);
    expect(Buffer.compare(sink?.bytes(0) ?? new Uint8Array(), scene.offer.source.bytes(0))).toBe(0);
    expect(sink?.written).toBe(12 * PIECE_BYTES + 5);
    const fetched = scene.offer.source.reads.slice(before).reduce((total, { length }) => total + length, 0);
    expect(fetched).toBe(12 * PIECE_BYTES + 5);
  });

  it('[R2] fetches again exactly what was damaged on the disk', async () => {
    scene = await openScene([20 * PIECE_BYTES]);
    (await receivePart(8)).close();
    scene.world.sinks.sinks[0]?.bytes(0).fill(1, 3 * PIECE_BYTES, 3 * PIECE_BYTES + 1);

    const receiving = await openAgain();
    await until(receiving, at('finished'));

    const sink = scene.world.sinks.sinks.at(-1);
    expect(Buffer.compare(sink?.bytes(0) ?? new Uint8Array(), scene.offer.source.bytes(0))).toBe(0);
    expect(sink?.written).toBe(13 * PIECE_BYTES);
  });

  it('[R2] is offered all of it anew when what it had is gone', async () => {
    scene = await openScene([12 * PIECE_BYTES]);
    (await receivePart(4)).close();
    await scene.world.sinks.sinks[0]?.discard();
    const receiving = await openAgain();
    await acceptAll(receiving);
    await until(receiving, at('finished'));
    expect(scene.world.sinks.sinks.at(-1)?.written).toBe(12 * PIECE_BYTES);
  });

  it('[D1] has finished without the sender when everything is here', async () => {
    scene = await openScene([2 * PIECE_BYTES, 0]);
    const first = scene.receive();
    await acceptAll(first);
    await until(first, at('finished'));
    first.close();
    scene.sharing.close();
    const receiving = await openAgain();
    await until(receiving, at('finished'));
    await receiving.save('zip');
    await until(receiving, ({ saving }) => saving === 'done');
  });

  it('[D5] tells a sender that could not be told before', async () => {
    scene = await openScene([2 * PIECE_BYTES]);
    const { world } = scene;
    const receiving = scene.receive();
    world.lanes.lanes.length = 0;
    await until(receiving, at('offered'));
    // The end of the transfer is not heard: the lane is cut as the last piece becomes durable.
    world.sinks.prepare = (sink) => {
      const write = sink.write.bind(sink);
      sink.write = async (...args) => {
        await write(...args);
        if (sink.written === 2 * PIECE_BYTES) world.lanes.lanes.at(-1)?.[0].close();
      };
    };
    receiving.accept([0], null);
    await until(receiving, ({ state }) => state.at === 'finished' && state.confirmed);
    await until(scene.sharing, ({ deliveries: [first] }) => first?.state.at === 'finished');
  });

  it('[R1] keeps the secret only until the sender has confirmed', async () => {
    scene = await openScene([3]);
    const { archive } = scene.world;
    const receiving = scene.receive();
    await acceptAll(receiving);
    await until(receiving, ({ state }) => state.at === 'finished' && state.confirmed);
    const receipt = await archive.receipt(scene.identity.keys.roomId);
    expect(receipt).toMatchObject({ secret: null, accepted: [0] });
    const notes = await archive.notes();
    expect(notes.filter(({ role }) => role === 'receiving')).toMatchObject([
      { state: 'finished', verifiedBytes: 3, files: 1 },
    ]);
  });

  it('[D3] finds what was verified of a cancelled transfer, unless it was to be deleted', async () => {
    scene = await openScene([20 * PIECE_BYTES]);
    (await receivePart(8)).cancel(true);
    const receiving = await openAgain();
    expect(receiving.view.state.at).toBe('checking');
    receiving.cancel(false);
    expect((await openAgain()).view.state.at).toBe('connecting');
    await expect.poll(() => scene.world.sinks.sinks.map(({ state }) => state)).not.toContain('open');
  });

  it('[C6] does not go on with another share under the same link', async () => {
    scene = await openScene([12 * PIECE_BYTES]);
    (await receivePart(4)).close();
    scene.sharing.close();
    later.push(new Sharing(scene.world, scene.identity, makeOffer([7]), 'https://test.example/'));
    const receiving = await openAgain();
    expect((await until(receiving, at('failed'))).state).toMatchObject({ code: 'source-changed' });
    receiving.retry();
    await acceptAll(receiving);
    await until(receiving, at('finished'));
  });

  it('[R3] after its disk failed, a retry goes on', async () => {
    scene = await openScene([12 * PIECE_BYTES]);
    const { world } = scene;
    world.sinks.prepare = (sink) => {
      sink.slow = () => {
        if (sink.written >= 4 * PIECE_BYTES) sink.fault = 'disk-failed';
        return Promise.resolve();
      };
    };
    const receiving = scene.receive();
    await acceptAll(receiving);
    expect((await until(receiving, at('failed'))).state).toMatchObject({ code: 'disk-failed' });
    world.sinks.prepare = null;
    receiving.retry();
    await until(receiving, at('finished'));
    expect(world.sinks.sinks.at(-1)?.written).toBe(8 * PIECE_BYTES);
  });
});

describe('a finished transfer', () => {
  /** What an earlier page has kept of a transfer of these files. */
  async function received(sizes: readonly number[]): Promise<Receipt> {
    scene = await openScene(sizes);
    const first = scene.receive();
    await acceptAll(first);
    await until(first, ({ state }) => state.at === 'finished' && state.confirmed);
    first.close();
    const receipt = await scene.world.archive.receipt(scene.identity.keys.roomId);
    if (receipt === null) throw new Error('nothing was kept');
    return receipt;
  }

  function open(receipt: Receipt): Stored {
    const stored = new Stored(scene.world, receipt);
    later.push(stored);
    return stored;
  }

  it('can be saved again in another page, without the sender and without a network', async () => {
    const receipt = await received([2 * PIECE_BYTES, 0, 9]);
    const { world, sharing } = scene;
    sharing.close();
    const stored = open(receipt);
    expect(stored.view.state.at).toBe('checking');
    await until(stored, at('finished'));
    await stored.save('zip');
    expect(stored.view).toMatchObject({ saving: 'done', progress: { verifiedEntries: 3 } });
    expect(world.sinks.sinks.at(-1)?.saved).toEqual([{ entries: [0, 1, 2], as: 'zip' }]);
  });

  it('[R3] is looked at again when that failed, e.g. for want of a permission that a click gives', async () => {
    const receipt = await received([2 * PIECE_BYTES, 9]);
    const { world } = scene;
    world.sinks.prepare = () => {
      throw new BeelineError('permission-denied');
    };
    const stored = open(receipt);
    expect((await until(stored, at('failed'))).state).toMatchObject({ code: 'permission-denied' });
    world.sinks.prepare = null;
    stored.retry();
    expect(stored.view).toMatchObject({ state: { at: 'checking' }, checkedBytes: 0 });
    const { progress } = await until(stored, at('finished'));
    expect(progress?.verifiedEntries).toBe(2);
  });

  it('says which of its files are no longer what they were', async () => {
    const receipt = await received([2 * PIECE_BYTES, 9]);
    scene.world.sinks.sinks[0]?.bytes(0).fill(7);
    const stored = open(receipt);
    const { progress } = await until(stored, at('finished'));
    expect([progress?.entries.failure(0), progress?.entries.status(1)]).toEqual(['gone', 'verified']);
  });
});

describe('[C17] while it is being looked for what an earlier page has left', () => {
  it('the sender is dialed, and nothing is shown of it', async () => {
    scene = await openScene([5]);
    const { world, identity } = scene;
    const { promise, resolve } = deferred<Receipt | null>();
    const receiving = new Receiving(world, identity.keys, promise);
    later.push(receiving);
    await until(scene.sharing, ({ deliveries }) => deliveries.some(({ state }) => state.at === 'offered'));
    expect(receiving.view.state.at).toBe('connecting');
    resolve(null);
    await acceptAll(receiving);
    await until(receiving, at('finished'));
    expect(world.lanes.lanes).toHaveLength(1);
  });

  it('a lane that has opened ends when a transfer goes on, which makes its own', async () => {
    scene = await openScene([12 * PIECE_BYTES]);
    (await receivePart(4)).close();
    const { world, identity } = scene;
    const { promise, resolve } = deferred<Receipt | null>();
    const receiving = new Receiving(world, identity.keys, promise);
    later.push(receiving);
    await until(scene.sharing, ({ deliveries }) => deliveries.some(({ state }) => state.at === 'offered'));
    const early = world.lanes.lanes.at(-1);
    resolve(await world.archive.receipt(identity.keys.roomId));
    await until(receiving, at('finished'));
    expect(early?.[0].control.closed).toBe(true);
    expect(world.sinks.sinks.at(-1)?.written).toBe(8 * PIECE_BYTES);
  });

  it('one that cannot be read counts as none', async () => {
    scene = await openScene([5]);
    const receiving = new Receiving(scene.world, scene.identity.keys, Promise.reject(new Error('no database')));
    later.push(receiving);
    await acceptAll(receiving);
    await until(receiving, at('finished'));
  });

  it('a session that is closed meanwhile lets go of its lane', async () => {
    scene = await openScene([5]);
    const { promise, resolve } = deferred<Receipt | null>();
    const receiving = new Receiving(scene.world, scene.identity.keys, promise);
    await until(scene.sharing, ({ deliveries }) => deliveries.some(({ state }) => state.at === 'offered'));
    receiving.close();
    resolve(null);
    await until(scene.sharing, ({ deliveries }) => deliveries.some(({ state }) => state.at === 'lost'));
    expect(scene.world.lanes.lanes[0]?.[0].control.closed).toBe(true);
  });
});

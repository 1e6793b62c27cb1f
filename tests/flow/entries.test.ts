/** One file of a transfer is held back or cancelled while the others go on. */
import fc from 'fast-check';
import { afterEach, describe, expect, it } from 'vitest';
import { deferred } from '../../src/core/deferred.ts';
import { CREDIT_BYTES, PIECE_BYTES } from '../../src/core/limits.ts';
import { Receiving } from '../../src/flow/receiving.ts';
import { Stored } from '../../src/flow/stored.ts';
import type { EntryStatus, Progress } from '../../src/flow/views.ts';
import type { MemorySink } from '../doubles/sink.ts';
import { acceptAll, at, cut, holdOffers, openScene, type Scene, until } from '../doubles/world.ts';

let scene: Scene;
const later: { close(): void }[] = [];
afterEach(() => {
  for (const session of later.splice(0)) session.close();
  scene.close();
});

function sinkOf(number = 0): MemorySink {
  const sink = scene.world.sinks.sinks.at(number);
  if (sink === undefined) throw new Error('no sink was opened');
  return sink;
}

/** Reads of the source wait until the returned function is called. */
function holdReads(): () => void {
  const { promise, resolve } = deferred();
  scene.offer.source.slow = () => promise;
  return () => {
    scene.offer.source.slow = null;
    resolve(undefined);
  };
}

/** A transfer of these files of which nothing has moved yet. */
async function begin(sizes: readonly number[]): Promise<{ receiving: Receiving; goOn: () => void }> {
  scene = await openScene(sizes);
  const goOn = holdReads();
  const receiving = scene.receive();
  await acceptAll(receiving);
  await until(scene.sharing, ({ deliveries: [first] }) => first?.state.at === 'transferring');
  return { receiving, goOn };
}

/** The link is opened again, in a new page of the same browser. */
async function openAgain(): Promise<Receiving> {
  const { world, identity } = scene;
  const receiving = new Receiving(world, identity.keys, await world.archive.receipt(identity.keys.roomId));
  later.push(receiving);
  return receiving;
}

const received = (entry: number, status: EntryStatus) => (view: Receiving['view']) =>
  view.progress?.entries.status(entry) === status;

/** Waits until the sender sees an entry of its last delivery so. */
function sent(entry: number, status: EntryStatus): Promise<unknown> {
  return until(scene.sharing, ({ deliveries }) => deliveries.at(-1)?.progress?.entries.status(entry) === status);
}

/** Waits until both sides have finished. @returns what each then shows. */
async function finished(receiving: Receiving): Promise<{ mine: Progress; theirs: Progress }> {
  const view = await until(receiving, at('finished', 'failed'));
  expect(view.state.at).toBe('finished');
  const { deliveries } = await until(scene.sharing, (shown) => shown.deliveries.at(-1)?.state.at === 'finished');
  const [mine, theirs] = [view.progress, deliveries.at(-1)?.progress];
  if (mine === null || theirs === null || theirs === undefined) throw new Error('no progress');
  return { mine, theirs };
}

function expectEqual(entry: number, sink = sinkOf()): void {
  expect(Buffer.compare(sink.bytes(entry), scene.offer.source.bytes(entry))).toBe(0);
  expect(sink.fate(entry)).toBe('finished');
}

const cutAndBack = async (receiving: Receiving): Promise<void> => {
  cut(scene);
  await until(receiving, at('reconnecting'));
  await until(receiving, at('transferring'));
};

describe('a file that the receiver holds back', () => {
  it('[P7] waits while the others go, and is fetched once it is resumed', async () => {
    const { receiving, goOn } = await begin([6 * PIECE_BYTES, 2 * PIECE_BYTES, 5]);
    receiving.command(0, 'pause');
    await sent(0, 'paused');
    goOn();
    const { progress } = await until(receiving, (view) => view.progress?.verifiedEntries === 2);
    expect(progress).toMatchObject({ verifiedBytes: 2 * PIECE_BYTES + 5, pausedEntries: 1 });
    expect(progress?.entries.status(0)).toBe('paused');
    receiving.command(0, 'resume');
    await finished(receiving);
    for (const entry of [0, 1, 2]) expectEqual(entry);
    expect(sinkOf().written).toBe(8 * PIECE_BYTES + 5);
  });

  it('[P7] keeps what of it was under way, and lacks the rest until it is resumed', async () => {
    scene = await openScene([40 * PIECE_BYTES, 2 * PIECE_BYTES]);
    const { promise: disk, resolve: mend } = deferred();
    scene.world.sinks.prepare = (sink) => {
      let begun = 0;
      sink.slow = () => ((begun += 1) <= 3 ? Promise.resolve(undefined) : disk);
    };
    const receiving = scene.receive();
    await acceptAll(receiving);
    await until(receiving, received(0, 'moving'));
    receiving.command(0, 'pause');
    await sent(0, 'paused');
    mend(undefined);
    await until(receiving, received(1, 'verified'));
    expect(receiving.view.progress?.verifiedBytes).toBeLessThanOrEqual(CREDIT_BYTES + 6 * PIECE_BYTES);
    receiving.command(0, 'resume');
    await finished(receiving);
    for (const entry of [0, 1]) expectEqual(entry);
    expect(sinkOf().written).toBe(42 * PIECE_BYTES);
  });

  it('[P7] [C5] waits over a new lane too, from its start', async () => {
    const { receiving, goOn } = await begin([3 * PIECE_BYTES, 2 * PIECE_BYTES]);
    receiving.command(0, 'pause');
    await sent(0, 'paused');
    await cutAndBack(receiving);
    await sent(0, 'paused');
    goOn();
    await until(receiving, received(1, 'verified'));
    expect(receiving.view.progress?.entries.verifiedBytes(0)).toBe(0);
    receiving.command(0, 'resume');
    await finished(receiving);
    expectEqual(0);
  });

  it('[P7] can be held back and resumed while there is no lane', async () => {
    const { receiving, goOn } = await begin([3 * PIECE_BYTES, 2 * PIECE_BYTES, 9]);
    receiving.command(0, 'pause');
    await sent(0, 'paused');
    const release = holdOffers(scene);
    cut(scene);
    await until(receiving, at('reconnecting'));
    receiving.command(0, 'resume');
    receiving.command(1, 'pause');
    release();
    goOn();
    await until(receiving, received(0, 'verified'));
    await sent(1, 'paused');
    receiving.command(1, 'resume');
    await finished(receiving);
  });

  it('[P7] [R1] goes on by itself in another page', async () => {
    const { receiving, goOn } = await begin([3 * PIECE_BYTES, 2 * PIECE_BYTES]);
    receiving.command(0, 'pause');
    await sent(0, 'paused');
    goOn();
    await until(receiving, received(1, 'verified'));
    receiving.close();
    const again = await openAgain();
    await finished(again);
    for (const entry of [0, 1]) expectEqual(entry, sinkOf(-1));
    expect(sinkOf(-1).written).toBe(3 * PIECE_BYTES);
  });
});

describe('a file that the receiver cancels', () => {
  it('[P8] [D1] no longer counts: the others arrive, and both sides have finished', async () => {
    const { receiving, goOn } = await begin([2 * PIECE_BYTES, 6 * PIECE_BYTES, 5]);
    receiving.command(1, 'cancel');
    goOn();
    const { mine, theirs } = await finished(receiving);
    for (const progress of [mine, theirs]) {
      expect(progress).toMatchObject({ totalBytes: 2 * PIECE_BYTES + 5, totalEntries: 2, cancelledEntries: 1 });
      expect(progress).toMatchObject({ verifiedBytes: progress.totalBytes, verifiedEntries: 2, failedEntries: 0 });
      expect(progress.entries.status(1)).toBe('skipped');
    }
    expect([mine.entries.cancelledBy(1), theirs.entries.cancelledBy(1)]).toEqual(['me', 'peer']);
    expect(sinkOf().fate(1)).toBe('dropped');
    await receiving.save('zip');
    expect(sinkOf().saved).toEqual([{ entries: [0, 2], as: 'zip' }]);
  });

  it('[P8] [D1] as the last that is missing ends the transfer', async () => {
    const { receiving, goOn } = await begin([2 * PIECE_BYTES, 3 * PIECE_BYTES]);
    receiving.command(1, 'pause');
    goOn();
    await until(receiving, received(0, 'verified'));
    receiving.command(1, 'cancel');
    const { mine } = await finished(receiving);
    expect(mine).toMatchObject({ verifiedEntries: 1, totalEntries: 1, cancelledEntries: 1, pausedEntries: 0 });
  });

  it('[P8] [D1] one after the other ends the transfer with nothing', async () => {
    const { receiving } = await begin([10, PIECE_BYTES]);
    receiving.command(0, 'cancel');
    receiving.command(1, 'cancel');
    const { mine } = await finished(receiving);
    expect(mine).toMatchObject({ verifiedBytes: 0, totalBytes: 0, totalEntries: 0, cancelledEntries: 2 });
  });

  it('[P8] [K2] while its pieces are under way and its writes stand: they come to nothing, and their credit comes back', async () => {
    scene = await openScene([40 * PIECE_BYTES, 20 * PIECE_BYTES]);
    const { promise: disk, resolve: mend } = deferred();
    const { promise: full, resolve: fill } = deferred();
    scene.world.sinks.prepare = (sink) => {
      sink.slow = () => {
        if (sink.pending === 16) fill(undefined);
        return disk;
      };
    };
    const receiving = scene.receive();
    await acceptAll(receiving);
    await full;
    receiving.command(0, 'cancel');
    mend(undefined);
    const { mine } = await finished(receiving);
    expect(mine).toMatchObject({ verifiedBytes: 20 * PIECE_BYTES, cancelledEntries: 1 });
    expect(sinkOf().written).toBe(20 * PIECE_BYTES);
    expectEqual(1);
  });

  it('[P8] while its write fails: that is no failure of the transfer', async () => {
    const { receiving, goOn } = await begin([PIECE_BYTES, PIECE_BYTES]);
    receiving.command(1, 'pause');
    await sent(1, 'paused');
    const { promise: disk, resolve: fails } = deferred();
    const { promise: writing, resolve: writes } = deferred();
    const sink = sinkOf();
    sink.slow = () => {
      writes(undefined);
      return disk;
    };
    goOn();
    await writing;
    sink.fault = 'disk-failed';
    receiving.command(0, 'cancel');
    fails(undefined);
    await expect.poll(() => sink.pending).toBe(0);
    sink.fault = null;
    receiving.command(1, 'resume');
    expect((await finished(receiving)).mine.verifiedEntries).toBe(1);
  });

  it('[P8] [R4] whose pieces a full disk has refused: they are not asked for again', async () => {
    scene = await openScene([4 * PIECE_BYTES, 7]);
    scene.world.sinks.prepare = (sink) => {
      sink.capacity = PIECE_BYTES + 7;
    };
    const receiving = scene.receive();
    await acceptAll(receiving);
    await until(receiving, ({ state }) => state.at === 'transferring' && state.pause.reason === 'no-room');
    receiving.command(0, 'cancel');
    receiving.resume();
    expect((await finished(receiving)).mine).toMatchObject({ verifiedBytes: 7, cancelledEntries: 1 });
  });

  it('[P8] [C5] while there is no lane is not asked for over the next one', async () => {
    const { receiving, goOn } = await begin([3 * PIECE_BYTES, 2 * PIECE_BYTES]);
    const release = holdOffers(scene);
    cut(scene);
    await until(receiving, at('reconnecting'));
    receiving.command(0, 'cancel');
    release();
    await until(receiving, at('transferring'));
    const before = scene.offer.source.reads.length;
    goOn();
    const { theirs } = await finished(receiving);
    expect(theirs).toMatchObject({ totalBytes: 2 * PIECE_BYTES, totalEntries: 1 });
    expect(scene.offer.source.reads.slice(before).map(({ entry }) => entry)).not.toContain(0);
  });

  it('[P8] [R1] stays cancelled in another page, and the places of the others stay', async () => {
    const { receiving, goOn } = await begin([2 * PIECE_BYTES, 3 * PIECE_BYTES, 2 * PIECE_BYTES]);
    receiving.command(2, 'pause');
    receiving.command(0, 'cancel');
    goOn();
    await until(receiving, received(1, 'verified'));
    receiving.close();
    const before = scene.offer.source.reads.length;
    const again = await openAgain();
    const { mine } = await finished(again);
    expect(mine).toMatchObject({ totalEntries: 2, cancelledEntries: 1 });
    expect([mine.entries.status(0), mine.entries.cancelledBy(0)]).toEqual(['skipped', 'me']);
    expect(sinkOf(-1).plan.entries.map(({ index }) => index)).toEqual([0, 1, 2]);
    expect(sinkOf(-1).written).toBe(2 * PIECE_BYTES);
    expect(new Set(scene.offer.source.reads.slice(before).map(({ entry }) => entry))).toEqual(new Set([2]));
  });

  it('[P8] stays cancelled when the finished transfer is opened once more', async () => {
    const { receiving, goOn } = await begin([9, PIECE_BYTES]);
    receiving.command(0, 'cancel');
    goOn();
    await until(receiving, ({ state }) => state.at === 'finished' && state.confirmed);
    const { archive } = scene.world;
    await expect.poll(async () => (await archive.receipt(scene.identity.keys.roomId))?.secret).toBeNull();
    receiving.close();
    const receipt = await archive.receipt(scene.identity.keys.roomId);
    if (receipt === null) throw new Error('nothing was kept');
    const stored = new Stored(scene.world, receipt);
    later.push(stored);
    const { progress } = await until(stored, at('finished', 'failed'));
    expect(progress).toMatchObject({ verifiedEntries: 1, failedEntries: 0, cancelledEntries: 1 });
  });
});

describe('a file that the sender cancels for one receiver', () => {
  it('[P8] is given up there and shown as the sender’s, and another receiver gets it', async () => {
    const { receiving, goOn } = await begin([3 * PIECE_BYTES, 2 * PIECE_BYTES]);
    scene.sharing.cancelEntry(scene.sharing.view.deliveries[0]?.id ?? '', 0);
    await until(receiving, received(0, 'skipped'));
    goOn();
    const { mine, theirs } = await finished(receiving);
    expect([mine.entries.cancelledBy(0), theirs.entries.cancelledBy(0)]).toEqual(['peer', 'me']);
    expect(mine).toMatchObject({ verifiedEntries: 1, failedEntries: 0 });
    const other = scene.receive();
    await acceptAll(other);
    expect((await finished(other)).mine.verifiedEntries).toBe(2);
  });

  it('[P8] [C5] while there is no lane is told over the next one', async () => {
    const { receiving, goOn } = await begin([3 * PIECE_BYTES, 2 * PIECE_BYTES]);
    const release = holdOffers(scene);
    cut(scene);
    await until(receiving, at('reconnecting'));
    await until(scene.sharing, ({ deliveries: [first] }) => first?.state.at === 'lost');
    scene.sharing.cancelEntry(scene.sharing.view.deliveries[0]?.id ?? '', 0);
    release();
    await until(receiving, received(0, 'skipped'));
    goOn();
    const { theirs } = await finished(receiving);
    expect(theirs.entries.cancelledBy(0)).toBe('me');
  });

  it('[P8] [R1] unheard by a page that is gone, goes to the next page, which is another receiver', async () => {
    const { receiving, goOn } = await begin([3 * PIECE_BYTES, 2 * PIECE_BYTES]);
    receiving.close();
    await until(scene.sharing, ({ deliveries: [first] }) => first?.state.at === 'lost');
    scene.sharing.cancelEntry(scene.sharing.view.deliveries[0]?.id ?? '', 0);
    goOn();
    const { mine, theirs } = await finished(await openAgain());
    for (const progress of [mine, theirs]) expect(progress).toMatchObject({ verifiedEntries: 2, cancelledEntries: 0 });
    expect(scene.sharing.view.deliveries).toHaveLength(2);
  });

  it('[P8] [D1] too late, when the receiver has all of it, is verified on both sides', async () => {
    const { receiving, goOn } = await begin([PIECE_BYTES, 2 * PIECE_BYTES]);
    receiving.command(1, 'pause');
    await sent(1, 'paused');
    const held: (() => void)[] = [];
    const control = scene.world.lanes.lanes.at(-1)?.[0].control;
    if (control === undefined) throw new Error('no lane');
    control.courier = (message, deliver) => {
      if (String(message).includes('"ack"')) held.push(() => deliver(message));
      else deliver(message);
    };
    goOn();
    await until(receiving, received(0, 'verified'));
    scene.sharing.cancelEntry(scene.sharing.view.deliveries[0]?.id ?? '', 0);
    control.courier = (message, deliver) => deliver(message);
    for (const deliver of held) deliver();
    receiving.command(1, 'resume');
    const { mine, theirs } = await finished(receiving);
    for (const { entries, verifiedEntries } of [mine, theirs]) {
      expect([entries.status(0), verifiedEntries]).toEqual(['verified', 2]);
    }
  });

  it('[P8] and the receiver at the same time is cancelled once', async () => {
    const { receiving, goOn } = await begin([3 * PIECE_BYTES, 2 * PIECE_BYTES]);
    receiving.command(0, 'cancel');
    scene.sharing.cancelEntry(scene.sharing.view.deliveries[0]?.id ?? '', 0);
    goOn();
    expect((await finished(receiving)).mine).toMatchObject({ verifiedEntries: 1, cancelledEntries: 1 });
  });
});

interface Step {
  readonly do: 'pause' | 'resume' | 'cancel' | 'sender cancels' | 'cut';
  readonly entry: number;
  /** Writes to the disk after which it is done. */
  readonly after: number;
}

const step: fc.Arbitrary<Step> = fc.record({
  do: fc.constantFrom<Step['do']>('pause', 'resume', 'cancel', 'sender cancels', 'cut'),
  entry: fc.nat(3),
  after: fc.nat(14),
});

it('[P7] [P8] [D1] whatever is held back and cancelled, and whenever: both sides agree in the end', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 6 }), async (steps) => {
      scene = await openScene([4 * PIECE_BYTES + 1, 700, 5 * PIECE_BYTES, 3 * PIECE_BYTES]);
      try {
        const receiving = scene.receive();
        let isResumed = false;
        const take = (what: Step): void => {
          // What is held back now would never be resumed.
          if (what.do === 'pause' && isResumed) return;
          if (what.do === 'cut') cut(scene);
          else if (what.do !== 'sender cancels') receiving.command(what.entry, what.do);
          else for (const { id } of scene.sharing.view.deliveries) scene.sharing.cancelEntry(id, what.entry);
        };
        scene.world.sinks.prepare = (sink) => {
          let begun = 0;
          sink.slow = () => {
            for (const what of steps) if (what.after === begun) take(what);
            begun += 1;
            return Promise.resolve();
          };
        };
        await acceptAll(receiving);
        await until(receiving, ({ state, progress }) => {
          if (state.at === 'finished') return true;
          return progress !== null && progress.pausedEntries > 0 && missing(progress) === progress.pausedEntries;
        });
        isResumed = true;
        for (const entry of [0, 1, 2, 3]) receiving.command(entry, 'resume');
        const { mine, theirs } = await finished(receiving);
        for (const entry of [0, 1, 2, 3]) {
          const status = mine.entries.status(entry);
          expect(theirs.entries.status(entry)).toBe(status);
          if (status === 'verified') expectEqual(entry);
          else expect(sinkOf().fate(entry)).toBe('dropped');
        }
        expect(theirs.verifiedBytes).toBe(mine.verifiedBytes);
      } finally {
        scene.close();
      }
    }),
    { numRuns: 15 },
  );
});

function missing({ totalEntries, verifiedEntries, failedEntries }: Progress): number {
  return totalEntries - verifiedEntries - failedEntries;
}

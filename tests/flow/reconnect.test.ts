import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { deferred } from '../../src/core/deferred.ts';
import { CHUNK_BYTES, PIECE_BYTES } from '../../src/core/limits.ts';
import { randomId } from '../../src/flow/random-id.ts';
import { dialSender } from '../../src/flow/handshake.ts';
import { OfferListener } from '../../src/flow/listen.ts';
import type { Receiving } from '../../src/flow/receiving.ts';
import { Sharing } from '../../src/flow/sharing.ts';
import { realRandom } from '../doubles/clock.ts';
import { acceptAll, at, cut, holdOffers, makeOffer, openScene, type Scene, until } from '../doubles/world.ts';
import type { MemorySink } from '../doubles/sink.ts';
import { ATTEMPT_MS, HostileScene } from './hostile-scene.ts';

describe('a lane that is lost', () => {
  let scene: Scene;
  afterEach(() => scene.close());

  function onlySink(): MemorySink {
    const [sink] = scene.world.sinks.sinks;
    if (sink === undefined) throw new Error('no sink was opened');
    return sink;
  }

  /** Lets the disk take this many writes; the others wait until it is told of more. `onwrite` hears of each that begins. */
  function diskTakes(onwrite: (begun: number) => void = () => undefined): (writes: number) => void {
    let allowed = 0;
    let begun = 0;
    const waiting = new Map<number, () => void>();
    scene.world.sinks.prepare = (sink) => {
      sink.slow = () => {
        const number = (begun += 1);
        onwrite(number);
        return number <= allowed ? Promise.resolve() : new Promise((resolve) => waiting.set(number, resolve));
      };
    };
    return (writes) => {
      allowed = writes;
      for (const [number, go] of waiting) {
        if (number > writes) continue;
        waiting.delete(number);
        go();
      }
    };
  }

  const verified = (pieces: number) => (view: Receiving['view']) =>
    view.state.at === 'transferring' && view.progress?.verifiedBytes === pieces * PIECE_BYTES;

  it('[C5] [D1] after the last piece came, and before it was durable: the transfer still ends', async () => {
    scene = await openScene([PIECE_BYTES]);
    const { promise: disk, resolve: mend } = deferred();
    const { promise: writing, resolve: began } = deferred();
    scene.world.sinks.prepare = (sink) => {
      sink.slow = () => {
        began(undefined);
        return disk;
      };
    };
    const receiving = scene.receive();
    await acceptAll(receiving);
    await writing;
    const release = holdOffers(scene);
    cut(scene);
    await until(receiving, at('reconnecting'));
    mend(undefined);
    await until(receiving, ({ progress }) => progress?.verifiedEntries === 1);
    release();
    await until(receiving, at('finished'));
    await until(scene.sharing, ({ deliveries: [first] }) => first?.state.at === 'finished');
    expect(onlySink().written).toBe(PIECE_BYTES);
  });

  it('[C5] [M2] and what becomes durable before the new lane has its list is told only after it', async () => {
    // Too many for the list to come with the answer.
    scene = await openScene([24 * PIECE_BYTES, ...Array.from({ length: 300 }, () => 0)]);
    const { promise: fourBegun, resolve: began } = deferred();
    const takes = diskTakes((begun) => {
      if (begun === 4) began(undefined);
    });
    const receiving = scene.receive();
    await acceptAll(receiving);
    takes(2);
    await until(receiving, verified(2));
    await fourBegun;
    // The sender's list is held back while two pieces become durable: enough for an `ack` at once.
    const { promise: listed, resolve: list } = deferred();
    const { promise: greeting, resolve: greeted } = deferred();
    scene.world.lanes.onmeet = ([receiver, sender]) => {
      receiver.control.courier = (message, deliver) => {
        greeted(undefined);
        deliver(message);
      };
      sender.control.courier = (message, deliver) => {
        if (String(message).includes('"manifest"') || String(message).includes('"entries"')) {
          void listed.then(() => deliver(message));
        } else deliver(message);
      };
    };
    cut(scene);
    await greeting;
    expect(receiving.view.state.at).toBe('reconnecting');
    takes(4);
    await until(receiving, (view) => (view.progress?.verifiedBytes ?? 0) >= 4 * PIECE_BYTES);
    list(undefined);
    takes(Infinity);
    expect((await until(receiving, at('finished', 'failed'))).state.at).toBe('finished');
  });

  it('[D2] while the receiver pauses: the new lane is paused too', async () => {
    scene = await openScene([24 * PIECE_BYTES]);
    const takes = diskTakes();
    const receiving = scene.receive();
    await acceptAll(receiving);
    takes(2);
    await until(receiving, verified(2));
    const release = holdOffers(scene);
    cut(scene);
    await until(receiving, at('reconnecting'));
    receiving.pause();
    release();
    await until(receiving, at('transferring'));
    const { deliveries } = await until(
      scene.sharing,
      ({ deliveries: [first] }) => first?.state.at === 'transferring' && first.state.pause.byPeer,
    );
    expect(deliveries[0]?.state).toEqual({ at: 'transferring', pause: { byMe: false, byPeer: true } });
    receiving.resume();
    takes(Infinity);
    await until(receiving, at('finished'));
  });

  it('[E1] after an entry failed: neither side takes it for verified on the new lane', async () => {
    scene = await openScene([PIECE_BYTES, PIECE_BYTES, 12 * PIECE_BYTES]);
    scene.offer.source.faults.set(1, 'source-changed');
    const takes = diskTakes();
    const receiving = scene.receive();
    await acceptAll(receiving);
    takes(3);
    await until(receiving, (view) => view.progress?.failedEntries === 1 && verified(3)(view));
    cut(scene);
    await until(receiving, at('reconnecting'));
    takes(Infinity);
    const { progress } = await until(receiving, at('finished'));
    expect(progress).toMatchObject({ failedEntries: 1, verifiedEntries: 2 });
    const { deliveries } = await until(scene.sharing, ({ deliveries: [first] }) => first?.state.at === 'finished');
    expect(deliveries[0]?.progress?.entries.status(1)).not.toBe('verified');
  });

  it('[C6] and comes back with another list: the transfer ends with the reason', async () => {
    scene = await openScene([12 * PIECE_BYTES]);
    const takes = diskTakes();
    const receiving = scene.receive();
    await acceptAll(receiving);
    takes(2);
    await until(receiving, verified(2));
    const another = new Sharing(scene.world, scene.identity, makeOffer([12 * PIECE_BYTES]), 'https://test.example/');
    cut(scene);
    expect((await until(receiving, at('failed', 'finished'))).state).toMatchObject({
      at: 'failed',
      code: 'source-changed',
    });
    another.close();
  });

  it('[P6] ten times over: every byte arrives, and no verified one is written twice', async () => {
    const size = 20 * PIECE_BYTES + 7;
    scene = await openScene([size, CHUNK_BYTES]);
    const takes = diskTakes();
    const receiving = scene.receive();
    await acceptAll(receiving);
    for (let time = 1; time <= 10; time++) {
      takes(time);
      await until(receiving, verified(time));
      cut(scene);
      await until(receiving, at('reconnecting'));
    }
    takes(Infinity);
    await until(receiving, at('finished'));
    expect(onlySink().written).toBe(size + CHUNK_BYTES);
    expect(Buffer.compare(onlySink().bytes(0), scene.offer.source.bytes(0))).toBe(0);
  });
});

describe('in a time that stands still', () => {
  let scene: HostileScene;
  beforeEach(() => {
    scene = new HostileScene();
    vi.spyOn(console, 'warn').mockImplementation(() => undefined);
  });
  afterEach(() => scene.close());

  const offers = () => scene.server.seen.filter(({ type }) => type === 'OFFER').length;

  it('[C3] an absent sender is a wait, and the receiver connects by itself when it returns', async () => {
    const identity = await scene.share();
    scene.server.forget(identity.keys.roomId);
    const receiving = scene.receive(identity);
    await scene.crypto.quiet();
    expect(receiving.view.state).toEqual({ at: 'connecting', attempt: 1, reason: 'sender-away' });
    await scene.pass(5_000);
    const sharing = new Sharing(scene.world, identity, makeOffer([3]), 'https://test.example/');
    await scene.pass(5_000);
    expect(receiving.view.state.at).toBe('offered');
    sharing.close();
  });

  it('[C3] an attempt ends after 20 s', async () => {
    scene.server.alter(() => []);
    const { receiving } = await scene.open();
    await scene.pass(ATTEMPT_MS - 1);
    expect(receiving.view.state).toMatchObject({ at: 'connecting', attempt: 0 });
    await scene.pass(1);
    expect(receiving.view.state).toEqual({ at: 'connecting', attempt: 1, reason: 'peer-silent' });
    expect(scene.network.ends[0]?.lane.control.closed).toBe(true);
  });

  it('[C11] an attempt says after 10 s what holds it up, goes on, and the reason stays while it is tried again', async () => {
    scene.server.alter(() => []);
    const { receiving } = await scene.open();
    await scene.pass(9_999);
    expect(receiving.view.state).toEqual({ at: 'connecting', attempt: 0, reason: null });
    await scene.pass(1);
    expect(receiving.view.state).toEqual({ at: 'connecting', attempt: 0, reason: 'peer-silent' });
    expect(receiving.view.lastFailed).toMatchObject({
      code: 'peer-silent',
      answered: false,
      forMs: 10_000,
    });
    await scene.pass(ATTEMPT_MS);
    expect(receiving.view.state).toEqual({ at: 'connecting', attempt: 1, reason: 'peer-silent' });
    scene.server.alter((message) => [message]);
    await scene.pass(2 * ATTEMPT_MS);
    expect(receiving.view.state.at).toBe('offered');
    expect(receiving.view.lastFailed).toBeNull();
  });

  it.each([
    ['half', 0],
    ['three quarters', 0.5],
    ['almost all', 0.99],
  ])('[C4] it tries again after %s of 0.5, 1, 2, 4 and then every 5 s, as chance has it', async (_, fraction) => {
    scene = new HostileScene({ random: { ...realRandom, fraction: () => fraction } });
    const identity = await scene.share();
    scene.server.forget(identity.keys.roomId);
    scene.receive(identity);
    await scene.crypto.quiet();
    for (const [number, delay] of [500, 1_000, 2_000, 4_000, 5_000, 5_000].entries()) {
      const wait = delay * (0.5 + fraction / 2);
      await scene.pass(wait - 1);
      expect(offers()).toBe(number + 1);
      await scene.pass(1);
      expect(offers()).toBe(number + 2);
    }
  });

  it('[C4] a nudge ends the wait', async () => {
    let nudged: () => void = () => undefined;
    const nudge = (run: () => void) => {
      nudged = run;
      return () => undefined;
    };
    scene = new HostileScene({ random: { ...realRandom, fraction: () => 1 }, nudge });
    const identity = await scene.share();
    scene.server.forget(identity.keys.roomId);
    scene.receive(identity);
    await scene.crypto.quiet();
    expect(offers()).toBe(1);
    nudged();
    await scene.crypto.quiet();
    expect(offers()).toBe(2);
    await scene.pass(999);
    expect(offers()).toBe(2);
  });

  it.each([
    [
      'waits for the sender',
      async (receiving: Receiving) => scene.pass(receiving.view.state.at === 'connecting' ? 100 : 0),
    ],
    ['is in the middle of an attempt', () => Promise.resolve()],
  ])('[C4] once it is closed while it %s, it does not try again', async (_, first) => {
    scene.server.alter(() => []);
    const { receiving } = await scene.open();
    await first(receiving);
    const before = [offers(), scene.network.ends.length];
    receiving.close();
    await scene.pass(10 * ATTEMPT_MS);
    expect([offers(), scene.network.ends.length]).toEqual(before);
  });

  it('[C4] once it is closed with a lane, it does not try again', async () => {
    const { receiving } = await scene.open();
    expect(receiving.view.state.at).toBe('offered');
    receiving.close();
    await scene.pass(10 * ATTEMPT_MS);
    expect(scene.network.ends).toHaveLength(2);
    expect(scene.shares[0]?.sharing.view.deliveries[0]?.state.at).toBe('lost');
  });

  it('[S8] offers that are refused take no place: the fortieth is refused like the first', async () => {
    const identity = await scene.share();
    scene.shares[0]?.sharing.setAdmission('first');
    scene.receive(identity);
    await scene.crypto.quiet();
    for (let late = 0; late < 40; late += 10) {
      const ten = Array.from({ length: 10 }, () => scene.receive(identity));
      await scene.crypto.quiet();
      for (const { view } of ten) expect(view.state).toMatchObject({ at: 'failed', code: 'sender-declined' });
    }
    expect(scene.network.met).toHaveLength(1);
  });

  it('a receiver has its place at once, and is shown when the answer is out', async () => {
    const identity = await scene.share();
    const sharing = scene.shares[0]?.sharing;
    sharing?.setAdmission('first');
    const shown: (number | undefined)[] = [];
    scene.server.relay = (message) => {
      if (message.type === 'ANSWER') shown.push(sharing?.view.deliveries.length);
      scene.server.deliver(message);
    };
    // What is shown next is shown at once.
    await scene.pass(1_000);
    const both = [scene.receive(identity), scene.receive(identity)];
    await scene.crypto.quiet();
    expect(both.map(({ view }) => view.state.at).sort()).toEqual(['failed', 'offered']);
    expect(shown).toEqual([0, 0]);
    expect(sharing?.view.deliveries).toHaveLength(1);
  });

  it('[S8] at most 32 offers are answered at a time', async () => {
    const identity = await scene.share();
    scene.server.alter((message) => (message.type === 'OFFER' ? [message] : []));
    for (let receiver = 0; receiver < 40; receiver++) scene.receive(identity);
    await scene.crypto.quiet();
    expect(scene.network.ends).toHaveLength(40 + 32);
  });

  it('[S8] a share that is closed answers nothing more, not even what it was about to', async () => {
    const identity = await scene.share();
    const receiving = scene.receive(identity);
    scene.server.relay = (message) => {
      scene.server.deliver(message);
      queueMicrotask(() => scene.shares[0]?.sharing.close());
    };
    await scene.crypto.quiet();
    expect(scene.network.ends).toHaveLength(1);
    expect(receiving.view.state.at).toBe('connecting');
  });

  it('[C5] an attempt that fails does not touch the lane that lives', async () => {
    const { identity } = await scene.open();
    const { src = '' } = scene.server.seen[0] ?? {};
    const [share] = scene.shares;
    scene.server.alter((message) => (message.type === 'ANSWER' ? [] : [message]));
    dialSender(scene.world, scene.server.connect(src), identity.keys, src, true);
    await scene.crypto.quiet();
    expect(scene.network.ends).toHaveLength(4);
    await scene.pass(2 * ATTEMPT_MS);
    expect(share?.sharing.view.deliveries.map(({ state }) => state.at)).toEqual(['offered']);
  });

  it('[S8] junk in place of an offer costs no connection', async () => {
    const identity = await scene.share();
    const attempts: string[] = [];
    const line = scene.server.connect(identity.keys.roomId);
    const listener = new OfferListener(scene.world, line, identity, {
      admit: () => null,
      greeting: () => [],
      onattempt: (receiver) => attempts.push(receiver),
      onanswered: () => undefined,
      onlane: () => undefined,
      onfailed: () => undefined,
    });
    for (let n = 0; n < 200; n++) {
      const payload = { c: randomId(scene.world).slice(0, 22), n: 1, b: 'A'.repeat(200) };
      listener.receive({ type: 'OFFER', src: randomId(scene.world), payload });
    }
    await scene.crypto.quiet();
    line.onmessage = (message) => listener.receive(message);
    const receiving = scene.receive(identity);
    await scene.crypto.quiet();
    expect(attempts).toHaveLength(1);
    expect(scene.network.ends).toHaveLength(2);
    expect(receiving.view.state.at).toBe('greeting');
    listener.close();
  });
});

import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { acceptAll, at, until } from '../doubles/world.ts';
import type { Relayed } from '../doubles/signaling.ts';
import { ATTEMPT_MS, HostileScene } from './hostile-scene.ts';

/** A sealed payload, for those who alter it. */
interface Sealed {
  readonly c: string;
  readonly n: number;
  readonly b: string;
}

let scene: HostileScene;
beforeEach(() => {
  scene = new HostileScene();
  vi.spyOn(console, 'warn').mockImplementation(() => undefined);
});
afterEach(() => scene.close());

const sealedOf = ({ payload }: Relayed) => payload as Sealed;

/** Time has run out for the attempt, and nothing was ever connected. */
async function expectNoConnection(): Promise<void> {
  await scene.pass(ATTEMPT_MS);
  expect(scene.network.met).toEqual([]);
  for (const { view } of scene.receivers) {
    expect(['connecting', 'failed']).toContain(view.state.at);
    expect(view.entries).toBeNull();
  }
}

describe('a server that replays', () => {
  it('[S3] [S8] gets nothing for a second copy, at once or after the connection stands', async () => {
    scene.server.alter((message) => [message, message, message]);
    const { receiving } = await scene.open();
    expect(receiving.view.state.at).toBe('offered');
    expect(scene.network.ends).toHaveLength(2);
    for (const message of [...scene.server.seen]) scene.server.deliver(message);
    await scene.crypto.quiet();
    expect(scene.network.ends).toHaveLength(2);
    expect(scene.network.met).toHaveLength(1);
    const heard = scene.network.ends.map((end) => end.heard.map(({ kind }) => kind));
    expect(heard).toEqual([
      ['answer', 'candidate', 'candidate'],
      ['offer', 'candidate', 'candidate'],
    ]);
  });

  it('[S8] does not touch a living lane: the delivery goes on past every timeout', async () => {
    const { receiving } = await scene.open();
    for (const message of [...scene.server.seen]) scene.server.deliver(message);
    await scene.pass(3 * ATTEMPT_MS);
    const [share] = scene.shares;
    expect(share?.sharing.view.deliveries.map(({ state }) => state.at)).toEqual(['offered']);
    await acceptAll(receiving);
    await until(receiving, at('finished'));
  });

  it('[S3] gets nothing for a message of an earlier connection in a new one, as it is or under the new id', async () => {
    const { receiving } = await scene.open();
    const old = [...scene.server.seen];
    scene.server.alter(({ type, ...message }) => {
      if (type === 'OFFER') return [];
      const { c } = sealedOf({ type, ...message });
      return old.flatMap((earlier) => [earlier, { ...earlier, payload: { ...sealedOf(earlier), c } }]);
    });
    scene.network.ends[0]?.lane.close();
    await scene.crypto.quiet();
    await scene.pass(500);
    expect(scene.network.ends).toHaveLength(3);
    await scene.pass(ATTEMPT_MS);
    expect(scene.network.met).toHaveLength(1);
    expect(scene.network.ends[2]?.heard).toEqual([]);
    expect(['connecting', 'failed']).toContain(receiving.view.state.at);
  });

  it('[S3] gets nothing for an answer sent back to the sender, or an offer to the receiver', async () => {
    scene.server.alter((message) => [{ ...message, type: 'OFFER', src: message.dst, dst: message.src }]);
    await scene.open();
    expect(scene.network.ends).toHaveLength(1);
    await expectNoConnection();
  });
});

describe('a server that reorders', () => {
  it('[S3] an answer that a candidate overtook is refused', async () => {
    const held: Relayed[] = [];
    scene.server.alter((message) => {
      if (message.type === 'ANSWER') held.push(message);
      const isOvertaking = message.type === 'CANDIDATE' && message.src === scene.shares[0]?.identity.keys.roomId;
      if (isOvertaking) return [message, ...held.splice(0)];
      return message.type === 'ANSWER' ? [] : [message];
    });
    const { receiving } = await scene.open();
    expect(scene.network.ends[0]?.expects).toBeNull();
    await expectNoConnection();
    expect(receiving.view.state).toMatchObject({ at: 'failed', code: 'not-authentic' });
  });

  it('[S3] an overtaken candidate never reaches the connection', async () => {
    const identity = await scene.share();
    const held: Relayed[] = [];
    scene.server.alter((message) => {
      if (message.type !== 'CANDIDATE' || message.dst !== identity.keys.roomId) return [message];
      held.push(message);
      return held.length === 2 ? held.reverse() : [];
    });
    scene.receive(identity);
    await scene.crypto.quiet();
    const told = scene.network.ends[1]?.heard.map((signal) =>
      signal.kind === 'candidate' ? signal.candidate : signal.kind,
    );
    expect(told).toEqual(['offer', 'candidate:1 1 udp 1 192.0.2.2 5000 typ host']);
  });

  it('[S8] candidates before their offer are dropped', async () => {
    const held: Relayed[] = [];
    scene.server.alter((message) => {
      if (message.type !== 'OFFER') return [message, ...held.splice(0)];
      held.push(message);
      return [];
    });
    await scene.open();
    expect(scene.network.ends[1]?.heard.map(({ kind }) => kind)).toEqual(['offer', 'candidate']);
  });
});

describe('a server that swaps', () => {
  /** Gives each of two receivers what was meant for the other. */
  function swapAnswers(rewrite: boolean): void {
    const answers: Relayed[] = [];
    scene.server.alter((message) => {
      if (message.type !== 'ANSWER') return message.type === 'OFFER' ? [message] : [];
      answers.push(message);
      const [a, b] = answers;
      if (a === undefined || b === undefined) return [];
      const as = (one: Relayed, other: Relayed) =>
        rewrite ? { ...one, payload: { ...sealedOf(one), c: sealedOf(other).c } } : one;
      return [
        { ...as(a, b), src: b.src, dst: b.dst },
        { ...as(b, a), src: a.src, dst: a.dst },
      ];
    });
  }

  it.each([
    ['as they are', false],
    ['under each other’s connection id', true],
  ])('[S2] the answers of two receivers of one share, %s: no connection', async (_, rewrite) => {
    swapAnswers(rewrite);
    const identity = await scene.share();
    scene.receive(identity);
    scene.receive(identity);
    await scene.crypto.quiet();
    expect(scene.network.ends).toHaveLength(4);
    await expectNoConnection();
  });

  it.each([
    ['as they are', false],
    ['under each other’s connection id', true],
  ])('[S2] the answers of two shares, %s: no connection', async (_, rewrite) => {
    swapAnswers(rewrite);
    scene.receive(await scene.share());
    scene.receive(await scene.share());
    await scene.crypto.quiet();
    await expectNoConnection();
  });

  it('[S2] the offers of two receivers, or to another share: nobody answers', async () => {
    const [one, other] = [await scene.share(), await scene.share()];
    const offers: Relayed[] = [];
    scene.server.alter((message) => {
      if (message.type !== 'OFFER') return [message];
      offers.push(message);
      const [a, b] = offers;
      if (a === undefined || b === undefined) return [];
      return [
        { ...a, src: b.src },
        { ...b, src: a.src },
        { ...a, dst: other.keys.roomId },
        { ...b, dst: other.keys.roomId },
      ];
    });
    scene.receive(one);
    scene.receive(one);
    await scene.crypto.quiet();
    expect(scene.network.ends).toHaveLength(2);
    await expectNoConnection();
  });
});

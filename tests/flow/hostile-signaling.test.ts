import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { fromBase64url, toBase64url, toHex } from '../../src/core/bytes.ts';
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

/** Flips a bit of what `b` encodes, counted from its end when negative. */
function flip(b: string, bit: number): string {
  const bytes = fromBase64url(b) ?? new Uint8Array();
  const place = ((bit % (bytes.length * 8)) + bytes.length * 8) % (bytes.length * 8);
  bytes[place >> 3] = (bytes[place >> 3] ?? 0) ^ (1 << (place & 7));
  return toBase64url(bytes);
}

/** Changes the payloads of one type. */
function alterPayload(type: Relayed['type'], change: (sealed: Sealed) => unknown): void {
  scene.server.alter((message) => [
    message.type === type ? { ...message, payload: change(sealedOf(message)) } : message,
  ]);
}

/** Time has run out for the attempt, and nothing was ever connected. */
async function expectNoConnection(): Promise<void> {
  await scene.pass(ATTEMPT_MS);
  expect(scene.network.met).toEqual([]);
  for (const { view } of scene.receivers) {
    expect(['connecting', 'failed']).toContain(view.state.at);
    expect(view.entries).toBeNull();
  }
}

describe('a server that reads', () => {
  it('[S1] learns no name, size, description, secret, key or share id', async () => {
    const sizes = [7_340_033, 81_918_273];
    const names = ['salaries-of-everyone.xlsx', 'Überraschung für Anna.mov'];
    const identity = await scene.share([sizes[0] ?? 0], [names[0] ?? '']);
    await scene.share([100], [names[1] ?? '']);
    const receiving = scene.receive(identity);
    await until(receiving, at('offered'));
    await scene.crypto.quiet();

    const { seen, told } = scene.server;
    expect(seen.map(({ type }) => type)).toContain('OFFER');
    expect(seen.map(({ type }) => type)).toContain('ANSWER');
    expect(seen.map(({ type }) => type)).toContain('CANDIDATE');
    const { secret } = identity.keys;
    const { shareId } = scene.shares[0]?.offer.manifest ?? { shareId: '' };
    const texts = [
      ...names,
      'v=0\r\n',
      'a=fingerprint',
      'sha-256',
      'candidate:',
      '192.0.2.1',
      String(sizes[0]),
      shareId,
    ];
    const bytes = [secret, identity.publicKey, Buffer.from(shareId, 'hex')];
    const hidden = [
      ...texts.map((text) => Buffer.from(text)),
      ...bytes.flatMap((some) => [
        Buffer.from(some),
        Buffer.from(toHex(some)),
        Buffer.from(toBase64url(some)),
        Buffer.from(Buffer.from(some).toString('base64')),
      ]),
    ];
    const everything = [...told, ...seen.map((message) => JSON.stringify(message))].map((text) => Buffer.from(text));
    for (const message of seen) {
      const sealed = sealedOf(message);
      expect(Object.keys(sealed).sort()).toEqual(['b', 'c', 'n']);
      expect(JSON.stringify(message)).not.toMatch(/=|fingerprint|v=0/u);
      everything.push(Buffer.from(sealed.b, 'base64url'), Buffer.from(sealed.c, 'base64url'));
      for (const id of [message.src, message.dst]) everything.push(Buffer.from(id, 'hex'));
    }
    for (const some of everything) for (const needle of hidden) expect(some.includes(needle)).toBe(false);
  });

  it('[S1] sees a new connection id and new nonces each time, so that nothing tells two receivers are one', async () => {
    const identity = await scene.share();
    for (let visit = 0; visit < 3; visit++) scene.receive(identity);
    await scene.crypto.quiet();
    const offers = scene.server.seen.filter(({ type }) => type === 'OFFER');
    for (const field of [
      (one: Relayed) => one.src,
      (one: Relayed) => sealedOf(one).c,
      (one: Relayed) => sealedOf(one).b.slice(0, 16),
    ]) {
      expect(new Set(offers.map(field)).size).toBe(3);
    }
  });
});

describe('a server that alters', () => {
  const changes: [string, (sealed: Sealed) => unknown][] = [
    ['the connection id', (sealed) => ({ ...sealed, c: toBase64url(new Uint8Array(16).fill(7)) })],
    ['the counter, up', (sealed) => ({ ...sealed, n: sealed.n + 1 })],
    ['the counter, out of bounds', (sealed) => ({ ...sealed, n: 1_001 })],
    ['a bit of the nonce', (sealed) => ({ ...sealed, b: flip(sealed.b, 3) })],
    ['a bit of the text', (sealed) => ({ ...sealed, b: flip(sealed.b, 12 * 8 + 40) })],
    ['a bit of the tag', (sealed) => ({ ...sealed, b: flip(sealed.b, -1) })],
    ['the length', (sealed) => ({ ...sealed, b: sealed.b.slice(0, -4) })],
    ['the alphabet', (sealed) => ({ ...sealed, b: `+${sealed.b.slice(1)}` })],
    ['the form, with a field more', (sealed) => ({ ...sealed, sdp: 'v=0' })],
    ['the form, with a field less', ({ c, b }) => ({ c, b })],
    ['all of it', () => ({ sdp: 'v=0', type: 'answer' })],
    ['it to nothing', () => null],
    ['it to a list', (sealed) => [sealed]],
  ];

  it.each(changes)('[S2] [S4] %s of the offer reaches nobody', async (_, change) => {
    alterPayload('OFFER', change);
    await scene.open();
    expect(scene.network.ends).toHaveLength(1);
    await expectNoConnection();
  });

  it.each(changes)('[S2] [S4] %s of the answer reaches nobody', async (_, change) => {
    alterPayload('ANSWER', change);
    const { receiving } = await scene.open();
    expect(scene.network.ends[0]?.expects).toBeNull();
    await expectNoConnection();
    expect(receiving.view.state).not.toMatchObject({ reason: null });
  });

  it('[S4] any bit of any payload makes it refused', async () => {
    const type = fc.constantFrom('OFFER' as const, 'ANSWER' as const);
    await fc.assert(
      fc.asyncProperty(type, fc.nat(10_000), async (altered, bit) => {
        scene = new HostileScene();
        alterPayload(altered, (sealed) => ({ ...sealed, b: flip(sealed.b, bit) }));
        await scene.open();
        await expectNoConnection();
        scene.close();
      }),
      { numRuns: 15 },
    );
  });

  it('[S2] the place a message comes from makes it refused', async () => {
    scene.server.alter((message) => [message.type === 'OFFER' ? { ...message, src: 'somebody-else' } : message]);
    await scene.open();
    expect(scene.network.ends).toHaveLength(1);
    await expectNoConnection();
  });

  it('[S4] junk beside the true messages does not stop them', async () => {
    const junk = { c: 'A'.repeat(22), n: 1, b: 'A'.repeat(100) };
    scene.server.alter((message) => [
      { ...message, payload: junk },
      { ...message, payload: { ...sealedOf(message), n: 500 } },
      message,
      { ...message, payload: 'junk' },
    ]);
    // Junk in place of an offer ends that offer: it must come before the sender has accepted one.
    const honest = scene.server.relay;
    scene.server.relay = (message) => (message.type === 'OFFER' ? scene.server.deliver(message) : honest(message));
    const { receiving } = await scene.open();
    expect(receiving.view.state.at).toBe('offered');
  });
});

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
    expect(receiving.view.state).toEqual({ at: 'failed', code: 'not-authentic' });
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

import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { fromBase64url, toBase64url, toHex } from '../../src/core/bytes.ts';
import { at, until } from '../doubles/world.ts';
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

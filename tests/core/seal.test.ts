import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import { concatBytes, fromBase64url, toBase64url } from '../../src/core/bytes.ts';
import { deriveShareKeys, type ShareKeys } from '../../src/core/link.ts';
import type { Key } from '../../src/core/ports.ts';
import { type Envelope, parseEnvelope, SealedLine } from '../../src/core/seal.ts';
import type { SealedMessage } from '../../src/core/sealed.ts';
import { realRandom } from '../doubles/clock.ts';
import { fakeSdp } from '../doubles/lanes.ts';
import { fromHex, readVectors } from '../vectors/read.ts';
import { refusal, refusalOf } from './refusals.ts';

const { subtle } = crypto;
const CONNECTION = toBase64url(realRandom.bytes(16));
const RECEIVER = 'receiver';
const SENDER = 'sender';
const candidate: SealedMessage = {
  kind: 'candidate',
  candidate: 'candidate:1 — ü 😀',
  sdpMid: '0',
  sdpMLineIndex: null,
};

let keys: ShareKeys;
beforeAll(async () => {
  keys = await deriveShareKeys(subtle, realRandom.bytes(16));
});

interface Ends {
  readonly me?: string;
  readonly peer?: string;
  readonly connection?: string;
  readonly key?: Key;
}

function receiverLine({
  me = RECEIVER,
  peer = SENDER,
  connection = CONNECTION,
  key = keys.seal,
}: Ends = {}): SealedLine {
  return new SealedLine(subtle, realRandom, { key, connection, me, peer, sending: 'to-sender' });
}

function senderLine({ me = SENDER, peer = RECEIVER, connection = CONNECTION, key = keys.seal }: Ends = {}): SealedLine {
  return new SealedLine(subtle, realRandom, { key, connection, me, peer, sending: 'to-receiver' });
}

/** Seals anything that is JSON, as somebody who has the key could. */
async function sealAnything(value: unknown): Promise<Envelope> {
  return receiverLine().seal(value as SealedMessage);
}

describe('golden envelopes', () => {
  for (const { secret, receiverId, senderId, messages } of readVectors('seal.json')) {
    it.each(messages)(`[S1] [S2] $direction $n of ${secret}`, async ({ direction, iv, message, envelope }) => {
      const { seal } = await deriveShareKeys(subtle, fromHex(secret));
      const isToSender = direction === 'to-sender';
      const [src, dst] = isToSender ? [receiverId, senderId] : [senderId, receiverId];
      const line = (me: string, peer: string, sending: typeof direction, random = realRandom) =>
        new SealedLine(subtle, random, { key: seal, connection: envelope.c, me, peer, sending });
      const opener = line(dst, src, isToSender ? 'to-receiver' : 'to-sender');
      expect(await opener.open(envelope)).toEqual(message);
      const sealer = line(src, dst, direction, { ...realRandom, bytes: () => fromHex(iv) });
      for (let n = 1; n < envelope.n; n++) await sealer.seal(candidate);
      expect(await sealer.seal(message as SealedMessage)).toEqual(envelope);
    });
  }
});

describe('a sealed line', () => {
  it('[S1] carries messages both ways, under rising counters, with nothing else beside them', async () => {
    const [receiver, sender] = [receiverLine(), senderLine()];
    const nonce = toBase64url(realRandom.bytes(16));
    const offer: SealedMessage = { kind: 'offer', sdp: fakeSdp('1'), nonce, headStart: true };
    const first = await receiver.seal(offer);
    const second = await receiver.seal(candidate);
    expect([first.n, second.n]).toEqual([1, 2]);
    expect(Object.keys(first).sort()).toEqual(['b', 'c', 'n']);
    expect(await sender.open(first)).toEqual(offer);
    expect(await sender.open(second)).toEqual(candidate);
    const refused: SealedMessage = { kind: 'refusal', code: 'sender-declined' };
    expect(await receiver.open(await sender.seal(refused))).toEqual(refused);
  });

  it('[S1] never uses a nonce twice', async () => {
    const line = receiverLine();
    const envelopes = await Promise.all(Array.from({ length: 200 }, () => line.seal(candidate)));
    expect(new Set(envelopes.map(({ b }) => b.slice(0, 16))).size).toBe(200);
  });

  it('[S4] refuses an envelope with any bit of its ciphertext changed', async () => {
    const envelope = await receiverLine().seal(candidate);
    const bytes = fromBase64url(envelope.b) ?? new Uint8Array();
    for (let bit = 0; bit < bytes.length * 8; bit += 5) {
      const wrong = bytes.slice();
      wrong[bit >> 3] = (wrong[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      expect(await refusalOf(senderLine().open({ ...envelope, b: toBase64url(wrong) }))).toBe('not-authentic');
    }
    for (const b of [
      toBase64url(bytes.slice(0, -1)),
      toBase64url(concatBytes(bytes, new Uint8Array(1))),
      '='.repeat(60),
    ]) {
      expect(await refusalOf(senderLine().open({ ...envelope, b }))).toBe('not-authentic');
    }
  });

  it('[S2] refuses an envelope that was moved to another place', async () => {
    const envelope = await receiverLine().seal(candidate);
    const other = await deriveShareKeys(subtle, realRandom.bytes(16));
    const places = [
      senderLine({ me: 'another sender' }),
      senderLine({ peer: 'another receiver' }),
      senderLine({ connection: toBase64url(realRandom.bytes(16)) }),
      senderLine({ key: other.seal }),
      senderLine({ me: RECEIVER, peer: SENDER }),
      receiverLine(),
      receiverLine({ me: SENDER, peer: RECEIVER }),
    ];
    for (const place of places) expect(await refusalOf(place.open(envelope))).toBe('not-authentic');
    expect(await refusalOf(senderLine().open({ ...envelope, n: 2 }))).toBe('not-authentic');
    expect(await refusalOf(senderLine().open(envelope))).toBeNull();
  });

  it('[S2] ids cannot be shifted across the border between two fields', async () => {
    const envelope = await receiverLine({ me: 'ab', peer: 'c' }).seal(candidate);
    expect(await refusalOf(senderLine({ peer: 'a', me: 'bc' }).open(envelope))).toBe('not-authentic');
  });

  it('[S3] refuses a replay, and what was overtaken', async () => {
    const [receiver, sender] = [receiverLine(), senderLine()];
    const [first, second, third] = [
      await receiver.seal(candidate),
      await receiver.seal(candidate),
      await receiver.seal(candidate),
    ];
    await sender.open(first);
    expect(await refusalOf(sender.open(first))).toBe('not-authentic');
    await sender.open(third);
    expect(await refusalOf(sender.open(second))).toBe('not-authentic');
    expect(await refusalOf(sender.open(third))).toBe('not-authentic');
    expect(await refusalOf(sender.open(await receiver.seal(candidate)))).toBeNull();
  });

  it('[S3] of several that open the same envelope at once, exactly one succeeds', async () => {
    const envelope = await receiverLine().seal(candidate);
    const sender = senderLine();
    const codes = await Promise.all(Array.from({ length: 5 }, () => refusalOf(sender.open(envelope))));
    expect(codes.filter((code) => code === null)).toHaveLength(1);
    expect(codes[0]).toBeNull();
  });

  it('[S4] a refused envelope changes nothing: the true one still opens', async () => {
    const [receiver, sender] = [receiverLine(), senderLine()];
    const envelope = await receiver.seal(candidate);
    expect(await refusalOf(sender.open({ ...envelope, n: 900 }))).toBe('not-authentic');
    expect(await sender.open(envelope)).toEqual(candidate);
  });

  it.each([
    ['null', null],
    ['a list', []],
    ['no kind', {}],
    ['another kind', { kind: 'hello' }],
    ['an unknown field', { ...candidate, more: 1 }],
    ['__proto__', JSON.parse('{"kind":"refusal","code":"protocol","__proto__":{"a":1}}')],
    ['a code that is none', { kind: 'refusal', code: 'toString' }],
    ['an empty description', { kind: 'offer', sdp: '', nonce: 'A'.repeat(22), headStart: true }],
    ['a description too long', { kind: 'offer', sdp: 'v'.repeat(32_769), nonce: 'A'.repeat(22), headStart: true }],
    ['a nonce too short', { kind: 'offer', sdp: 'v', nonce: 'A'.repeat(21), headStart: true }],
    ['an offer without a nonce', { kind: 'offer', sdp: 'v', headStart: true }],
    ['a head start that is no yes or no', { kind: 'offer', sdp: 'v', nonce: 'A'.repeat(22), headStart: 1 }],
    ['an answer without a signature', { kind: 'answer', sdp: 'v', key: 'A'.repeat(87) }],
    ['a line number that is none', { ...candidate, sdpMLineIndex: 1.5 }],
  ])('[S4] refuses what opens to %s', async (_, value) => {
    expect(await refusalOf(senderLine().open(await sealAnything(value)))).toBe('protocol');
  });

  it('[S4] refuses what opens to something that is not JSON or not UTF-8', async () => {
    for (const plain of ['{', '\u0000', 'undefined']) {
      const line = receiverLine();
      const text = { toJSON: () => plain };
      const envelope = await line.seal(text as unknown as SealedMessage);
      expect(await refusalOf(senderLine().open(envelope))).toBe('protocol');
    }
    const iv = realRandom.bytes(12);
    const additionalData = new TextEncoder().encode(
      ['beeline/1 signal', 'to-sender', RECEIVER, SENDER, CONNECTION, '1'].join('\0'),
    );
    const sealed = await subtle.encrypt(
      { name: 'AES-GCM', iv, additionalData },
      keys.seal as CryptoKey,
      Uint8Array.of(0xff, 0xfe),
    );
    const b = toBase64url(concatBytes(iv, new Uint8Array(sealed)));
    expect(await refusalOf(senderLine().open({ c: CONNECTION, n: 1, b }))).toBe('protocol');
  });
});

describe('an envelope', () => {
  const good = { c: CONNECTION, n: 1, b: 'A'.repeat(40) };

  it('[S1] is read when it is one', () => expect(parseEnvelope(good)).toEqual(good));

  it.each([
    ...[null, undefined, 'text', 7, [], {}, [good]],
    ...[
      { ...good, c: 'A'.repeat(21) },
      { ...good, c: 3 },
      { ...good, c: null },
    ],
    ...[
      { ...good, n: 0 },
      { ...good, n: -1 },
      { ...good, n: 1.5 },
      { ...good, n: 1_001 },
      { ...good, n: '1' },
      { ...good, n: Number.NaN },
    ],
    ...[
      { ...good, b: 'A'.repeat(39) },
      { ...good, b: 'A'.repeat(61_441) },
      { ...good, b: {} },
    ],
    ...[
      { ...good, name: 'file.txt' },
      { c: good.c, n: 1 },
      JSON.parse(`{"c":"${CONNECTION}","n":1,"b":"${good.b}","__proto__":1}`) as unknown,
    ],
  ])('[S4] is refused: %j', (payload: unknown) => {
    expect(refusal(() => parseEnvelope(payload))).toBe('protocol');
  });

  it('[S4] anything else is refused, and with that code only', () => {
    fc.assert(
      fc.property(fc.anything({ withBigInt: true, withNullPrototype: true }), (payload) => {
        expect(refusal(() => parseEnvelope(payload))).toBe('protocol');
      }),
      { numRuns: 500 },
    );
  });
});

import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { encodeArrived } from '../../src/core/frame.ts';
import { PIECE_BYTES, PROTOCOL_VERSION } from '../../src/core/limits.ts';
import type { Receiving } from '../../src/flow/receiving.ts';
import { acceptAll, at, openScene, type Scene, until } from '../doubles/world.ts';
import { chunkOf, type RawPeer, rawReceiver } from './raw-peer.ts';

/** Three pieces, one piece, none. */
const SIZES = [2 * PIECE_BYTES + 5, 1_000, 0];
const HELLO = { t: 'hello', version: PROTOCOL_VERSION, device: 'Raw' };
const ACCEPT_FIRST = { t: 'accept', entries: [[0, 1]], more: false };
const WANT_FIRST = { t: 'want', runs: [[0, 3]], more: false };
const VERIFIED_FIRST = { t: 'ack', credit: 0, verified: [[0, 3]] };

let scene: Scene;
beforeEach(async () => {
  vi.spyOn(console, 'warn').mockImplementation(() => undefined);
  scene = await openScene(SIZES);
});
afterEach(() => scene.close());

/** What a peer has said when it misbehaves. */
const stages = {
  'before it says hello': [],
  'when the list is offered': [HELLO],
  'after it has accepted': [HELLO, ACCEPT_FIRST],
  'while pieces go': [HELLO, ACCEPT_FIRST, WANT_FIRST],
  'when it has everything': [HELLO, ACCEPT_FIRST, WANT_FIRST, VERIFIED_FIRST],
} as const;

const CANDIDATE = { kind: 'candidate', candidate: '', sdpMid: null, sdpMLineIndex: null };
const LONG_ANSWER = { kind: 'answer', sdp: 'v'.repeat(40_000) };

const offences: [stage: keyof typeof stages, what: string, ...said: unknown[]][] = [
  ...Object.keys(stages).flatMap((stage): typeof offences => {
    const at = stage as keyof typeof stages;
    return [
      [at, 'text that is not JSON', 'hello'],
      [at, 'an empty text', ''],
      [at, 'bytes on the control channel', new ArrayBuffer(8)],
      [at, '64 KiB and more', ' '.repeat(65_537)],
      [at, 'an unknown kind', { t: 'upload' }],
      [at, 'an unknown field', { t: 'pause', now: true }],
    ];
  }),
  ['before it says hello', 'a pause', { t: 'pause' }],
  ['before it says hello', 'an accept', ACCEPT_FIRST],
  ['before it says hello', 'done', { t: 'done' }],
  ['when the list is offered', 'a second hello', HELLO],
  ['when the list is offered', 'a want before it accepts', WANT_FIRST],
  ['when the list is offered', 'an ack before it accepts', VERIFIED_FIRST],
  ['when the list is offered', 'an again before it accepts', { t: 'again', piece: 0 }],
  ['when the list is offered', 'done before it accepts', { t: 'done' }],
  ['when the list is offered', 'a pause before there is anything to pause', { t: 'pause' }],
  ['when the list is offered', 'an entry beyond the share', { t: 'accept', entries: [[2, 2]], more: false }],
  [
    'when the list is offered',
    'an entry twice',
    {
      t: 'accept',
      entries: [
        [0, 1],
        [0, 1],
      ],
      more: false,
    },
  ],
  [
    'when the list is offered',
    'entries that fall',
    {
      t: 'accept',
      entries: [
        [1, 1],
        [0, 1],
      ],
      more: true,
    },
  ],
  ['when the list is offered', 'a message only senders send', { t: 'asking' }],
  ['when the list is offered', 'a list of its own', { t: 'manifest', share: '0'.repeat(32), entries: 0, bytes: 0 }],
  ['when the list is offered', 'entries of its own', { t: 'entries', list: [['a', 1, 0, '']] }],
  ['when the list is offered', 'a failure of an entry', { t: 'entry-failed', entry: 0, code: 'source-gone' }],
  ['when the list is offered', 'a pause of an entry before it accepts', { t: 'entry-pause', entry: 0 }],
  ['when the list is offered', 'a cancel of an entry before it accepts', { t: 'entry-cancel', entry: 0 }],
  ['after it has accepted', 'a second accept', ACCEPT_FIRST],
  ['after it has accepted', 'a second accept of another', { t: 'accept', entries: [[1, 1]], more: false }],
  ['after it has accepted', 'done before anything was sent', { t: 'done' }],
  ['after it has accepted', 'a want beyond the share', { t: 'want', runs: [[0, 5]], more: false }],
  ['after it has accepted', 'a want far beyond the share', { t: 'want', runs: [[4_000_000_000, 1]], more: false }],
  ['after it has accepted', 'a want of what it did not accept', { t: 'want', runs: [[3, 1]], more: false }],
  [
    'after it has accepted',
    'a want that falls',
    {
      t: 'want',
      runs: [
        [1, 1],
        [0, 1],
      ],
      more: false,
    },
  ],
  ['after it has accepted', 'an ack beyond the share', { t: 'ack', credit: 0, verified: [[3, 2]] }],
  ['while pieces go', 'a second want', WANT_FIRST],
  ['while pieces go', 'an accept', { t: 'accept', entries: [[1, 1]], more: false }],
  ['while pieces go', 'a third hello', HELLO],
  ['while pieces go', 'again for a piece beyond the share', { t: 'again', piece: 4 }],
  ['while pieces go', 'again for a piece of another entry', { t: 'again', piece: 3 }],
  ['while pieces go', 'an ack beyond the share', { t: 'ack', credit: 0, verified: [[0, 5]] }],
  ['while pieces go', 'done before all is verified', { t: 'done' }],
  ['while pieces go', 'a pause of an entry it did not accept', { t: 'entry-pause', entry: 1 }],
  ['while pieces go', 'a cancel of an entry it did not accept', { t: 'entry-cancel', entry: 1 }],
  ['while pieces go', 'a cancel of an entry beyond the share', { t: 'entry-cancel', entry: 3 }],
  ['while pieces go', 'a lane of number 0', { t: 'lane', lane: 0, signal: CANDIDATE }],
  ['while pieces go', 'a lane of number 65,536', { t: 'lane', lane: 65_536, signal: CANDIDATE }],
  ['while pieces go', 'a lane with a description of 40 KB', { t: 'lane', lane: 1, signal: LONG_ANSWER }],
  ['while pieces go', 'the end of a lane, which is the sender’s to say', { t: 'lane-end', lane: 1 }],
  ['when it has everything', 'again for a verified piece', { t: 'again', piece: 1 }],
];

/** An honest receiver, begun before the offence and finished after it. */
async function finishes(honest: Receiving): Promise<void> {
  await acceptAll(honest);
  expect((await until(honest, at('finished', 'failed'))).state.at).toBe('finished');
  const sink = scene.world.sinks.sinks[0];
  SIZES.forEach((_, entry) =>
    expect(Buffer.compare(sink?.bytes(entry) ?? new Uint8Array(), scene.offer.source.bytes(entry))).toBe(0),
  );
}

async function expectEnded(raw: RawPeer & { readonly id: string }, code: string): Promise<void> {
  expect(await raw.hears('error')).toEqual({ t: 'error', code });
  const stateOf = () => scene.sharing.view.deliveries.find(({ id }) => id === raw.id)?.state;
  expect(stateOf()).toMatchObject({ at: 'failed', code });
}

describe('a receiver that breaks the rules', () => {
  it.each(offences)('[M1] [M2] [M5] %s: %s ends its connection, and no other', async (stage, _, ...said) => {
    const honest = scene.receive();
    const raw = await rawReceiver(scene.world, scene.identity);
    raw.say(...stages[stage], ...said);
    await expectEnded(raw, 'protocol');
    await finishes(honest);
  });

  it('[M2] by sending file data ends its connection, and no other', async () => {
    const honest = scene.receive();
    const raw = await rawReceiver(scene.world, scene.identity);
    raw.say(HELLO);
    raw.push(chunkOf());
    await expectEnded(raw, 'protocol');
    await finishes(honest);
  });

  it.each([
    ['before it has accepted', 'when the list is offered', 0],
    ['more than was sent', 'while pieces go', 2 ** 40],
  ] as const)('[T9] by saying %s what has arrived ends its connection, and no other', async (_, stage, bytes) => {
    const honest = scene.receive();
    const raw = await rawReceiver(scene.world, scene.identity);
    raw.say(...stages[stage]);
    raw.push(encodeArrived(bytes));
    await expectEnded(raw, 'protocol');
    await finishes(honest);
  });

  it('[C2] by another version is told so', async () => {
    const honest = scene.receive();
    const raw = await rawReceiver(scene.world, scene.identity);
    raw.say({ ...HELLO, version: PROTOCOL_VERSION + 1 });
    await expectEnded(raw, 'version');
    await finishes(honest);
  });

  it('[P2] by asking for a piece again and again ends with the reason', async () => {
    const raw = await rawReceiver(scene.world, scene.identity);
    raw.say(
      ...stages['while pieces go'],
      ...Array.from({ length: 3 }, () => ({ t: 'again', piece: 2, damaged: true })),
    );
    await expectEnded(raw, 'corrupt');
  });

  it('[M1] is not listened to any more: what follows changes nothing', async () => {
    const honest = scene.receive();
    const raw = await rawReceiver(scene.world, scene.identity);
    raw.say(HELLO, 'junk', ...stages['while pieces go'], { t: 'cancel' });
    await expectEnded(raw, 'protocol');
    await finishes(honest);
    expect(raw.heard.map(({ t }) => t)).toEqual(['hello', 'manifest', 'entries', 'error']);
    expect(scene.sharing.view.deliveries.find(({ id }) => id === raw.id)?.state.at).toBe('failed');
  });

  it('[P3] by acknowledging what it did not accept gains nothing', async () => {
    const raw = await rawReceiver(scene.world, scene.identity);
    raw.say(
      ...stages['while pieces go'],
      { t: 'ack', credit: 0, verified: [[3, 1]] },
      { t: 'ack', credit: 0, verified: [[0, 1]] },
    );
    const { deliveries } = await until(
      scene.sharing,
      ({ deliveries: [first] }) => (first?.progress?.verifiedBytes ?? 0) > 0,
    );
    expect(deliveries[0]?.progress).toMatchObject({ verifiedBytes: PIECE_BYTES, totalBytes: SIZES[0] });
  });

  it('[K1] by granting without end still gets no more than the network takes', async () => {
    const raw = await rawReceiver(scene.world, scene.identity);
    raw.say(
      HELLO,
      ACCEPT_FIRST,
      { t: 'ack', credit: Number.MAX_SAFE_INTEGER, verified: [] },
      WANT_FIRST,
      VERIFIED_FIRST,
      { t: 'done' },
    );
    expect(await raw.hears('done')).toEqual({ t: 'done' });
  });
});

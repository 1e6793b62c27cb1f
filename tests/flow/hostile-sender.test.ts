import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { concatBytes } from '../../src/core/bytes.ts';
import { deferred } from '../../src/core/deferred.ts';
import { CHUNK_BYTES, CREDIT_BYTES, HEAD_START_BYTES, PIECE_BYTES, PROTOCOL_VERSION } from '../../src/core/limits.ts';
import { makeIdentity, type ShareIdentity } from '../../src/flow/identity.ts';
import { Receiving } from '../../src/flow/receiving.ts';
import { Sharing } from '../../src/flow/sharing.ts';
import { acceptAll, at, makeOffer, makeWorld, type TestWorld, until } from '../doubles/world.ts';
import { chunkOf, type RawPeer, rawSender } from './raw-peer.ts';

const HELLO = { t: 'hello', version: PROTOCOL_VERSION, device: 'Raw' };
const SHARE = 'a'.repeat(32);
const SIZES = [2 * PIECE_BYTES + 5, 1_000, 10 * PIECE_BYTES];
const MANIFEST = { t: 'manifest', share: SHARE, entries: 3, bytes: SIZES.reduce((sum, size) => sum + size, 0) };
const ENTRIES = { t: 'entries', list: SIZES.map((size, entry) => [`file-${entry}`, size, 0, '']) };
const OFFER = { kind: 'offer', sdp: 'v=0' };
const CANDIDATE = { kind: 'candidate', candidate: '', sdpMid: null, sdpMLineIndex: null };
const LIST = [HELLO, MANIFEST, ENTRIES];

let world: TestWorld;
let identity: ShareIdentity;
let receiving: Receiving;
let raw: RawPeer;
const sharings: Sharing[] = [];
beforeEach(async () => {
  vi.spyOn(console, 'warn').mockImplementation(() => undefined);
  world = makeWorld();
  identity = await makeIdentity(world);
  const connected = rawSender(world, identity);
  receiving = new Receiving(world, identity.keys);
  raw = await connected;
});
afterEach(() => {
  receiving.close();
  for (const sharing of sharings.splice(0)) sharing.close();
});

/** The receiver has accepted these and asked for their pieces. */
async function accepted(entries: readonly number[] = [0, 1]): Promise<void> {
  raw.say(...LIST);
  await until(receiving, at('offered'));
  receiving.accept(entries, null);
  await raw.hears('want');
}

async function expectEnded(code = 'protocol'): Promise<void> {
  expect(await raw.hears('error')).toEqual({ t: 'error', code });
  expect(receiving.view.state).toMatchObject({ at: 'failed', code });
}

/** The same session, tried again, receives from an honest sender of the same link. */
async function expectUsable(): Promise<void> {
  const offer = makeOffer([70_000]);
  sharings.push(new Sharing(world, identity, offer, 'https://test.example/'));
  receiving.retry();
  const kept = receiving.view.state.at === 'checking';
  if (kept) {
    // What it has is of another share: that is said, and forgotten.
    expect((await until(receiving, at('failed'))).state).toMatchObject({ code: 'source-changed' });
    receiving.retry();
  }
  await acceptAll(receiving);
  await until(receiving, at('finished'));
  expect(Buffer.compare(world.sinks.sinks.at(-1)?.bytes(0) ?? new Uint8Array(), offer.source.bytes(0))).toBe(0);
}

const entriesOf = (...list: unknown[]) => ({ t: 'entries', list });

describe('a sender that breaks the rules before anything is accepted', () => {
  it.each([
    ['[M1] text that is not JSON', HELLO, '{"t":'],
    ['[M1] bytes on the control channel', HELLO, new ArrayBuffer(3)],
    ['[M1] 64 KiB and more', HELLO, ' '.repeat(65_537)],
    ['[M1] an unknown kind', HELLO, { t: 'upload' }],
    ['[M1] an unknown field', HELLO, { ...MANIFEST, note: '' }],
    ['[C2] no hello', MANIFEST],
    ['[C2] two hellos', HELLO, HELLO],
    ['[M3] 1,000,000 entries', HELLO, { ...MANIFEST, entries: 1_000_000 }],
    ['[M3] a name of 60 KB', HELLO, MANIFEST, entriesOf(['n'.repeat(60_000), SIZES[0], 0, ''])],
    ['[M3] a name of 100 KB', HELLO, MANIFEST, entriesOf(['n'.repeat(100_000), SIZES[0], 0, ''])],
    ['[M3] a size that is negative', HELLO, MANIFEST, entriesOf(['n', -1, 0, ''])],
    ['[M4] entries before their list', HELLO, ENTRIES],
    ['[M4] more entries than announced', HELLO, { ...MANIFEST, entries: 2 }, ENTRIES],
    ['[M4] entries after the last', ...LIST, ENTRIES],
    ['[M4] sizes that do not add up', HELLO, { ...MANIFEST, bytes: 5 }, ENTRIES],
    ['[M2] two lists', ...LIST, MANIFEST],
    ['[M2] two lists, the first not whole', HELLO, MANIFEST, MANIFEST],
    ['[M2] a question after the list', ...LIST, { t: 'asking' }],
    ['[A6] a lane before the list', HELLO, { t: 'lane', lane: 1, signal: OFFER }],
    ['[M2] a pause before anything moves', ...LIST, { t: 'pause' }],
    ['[M2] a failure of an entry nobody accepted', ...LIST, { t: 'entry-failed', entry: 0, code: 'source-gone' }],
    ['[M2] a cancel of an entry nobody accepted', ...LIST, { t: 'entry-cancel', entry: 0 }],
    ['[M2] done', ...LIST, { t: 'done' }],
    ['[M2] accept', ...LIST, { t: 'accept', entries: [], more: false }],
    ['[M2] want', ...LIST, { t: 'want', runs: [], more: false }],
    ['[M2] again', ...LIST, { t: 'again', piece: 0 }],
    ['[M2] ack', ...LIST, { t: 'ack', credit: 0, verified: [] }],
  ] as [string, ...unknown[]][])('%s: the connection ends, and the session can be used again', async (_, ...said) => {
    raw.say(...said);
    await expectEnded();
    await expectUsable();
  });

  it.each([
    ['text', 'text'],
    ['a header alone', chunkOf({ size: 0 })],
  ])('[S10] a head start that is %s: the connection ends', async (_, message) => {
    raw.say(...LIST);
    raw.push(message);
    await expectEnded();
    await expectUsable();
  });

  it('[S10] [M2] file data beyond a head start that nobody asked for: the connection ends', async () => {
    raw.say(...LIST);
    const message = chunkOf({ size: CHUNK_BYTES });
    for (let sent = 0; sent <= HEAD_START_BYTES; sent += message.length) raw.push(message);
    await expectEnded();
    await expectUsable();
  });

  it('[S10] [F2] a head start is looked at when something is accepted, and ends the connection if it is wrong', async () => {
    raw.say(...LIST);
    raw.push(chunkOf({ type: 2 }));
    await until(receiving, at('offered'));
    receiving.accept([0, 1], null);
    await expectEnded();
    await expectUsable();
  });

  it('[C2] another version is told so', async () => {
    raw.say({ ...HELLO, version: PROTOCOL_VERSION + 1 });
    await expectEnded('version');
  });
});

describe('a sender that breaks the rules while pieces go', () => {
  it.each([
    ['[F2] a bulk message that is text', 'text'],
    ['[F2] one that is a header alone', chunkOf({ size: 0 })],
    ['[F2] one of 64 KiB and more', chunkOf({ size: 66_000 })],
    ['[F2] one of an unknown type', chunkOf({ type: 2 })],
    [
      '[F2] one with something behind its last chunk',
      concatBytes(chunkOf({ piece: 2, size: 5 }), chunkOf().subarray(0, 9)),
    ],
    ['[F2] a second chunk of an unknown type', concatBytes(chunkOf({ piece: 2, size: 5 }), chunkOf({ type: 2 }))],
    ['[F1] a second chunk beyond the share', concatBytes(chunkOf({ piece: 2, size: 5 }), chunkOf({ piece: 14 }))],
    ['[F3] an offset between chunks', chunkOf({ offset: 1 })],
    ['[F3] an offset beyond the piece', chunkOf({ offset: 15 * CHUNK_BYTES })],
    ['[F3] a chunk that is too short', chunkOf({ size: CHUNK_BYTES - 1 })],
    ['[F3] a chunk beyond the end of a short piece', chunkOf({ piece: 2, size: 6 })],
    ['[F1] a piece beyond the share', chunkOf({ piece: 14 })],
    ['[F1] the largest piece number', chunkOf({ piece: 0xffff_ffff })],
  ] as [string, string | Uint8Array<ArrayBuffer>][])(
    '%s: the connection ends, and the session can be used again',
    async (_, message) => {
      await accepted();
      raw.push(message);
      await expectEnded();
      expect(world.sinks.sinks[0]?.written).toBe(0);
      await expectUsable();
    },
  );

  it('[F3] two hashes for one piece: the connection ends', async () => {
    await accepted();
    raw.push(chunkOf({ size: CHUNK_BYTES }));
    raw.push(chunkOf({ offset: CHUNK_BYTES, size: CHUNK_BYTES, hash: new Uint8Array(32).fill(1) }));
    await expectEnded();
    await expectUsable();
  });

  it.each([
    ['[M2] a second list', MANIFEST],
    ['[M2] more entries', ENTRIES],
    ['[M2] a question', { t: 'asking' }],
    ['[M2] done', { t: 'done' }],
    ['[E1] the failure of an entry that was not accepted', { t: 'entry-failed', entry: 2, code: 'source-gone' }],
    ['[E1] the failure of an entry beyond the share', { t: 'entry-failed', entry: 3, code: 'source-gone' }],
    ['[P8] the cancel of an entry that was not accepted', { t: 'entry-cancel', entry: 2 }],
    ['[P7] a pause of an entry, which is the receiver’s to say', { t: 'entry-pause', entry: 0 }],
    ['[M1] junk', 'junk'],
    ['[A2] a candidate of a lane that was not offered', { t: 'lane', lane: 1, signal: CANDIDATE }],
    ['[A2] lane 0', { t: 'lane', lane: 0, signal: OFFER }],
    ['[A4] the count of a lane, which is the receiver’s to say', { t: 'lane-ended', lane: 1, received: 0 }],
  ] as [string, unknown][])('%s: the connection ends, and the session can be used again', async (_, message) => {
    await accepted();
    raw.say(message);
    await expectEnded();
    await expectUsable();
  });

  it('[K1] more bytes than it was allowed: the connection ends', async () => {
    await accepted([2]);
    // Pieces that are never whole are never written, so their credit never comes back.
    let sent = 0;
    for (let piece = 4; sent <= CREDIT_BYTES; piece++) {
      for (let chunk = 0; chunk < 16; chunk++)
        raw.push(chunkOf({ piece, offset: chunk * CHUNK_BYTES, size: CHUNK_BYTES }));
      sent += 14 * CHUNK_BYTES;
    }
    await expectEnded();
    await expectUsable();
  });

  it('[K1] as many bytes as it was allowed are no offence', async () => {
    const { promise: disk, resolve: mend } = deferred();
    await accepted([2]);
    for (const sink of world.sinks.sinks) sink.slow = () => disk;
    let sent = 0;
    for (let piece = 4; sent + 14 * CHUNK_BYTES <= CREDIT_BYTES; piece++) {
      for (let chunk = 0; chunk < 16; chunk++)
        raw.push(chunkOf({ piece, offset: chunk * CHUNK_BYTES, size: CHUNK_BYTES }));
      sent += 14 * CHUNK_BYTES;
    }
    raw.say({ t: 'pause' });
    await until(receiving, ({ state }) => state.at === 'transferring' && state.pause.byPeer);
    expect(raw.heard.map(({ t }) => t)).not.toContain('error');
    mend(undefined);
  });

  it('[P2] data that is not what its hash says: discarded, asked for again, and ended the third time', async () => {
    await accepted([1]);
    for (let time = 1; time <= 3; time++) {
      raw.push(chunkOf({ piece: 3, size: 1_000 }));
      if (time < 3) await raw.hears('again', time);
    }
    await expectEnded('corrupt');
    expect(raw.heard.filter(({ t }) => t === 'again')).toEqual([
      { t: 'again', piece: 3, damaged: true },
      { t: 'again', piece: 3, damaged: true },
    ]);
    expect(world.sinks.sinks[0]?.written).toBe(0);
    await expectUsable();
  });

  it('[F4] pieces that were not asked for are dropped, and their credit comes back', async () => {
    await accepted([1]);
    for (let time = 0; time < 20; time++) raw.push(chunkOf({ piece: 0, size: CHUNK_BYTES }));
    const ack = await raw.hears('ack');
    expect(ack).toMatchObject({ verified: [] });
    expect(ack['credit']).toBeGreaterThan(CREDIT_BYTES);
    expect(world.sinks.sinks[0]?.written).toBe(0);
  });
});

describe('a sender that makes lanes', () => {
  it('[A2] of the same number twice: the connection ends', async () => {
    await accepted();
    for (const lane of [2, 2]) raw.say({ t: 'lane', lane, signal: OFFER });
    await expectEnded();
    await expectUsable();
  });

  it('[A2] more than fifteen: the connection ends', async () => {
    await accepted();
    for (let lane = 1; lane <= 16; lane++) raw.say({ t: 'lane', lane, signal: OFFER });
    await expectEnded();
    await expectUsable();
  });

  it('[A2] in any order: all are joined', async () => {
    await accepted();
    for (const lane of [2, 1]) raw.say({ t: 'lane', lane, signal: OFFER });
    for (const lane of [1, 2]) raw.say({ t: 'lane-end', lane });
    expect(await raw.hears('lane-ended', 2)).toEqual({ t: 'lane-ended', lane: 2, received: 0 });
  });

  it('[A6] before anything is accepted: they are joined', async () => {
    raw.say(...LIST);
    await until(receiving, at('offered'));
    raw.say({ t: 'lane', lane: 1, signal: OFFER }, { t: 'lane-end', lane: 1 });
    expect(await raw.hears('lane-ended')).toEqual({ t: 'lane-ended', lane: 1, received: 0 });
  });

  it('[A4] and ends them is told what has arrived over each, and may make others', async () => {
    await accepted();
    for (let lane = 1; lane <= 40; lane++) raw.say({ t: 'lane', lane, signal: OFFER }, { t: 'lane-end', lane });
    expect(await raw.hears('lane-ended', 40)).toEqual({ t: 'lane-ended', lane: 40, received: 0 });
  });
});

describe('a sender that says an end', () => {
  it('[C7] `bye` overtakes what is under way on the bulk channel: that is no offence', async () => {
    await accepted();
    raw.say({ t: 'bye' });
    await until(receiving, at('reconnecting'));
    raw.arriveLate(chunkOf({ size: CHUNK_BYTES }));
    expect(receiving.view.state.at).toBe('reconnecting');
  });

  it.each([
    ['declines', { t: 'decline' }, { at: 'failed', code: 'sender-declined' }],
    ['cancels', { t: 'cancel' }, { at: 'cancelled', by: 'peer' }],
    ['names a reason', { t: 'error', code: 'sender-closed' }, { at: 'failed', code: 'sender-closed' }],
  ])('[D3] [D4] when it %s, at any stage', async (_, message, state) => {
    await accepted();
    raw.say(message);
    await until(receiving, at('failed', 'cancelled'));
    expect(receiving.view.state).toMatchObject(state);
  });
});

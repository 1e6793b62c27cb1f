import { createHash } from 'node:crypto';
import { beforeEach, describe, expect, it } from 'vitest';
import { deferred } from '../../src/core/deferred.ts';
import { ChunkMessage, chunksOf } from '../../src/core/frame.ts';
import { Ledger } from '../../src/core/ledger.ts';
import { CHUNK_BYTES, CHUNK_HEADER_BYTES, CREDIT_BYTES, PIECE_BYTES } from '../../src/core/limits.ts';
import { makeManifest, planEntries } from '../../src/core/manifest.ts';
import { type ControlMessage, eachOf } from '../../src/core/messages.ts';
import { PieceReceiver } from '../../src/flow/receive.ts';
import { ManualClock } from '../doubles/clock.ts';
import { MemorySink } from '../doubles/sink.ts';
import { MemorySource } from '../doubles/source.ts';
import { WatchedCrypto } from './hostile-scene.ts';

type Ack = Extract<ControlMessage, { t: 'ack' }>;

let watched: WatchedCrypto;
beforeEach(() => {
  watched = new WatchedCrypto();
});

/** A receiver of these entries, all accepted, that has begun. */
function begin(sizes: readonly number[]) {
  const source = MemorySource.random(sizes);
  const manifest = makeManifest('0'.repeat(32), source.entries());
  const ledger = new Ledger(
    manifest,
    sizes.map((_, entry) => entry),
  );
  const sink = new MemorySink({ shareId: manifest.shareId, entries: planEntries(manifest.entries) });
  const clock = new ManualClock();
  const said: ControlMessage[] = [];
  const happened: string[] = [];
  const receiver = new PieceReceiver({
    ledger,
    sink,
    subtle: watched.subtle,
    clock,
    send: (message) => said.push(message),
    onprogress: () => undefined,
    onsettled: () => happened.push('settled'),
    onblocked: (code) => happened.push(`blocked: ${code}`),
    onerror: ({ code }) => happened.push(code),
  });
  receiver.attach();
  const messagesOf = (piece: number) => {
    const { entry, offset, length } = ledger.table.span(piece);
    const bytes = source.bytes(entry).subarray(offset, offset + length);
    const hash = new Uint8Array(createHash('sha256').update(bytes).digest());
    return [...chunksOf(piece, hash, bytes)].reverse().map((chunk) => {
      const message = new ChunkMessage();
      message.add(chunk);
      return message.bytes.slice().buffer;
    });
  };
  const take = (...pieces: number[]) => {
    for (const piece of pieces) for (const message of messagesOf(piece)) receiver.take(message);
  };
  const acks = () => said.filter((message): message is Ack => message.t === 'ack');
  return { source, ledger, sink, clock, said, acks, happened, receiver, messagesOf, take };
}

describe('the receiving pipe', () => {
  it('[P1] [P4] writes what was sent, whatever the order of its messages', async () => {
    const { source, sink, receiver, messagesOf, happened, ledger } = begin([PIECE_BYTES + 9, 300, 2 * CHUNK_BYTES]);
    const messages = [3, 1, 0, 2].flatMap(messagesOf);
    for (let at = 0; messages.length > 0; at += 7) receiver.take(messages.splice(at % messages.length, 1)[0]);
    await watched.quiet();
    for (const entry of [0, 1, 2]) {
      expect(Buffer.compare(sink.bytes(entry), source.bytes(entry))).toBe(0);
      expect(sink.fate(entry)).toBe('finished');
      expect(ledger.status(entry)).toBe('verified');
    }
    expect(happened).toEqual(['settled']);
  });

  it('[P3] marks and acknowledges a piece only when it is durable', async () => {
    const { promise: disk, resolve: mend } = deferred();
    const { sink, take, ledger, acks, clock } = begin([PIECE_BYTES]);
    sink.slow = () => disk;
    take(0);
    await watched.quiet();
    clock.advance(10_000);
    expect(sink.pending).toBe(1);
    expect(ledger.verifiedBytes).toBe(0);
    expect(acks()).toEqual([]);
    mend(undefined);
    await watched.quiet();
    expect(ledger.verifiedBytes).toBe(PIECE_BYTES);
    expect(acks()[0]).toEqual({ t: 'ack', credit: CREDIT_BYTES + PIECE_BYTES, verified: [[0, 1]] });
  });

  it('[P3] [R4] a full disk leaves no marked piece, and what it refused can be asked for again', async () => {
    const { sink, take, ledger, acks, said, clock, happened, receiver } = begin([PIECE_BYTES, 5]);
    sink.fault = 'no-room';
    take(0, 1);
    await watched.quiet();
    clock.advance(10_000);
    expect(happened).toEqual(['blocked: no-room', 'blocked: no-room']);
    expect(ledger.verifiedBytes).toBe(0);
    expect(acks().flatMap(({ verified }) => verified)).toEqual([]);
    receiver.askRefused();
    expect(said.filter(({ t }) => t === 'again')).toEqual([
      { t: 'again', piece: 0, damaged: false },
      { t: 'again', piece: 1, damaged: false },
    ]);
    sink.fault = null;
    take(0, 1);
    await watched.quiet();
    expect(happened.at(-1)).toBe('settled');
  });

  it.each(['disk-failed', 'permission-denied'] as const)(
    '[P3] a sink that fails with %s leaves no marked piece, and takes it when it is tried again',
    async (fault) => {
      const { sink, take, ledger, acks, clock, happened, receiver } = begin([PIECE_BYTES, 5]);
      sink.fault = fault;
      take(0, 1);
      await watched.quiet();
      clock.advance(10_000);
      expect(happened).toEqual([fault, fault]);
      expect(ledger.verifiedBytes).toBe(0);
      expect(acks().flatMap(({ verified }) => verified)).toEqual([]);
      sink.fault = null;
      receiver.attach();
      take(0, 1);
      await watched.quiet();
      expect(happened).toEqual([fault, fault, 'settled']);
    },
  );

  it('[P4] an entry is not verified when the sink cannot name it', async () => {
    const { sink, take, ledger, happened } = begin([5]);
    sink.finish = () => Promise.reject(new Error('no'));
    take(0);
    await watched.quiet();
    expect(ledger.status(0)).toBe('moving');
    expect(happened).toEqual(['internal']);
  });

  it('[P4] empty entries get their names at once, and settle what has nothing else', async () => {
    const { sink, receiver, happened } = begin([0, 0]);
    receiver.closeWholeEntries();
    await watched.quiet();
    expect([sink.fate(0), sink.fate(1)]).toEqual(['finished', 'finished']);
    expect(happened).toEqual(['settled']);
  });

  it('[P2] a damaged piece is not written but asked for again, and its credit comes back', async () => {
    const { sink, receiver, take, messagesOf, said, clock, ledger } = begin([2 * PIECE_BYTES]);
    const damaged = messagesOf(1);
    const [first] = damaged;
    if (first === undefined) throw new Error('no message');
    new Uint8Array(first).fill(0, 50, 60);
    for (const message of damaged) receiver.take(message);
    await watched.quiet();
    clock.advance(100);
    expect(said).toEqual([
      { t: 'again', piece: 1, damaged: true },
      { t: 'ack', credit: CREDIT_BYTES + PIECE_BYTES, verified: [] },
    ]);
    expect([sink.written, ledger.verifiedBytes]).toEqual([0, 0]);
    take(0, 1);
    await watched.quiet();
    expect(sink.fate(0)).toBe('finished');
  });
});

describe('acknowledgements', () => {
  it('[K4] of many small pieces are one message, a tenth of a second later', async () => {
    const { take, acks, clock } = begin(Array.from({ length: 501 }, () => 50));
    take(...Array.from({ length: 500 }, (_, piece) => piece));
    await watched.quiet();
    expect(acks()).toEqual([]);
    clock.advance(99);
    expect(acks()).toEqual([]);
    clock.advance(1);
    expect(acks()).toEqual([{ t: 'ack', credit: CREDIT_BYTES + 500 * 50, verified: [[0, 500]] }]);
    clock.advance(10_000);
    expect(acks()).toHaveLength(1);
  });

  it('[K4] come at once for an eighth of the window, and when all is done', async () => {
    const { take, acks, happened } = begin([PIECE_BYTES, PIECE_BYTES - 1, 1]);
    take(0);
    await watched.quiet();
    expect(acks()).toHaveLength(CREDIT_BYTES / 8 <= PIECE_BYTES ? 1 : 0);
    take(1, 2);
    await watched.quiet();
    expect([...eachOf(acks().flatMap(({ verified }) => verified))].sort()).toEqual([0, 1, 2]);
    expect(acks().at(-1)?.credit).toBe(CREDIT_BYTES + 2 * PIECE_BYTES);
    expect(happened).toEqual(['settled']);
  });

  it('[K2] grant nothing while the disk stands still: no more than the window is ever held', async () => {
    const { promise: disk, resolve: mend } = deferred();
    const { sink, take, acks, clock, receiver, messagesOf } = begin([2 * CREDIT_BYTES]);
    sink.slow = () => disk;
    take(...Array.from({ length: CREDIT_BYTES / PIECE_BYTES }, (_, piece) => piece));
    await watched.quiet();
    clock.advance(60_000);
    expect(sink.pending).toBe(CREDIT_BYTES / PIECE_BYTES);
    expect(acks()).toEqual([]);
    const [next] = messagesOf(CREDIT_BYTES / PIECE_BYTES);
    expect(() => receiver.take(next)).toThrow('more bytes than credit');
    mend(undefined);
    await watched.quiet();
  });

  it('[K2] give back the credit of chunks that come twice', async () => {
    const { receiver, messagesOf, clock, acks } = begin([PIECE_BYTES]);
    const [first] = messagesOf(0);
    for (let time = 0; time < 5; time++) receiver.take(first?.slice());
    await watched.quiet();
    clock.advance(100);
    expect(acks()).toEqual([{ t: 'ack', credit: CREDIT_BYTES + 4 * CHUNK_BYTES, verified: [] }]);
  });

  it('[F3] refuse a chunk that does not fit, also of a piece that is here: both sides would count differently', async () => {
    const { receiver, messagesOf, take, ledger } = begin([2 * PIECE_BYTES]);
    take(0);
    await watched.quiet();
    expect(ledger.lacks(0)).toBe(false);
    const [first] = messagesOf(0);
    expect(() => receiver.take(first?.slice(0, 1_000))).toThrow('cut short');
  });

  it('[K2] [E1] give back the credit of an entry that fails half way', async () => {
    const { receiver, messagesOf, take, clock, acks, ledger, sink } = begin([3 * PIECE_BYTES, 5]);
    for (const message of messagesOf(0).slice(0, 10)) receiver.take(message);
    ledger.fail(0, 'source-gone');
    await receiver.drop(0);
    for (const message of messagesOf(0).slice(10)) receiver.take(message);
    await watched.quiet();
    clock.advance(100);
    expect(acks().at(-1)?.credit).toBe(CREDIT_BYTES + PIECE_BYTES);
    expect(sink.fate(0)).toBe('dropped');
    take(3);
    await watched.quiet();
    expect(ledger.settled).toBe(true);
  });

  it('[P8] ask no more for a damaged piece of an entry that is cancelled', async () => {
    const { receiver, messagesOf, said, happened, ledger, sink } = begin([PIECE_BYTES, 5]);
    for (const message of messagesOf(0)) {
      new Uint8Array(message)[CHUNK_HEADER_BYTES] = 0;
      receiver.take(message);
    }
    ledger.cancel(0, 'me');
    await receiver.drop(0);
    await watched.quiet();
    expect([said.filter(({ t }) => t === 'again'), happened]).toEqual([[], []]);
    expect([sink.written, sink.fate(0)]).toEqual([0, 'dropped']);
  });

  it('[K2] [P8] give back the credit of an entry cancelled half way, whatever is still to come of it', async () => {
    const { receiver, messagesOf, clock, acks, ledger } = begin([3 * PIECE_BYTES, 5]);
    for (const message of messagesOf(0).slice(0, 10)) receiver.take(message);
    ledger.cancel(0, 'me');
    await receiver.drop(0);
    for (const message of [...messagesOf(0).slice(10), ...messagesOf(1)]) receiver.take(message);
    await watched.quiet();
    clock.advance(100);
    expect(acks().at(-1)).toEqual({ t: 'ack', credit: CREDIT_BYTES + 2 * PIECE_BYTES, verified: [] });
  });

  it('[E1] a write under way when its entry fails is not an error', async () => {
    const { promise: disk, resolve: mend } = deferred();
    const { receiver, take, ledger, sink, happened } = begin([PIECE_BYTES, 0]);
    sink.slow = () => disk;
    take(0);
    await watched.quiet();
    ledger.fail(0, 'source-changed');
    await receiver.drop(0);
    mend(undefined);
    await watched.quiet();
    expect(happened).toEqual([]);
    expect(ledger.verifiedBytes).toBe(0);
    receiver.closeWholeEntries();
    await watched.quiet();
    expect(happened).toEqual(['settled']);
  });
});

describe('a new lane', () => {
  it('[K3] [C5] starts with new credit, and with none of what was half here', async () => {
    const { receiver, messagesOf, take, sink, source, clock, acks } = begin([PIECE_BYTES + 1]);
    for (const message of messagesOf(0).slice(0, 16)) receiver.take(message);
    receiver.attach();
    take(0, 1);
    await watched.quiet();
    clock.advance(100);
    expect(acks().at(-1)?.credit).toBe(CREDIT_BYTES + PIECE_BYTES + 1);
    expect(Buffer.compare(sink.bytes(0), source.bytes(0))).toBe(0);
  });

  it('[C5] a piece that comes again while it is being written is written once', async () => {
    const { promise: disk, resolve: mend } = deferred();
    const { receiver, take, sink, acks, clock } = begin([PIECE_BYTES, 5]);
    sink.slow = () => disk;
    take(0);
    await watched.quiet();
    receiver.attach();
    take(0);
    mend(undefined);
    await watched.quiet();
    clock.advance(100);
    expect(sink.written).toBe(PIECE_BYTES);
    expect(acks().flatMap(({ verified }) => verified)).toEqual([[0, 1]]);
  });

  it('nothing is said or done once it is stopped', async () => {
    const { promise: disk, resolve: mend } = deferred();
    const { receiver, take, sink, said, happened, clock } = begin([PIECE_BYTES]);
    sink.slow = () => disk;
    take(0);
    await watched.quiet();
    receiver.stop();
    await sink.discard();
    mend(undefined);
    await watched.quiet();
    clock.advance(10_000);
    expect([said, happened]).toEqual([[], []]);
  });
});

import { createHash } from 'node:crypto';
import { beforeEach, describe, expect, it } from 'vitest';
import type { Bytes } from '../../src/core/bytes.ts';
import { CreditGate } from '../../src/core/credit.ts';
import { deferred } from '../../src/core/deferred.ts';
import { BeelineError, type ErrorCode } from '../../src/core/errors.ts';
import { type Chunk, decodeChunks } from '../../src/core/frame.ts';
import { CHUNK_BYTES, CHUNK_HEADER_BYTES, CREDIT_BYTES, MESSAGE_BYTES, PIECE_BYTES } from '../../src/core/limits.ts';
import { PieceTable } from '../../src/core/manifest.ts';
import type { BulkChannel } from '../../src/core/ports.ts';
import { PieceScheduler } from '../../src/core/scheduler.ts';
import { PieceReader } from '../../src/flow/read-ahead.ts';
import { PieceSender } from '../../src/flow/send.ts';
import { ManualClock } from '../doubles/clock.ts';
import { MemorySource } from '../doubles/source.ts';
import { refusal } from '../core/refusals.ts';
import { WatchedCrypto } from './hostile-scene.ts';

/** Bytes that the first lane may hold in front of the network while nothing is accepted. Rule [T5]. */
const HIGH_WATERMARK = 512 * 1024;
/** What may be read and not yet sent: 8 MiB, what is being sent, and the last read that began below that. */
const AHEAD_BYTES = 16 * PIECE_BYTES;
const AHEAD_READS = 512;

/** A channel whose network moves only when the test says so. */
class HeldChannel implements BulkChannel {
  onmessage: ((message: unknown) => void) | null = null;
  ondrain: (() => void) | null = null;
  bufferedAmount = 0;
  lowWatermark = 0;
  /** The most there ever was in it. */
  peak = 0;
  closed = false;
  isOpen = true;
  readonly sent: Chunk[] = [];
  /** Bytes of each message. */
  readonly sizes: number[] = [];

  constructor(private readonly table: PieceTable) {}

  send(message: Bytes): void {
    if (this.closed) throw new BeelineError('connection-lost');
    this.sent.push(...decodeChunks(message.slice().buffer, this.table));
    this.sizes.push(message.length);
    this.bufferedAmount += message.length;
    this.peak = Math.max(this.peak, this.bufferedAmount);
  }

  drain(): void {
    this.bufferedAmount = 0;
    this.ondrain?.();
  }

  get payloadBytes(): number {
    return payloadOf(this.sent);
  }
}

function namesOf(chunks: readonly Chunk[]): string[] {
  return chunks.map(({ piece, offset }) => `${piece} ${offset}`);
}

function payloadOf(chunks: readonly Chunk[]): number {
  return chunks.reduce((sum, { payload }) => sum + payload.length, 0);
}

let watched: WatchedCrypto;
beforeEach(() => {
  watched = new WatchedCrypto();
});

/** A sender of these entries, all wanted, that has begun. */
function begin(sizes: readonly number[], prepare: (source: MemorySource) => void = () => undefined) {
  const source = MemorySource.random(sizes);
  prepare(source);
  const table = new PieceTable(sizes);
  const bulk = new HeldChannel(table);
  const scheduler = new PieceScheduler(table);
  if (table.count > 0) scheduler.want([[0, table.count]]);
  const credit = new CreditGate();
  const failures = new Map<number, ErrorCode>();
  const clock = new ManualClock();
  const sender = new PieceSender({
    source,
    table,
    scheduler,
    credit,
    subtle: watched.subtle,
    clock,
    isWanted: (piece) => !failures.has(table.span(piece).entry),
    onentryfailed: (entry, code) => failures.set(entry, code),
  });
  sender.addLane(0, bulk);
  const ended = sender.run();
  return { source, bulk, table, scheduler, credit, clock, failures, sender, ended };
}

/** Lets the network take everything until nothing more comes. */
async function flow(bulk: HeldChannel): Promise<void> {
  for (let before = -1; before < bulk.sent.length;) {
    await watched.quiet();
    before = bulk.sent.length;
    bulk.drain();
    await watched.quiet();
  }
}

/** Everything that a lane was given arrives. */
function deliver(sender: PieceSender, id: number, lane: HeldChannel): void {
  lane.drain();
  sender.arrived(id, lane.payloadBytes);
}

describe('the sending pipe', () => {
  it('[F2] [F4] [P5] sends every wanted piece in order, each from its last chunk on and with its own hash', async () => {
    const sizes = [PIECE_BYTES + 7, 0, 3, CHUNK_BYTES + 1];
    const { bulk, source, sender, ended, table } = begin(sizes);
    await flow(bulk);
    const pieces = [...new Set(bulk.sent.map(({ piece }) => piece))];
    expect(pieces).toEqual([0, 1, 2, 3]);
    for (const piece of pieces) {
      const chunks = bulk.sent.filter((chunk) => chunk.piece === piece);
      const { entry, offset, length } = table.span(piece);
      const expected = source.bytes(entry).subarray(offset, offset + length);
      const payloads = chunks.map(({ payload }) => payload).reverse();
      expect(Buffer.compare(Buffer.concat(payloads), expected)).toBe(0);
      const hash = createHash('sha256').update(expected).digest('hex');
      expect(new Set(chunks.map((chunk) => Buffer.from(chunk.hash).toString('hex')))).toEqual(new Set([hash]));
    }
    sender.stop();
    await ended;
  });

  it('[F2] sends small files together, as many as a message has room for', async () => {
    const size = 4_096;
    const perMessage = Math.floor(MESSAGE_BYTES / (CHUNK_HEADER_BYTES + size));
    const { bulk, source, sender, ended } = begin(Array.from({ length: 4 * perMessage + 1 }, () => size));
    await flow(bulk);
    const full = perMessage * (CHUNK_HEADER_BYTES + size);
    expect(bulk.sizes).toEqual([full, full, full, full, CHUNK_HEADER_BYTES + size]);
    expect(bulk.sent.map(({ piece }) => piece)).toEqual(
      Array.from({ length: 4 * perMessage + 1 }, (_, piece) => piece),
    );
    for (const { piece, payload } of bulk.sent) expect(Buffer.compare(payload, source.bytes(piece))).toBe(0);
    sender.stop();
    await ended;
  });

  it('[F2] lets a message wait only for files that go with it, and for none that cannot be read', async () => {
    const { promise: disk, resolve: answer } = deferred();
    const { bulk, failures, sender, ended } = begin([30_000, 10, 20_000, 50_000, 60_000], (source) => {
      source.faults.set(1, 'source-gone');
      const read = source.read.bind(source);
      source.read = async (entry, ...part) => {
        if (entry === 3) await disk;
        return read(entry, ...part);
      };
    });
    await flow(bulk);
    expect([bulk.sent.map(({ piece }) => piece), bulk.sizes.length]).toEqual([[0, 2], 1]);
    expect([...failures]).toEqual([[1, 'source-gone']]);
    answer(undefined);
    await flow(bulk);
    expect(bulk.sent.map(({ piece }) => piece)).toEqual([0, 2, 3, 4]);
    sender.stop();
    await ended;
  });

  it('[K1] [T5] never has more in the first lane than the watermark and one message while nothing is accepted', async () => {
    const { bulk, sender, ended } = begin([5 * PIECE_BYTES]);
    await watched.quiet();
    expect(bulk.bufferedAmount).toBeGreaterThan(HIGH_WATERMARK);
    expect(bulk.bufferedAmount).toBeLessThanOrEqual(HIGH_WATERMARK + MESSAGE_BYTES);
    await flow(bulk);
    expect(bulk.payloadBytes).toBe(5 * PIECE_BYTES);
    expect(bulk.peak).toBeLessThanOrEqual(HIGH_WATERMARK + MESSAGE_BYTES);
    sender.stop();
    await ended;
  });

  it.each([true, false])(
    '[T9] has two chunks under way on each of several lanes (neighbours: %s), whatever their buffers hold',
    async (isNear) => {
      const { bulk, sender, ended, table } = begin([12 * PIECE_BYTES]);
      const other = new HeldChannel(table);
      sender.setPath(isNear, 10);
      sender.addLane(1, other);
      const lanes = [bulk, other];
      for (let step = 0; bulk.payloadBytes + other.payloadBytes < 12 * PIECE_BYTES; step++) {
        expect(step).toBeLessThan(200);
        for (const lane of lanes) lane.drain();
        await watched.quiet();
        lanes.forEach((lane, id) => {
          const before = lane.payloadBytes;
          sender.arrived(id, before);
          expect(before).toBeGreaterThan(0);
        });
        const at = lanes.map((lane) => lane.payloadBytes);
        await watched.quiet();
        lanes.forEach((lane, id) => expect(lane.payloadBytes - (at[id] ?? 0)).toBeLessThanOrEqual(2 * CHUNK_BYTES));
      }
      sender.stop();
      await ended;
    },
  );

  it.each([true, false])('[T9] has two chunks under way on a single lane, too (neighbours: %s)', async (isNear) => {
    const { bulk, sender, ended } = begin([12 * PIECE_BYTES]);
    sender.setPath(isNear, 1);
    for (let step = 0; bulk.payloadBytes < 12 * PIECE_BYTES; step++) {
      expect(step).toBeLessThan(200);
      const before = bulk.payloadBytes;
      await flow(bulk);
      expect(bulk.payloadBytes).toBeGreaterThan(before);
      expect(bulk.payloadBytes - before).toBeLessThanOrEqual(2 * CHUNK_BYTES);
      sender.arrived(0, bulk.payloadBytes);
    }
    sender.stop();
    await ended;
  });

  it('[T9] has more under way on each of several lanes where the path is long', async () => {
    const { bulk, sender, ended, table } = begin([12 * PIECE_BYTES]);
    const other = new HeldChannel(table);
    sender.addLane(1, other);
    await watched.quiet();
    expect(other.payloadBytes).toBeLessThanOrEqual(2 * CHUNK_BYTES);
    sender.setPath(false, 150);
    await watched.quiet();
    expect(other.payloadBytes).toBeGreaterThan(4 * CHUNK_BYTES);
    expect(other.payloadBytes).toBeLessThanOrEqual(5 * CHUNK_BYTES);
    expect(bulk.payloadBytes).toBeGreaterThan(0);
    sender.stop();
    await ended;
  });

  it('[T9] is not held up by a lane that brings nothing', async () => {
    const { bulk, sender, ended, table } = begin([2 * PIECE_BYTES]);
    const stuck = new HeldChannel(table);
    sender.setPath(true, 1);
    sender.addLane(1, stuck);
    for (let step = 0; step < 40; step++) {
      await watched.quiet();
      sender.arrived(0, bulk.payloadBytes);
    }
    expect(stuck.payloadBytes).toBeLessThanOrEqual(2 * CHUNK_BYTES);
    expect(bulk.payloadBytes + stuck.payloadBytes).toBe(2 * PIECE_BYTES);
    sender.stop();
    await ended;
  });

  it('[T9] refuses to hear that more has arrived than was sent, or less than before', async () => {
    const { bulk, sender, ended } = begin([PIECE_BYTES]);
    await watched.quiet();
    expect(refusal(() => sender.arrived(0, bulk.payloadBytes + 1))).toBe('protocol');
    sender.arrived(0, bulk.payloadBytes);
    expect(refusal(() => sender.arrived(0, bulk.payloadBytes - 1))).toBe('protocol');
    // What a lane that has ended had to say comes late.
    sender.arrived(7, 1);
    sender.stop();
    await ended;
  });

  it('[T2] sends again what lost lanes had under way, whatever its memory was used for since', async () => {
    for (let phase = 0; phase < 15; phase++) {
      const { bulk, sender, ended, table } = begin([14 * PIECE_BYTES]);
      const lanes = [bulk, new HeldChannel(table), new HeldChannel(table)];
      lanes.slice(1).forEach((lane, at) => sender.addLane(at + 1, lane));
      sender.setPath(true, 1);
      // Each has two chunks under way, and the next one waits in its message until one of them arrives.
      for (let step = 0; step < 30 + phase; step++) {
        await watched.quiet();
        const id = step % lanes.length;
        sender.arrived(id, payloadOf(lanes[id]?.sent.slice(0, -1) ?? []));
      }
      await watched.quiet();
      const arrived = lanes.slice(1).map(({ sent }) => sent.slice(0, -2));
      arrived.forEach((chunks, at) => sender.removeLane(at + 1, payloadOf(chunks)));
      for (let sent = -1; sent < bulk.sent.length;) {
        sent = bulk.sent.length;
        deliver(sender, 0, bulk);
        await watched.quiet();
      }
      expect(new Set(namesOf([...arrived, bulk.sent].flat())).size).toBe(14 * 15);
      sender.stop();
      await ended;
    }
  });

  it('[T2] sends what a lost lane had before all that has been read ahead', async () => {
    const { bulk, sender, ended, table } = begin([12 * PIECE_BYTES]);
    const lost = new HeldChannel(table);
    sender.addLane(1, new HeldChannel(table));
    sender.addLane(2, lost);
    await watched.quiet();
    const before = bulk.sent.length;
    sender.removeLane(2, 0);
    await watched.quiet();
    deliver(sender, 0, bulk);
    await watched.quiet();
    expect(lost.sent).toHaveLength(2);
    expect(namesOf(bulk.sent.slice(before))).toEqual(namesOf(lost.sent));
    sender.stop();
    await ended;
  });

  it('[T2] passes over a lane that has closed, before it is known as lost', async () => {
    const { bulk, sender, ended, table } = begin([2 * PIECE_BYTES]);
    const closed = new HeldChannel(table);
    sender.addLane(1, closed);
    await watched.quiet();
    closed.closed = true;
    closed.isOpen = false;
    sender.arrived(1, closed.payloadBytes);
    for (let step = 0; step < 40; step++) {
      await watched.quiet();
      deliver(sender, 0, bulk);
    }
    expect(bulk.payloadBytes + closed.payloadBytes).toBe(2 * PIECE_BYTES);
    sender.stop();
    await ended;
  });

  it('[T7] sends a full chunk over each lane while more are made, and then at the pace of the start', async () => {
    const { bulk, clock, sender, ended, table } = begin([5 * PIECE_BYTES]);
    const other = new HeldChannel(table);
    sender.setHeld(true);
    sender.addLane(1, other);
    await watched.quiet();
    // The first carries the piece's short one as well.
    expect([bulk.sent.length, other.sent.length]).toEqual([2, 1]);
    sender.setHeld(false);
    await watched.quiet();
    expect(bulk.sent.length + other.sent.length).toBeLessThan(6);
    for (let step = 0; step < 100 && bulk.sent.length + other.sent.length < 75; step++) {
      clock.advance(50);
      [bulk, other].forEach((lane, id) => deliver(sender, id, lane));
      await watched.quiet();
    }
    expect(bulk.sent.length + other.sent.length).toBe(75);
    sender.stop();
    await ended;
  });

  it('[T8] keeps the first lane free with three others', async () => {
    const { bulk, sender, ended, table } = begin([5 * PIECE_BYTES]);
    await watched.quiet();
    const before = bulk.sent.length;
    deliver(sender, 0, bulk);
    const others = [1, 2, 3].map((lane) => {
      const other = new HeldChannel(table);
      sender.addLane(lane, other);
      return other;
    });
    await watched.quiet();
    expect(bulk.sent.length).toBe(before);
    for (const { sent } of others) expect(sent.length).toBeGreaterThan(0);
    sender.retireLane(1);
    await watched.quiet();
    expect(bulk.sent.length).toBeGreaterThan(before);
    sender.stop();
    await ended;
  });

  it('[K1] stops at its credit and goes on when there is more', async () => {
    const { bulk, credit, sender, ended } = begin([2 * CREDIT_BYTES]);
    await flow(bulk);
    expect(bulk.payloadBytes).toBeLessThanOrEqual(CREDIT_BYTES);
    expect(bulk.payloadBytes).toBeGreaterThan(CREDIT_BYTES - CHUNK_BYTES);
    credit.raise(CREDIT_BYTES + 3 * CHUNK_BYTES);
    sender.notify();
    await flow(bulk);
    expect(bulk.payloadBytes).toBeLessThanOrEqual(CREDIT_BYTES + 3 * CHUNK_BYTES);
    credit.raise(2 * CREDIT_BYTES);
    sender.notify();
    await flow(bulk);
    expect(bulk.payloadBytes).toBe(2 * CREDIT_BYTES);
    sender.stop();
    await ended;
  });

  it('[P6] reads only a few pieces ahead of a network that stands still', async () => {
    const large = begin([60 * PIECE_BYTES]);
    await watched.quiet();
    const read = large.source.reads.reduce((sum, { length }) => sum + length, 0);
    expect(read).toBeLessThanOrEqual(AHEAD_BYTES);
    large.sender.stop();
    await large.ended;

    const small = begin(Array.from({ length: 2_000 }, () => 10_000));
    await watched.quiet();
    const sent = new Set(small.bulk.sent.map(({ piece }) => piece)).size;
    // Six fit in the message that waits for room.
    expect(small.source.reads.length - sent).toBeLessThanOrEqual(AHEAD_READS + 6);
    small.sender.stop();
    await small.ended;
  });

  it('[T4] sends what is late on one lane over another, and reads only a few small files ahead for it', async () => {
    const { bulk, source, clock, sender, ended, table } = begin(Array.from({ length: 3_000 }, () => 100));
    const other = new HeldChannel(table);
    sender.addLane(1, other);
    while (bulk.sent.length + other.sent.length < 3_000) {
      deliver(sender, 1, other);
      await watched.quiet();
    }
    const late = bulk.sent.map(({ piece }) => piece);
    const before = other.sent.length;
    for (const { piece } of other.sent) sender.verified(piece);
    clock.advance(5_000);
    source.reads.length = 0;
    const { promise: disk, resolve: answer } = deferred();
    source.slow = () => disk;
    sender.sendLate();
    sender.sendLate();
    await watched.quiet();
    expect(late.length).toBeGreaterThan(2 * AHEAD_READS);
    expect(source.reads.length).toBeGreaterThan(0);
    expect(source.reads.length).toBeLessThanOrEqual(AHEAD_READS);
    answer(undefined);
    while (other.sent.length < before + late.length) {
      await watched.quiet();
      deliver(sender, 1, other);
    }
    const again = other.sent.slice(before).map(({ piece }) => piece);
    expect(again.sort((a, b) => a - b)).toEqual(late);
    expect(bulk.sent).toHaveLength(late.length);
    sender.stop();
    await ended;
  });

  it('[T4] sends all that is late, one after the other, while the rest waits for credit', async () => {
    // More than are read in one go, and less than a lane holds.
    const small = Array.from({ length: 62 }, () => 1_000);
    const { bulk, clock, source, sender, ended, table } = begin([...small, 2 * CREDIT_BYTES]);
    await watched.quiet();
    const other = new HeldChannel(table);
    sender.addLane(1, other);
    for (let before = -1; before < other.sent.length;) {
      before = other.sent.length;
      deliver(sender, 1, other);
      await watched.quiet();
    }
    const isSmall = ({ piece }: Chunk): boolean => piece < small.length;
    expect([sender.isLimited, bulk.sent.filter(isSmall).length]).toEqual([true, small.length]);
    clock.advance(5_000);
    const { promise: disk, resolve: answer } = deferred();
    source.slow = () => disk;
    sender.sendLate();
    await watched.quiet();
    answer(undefined);
    await watched.quiet();
    expect(other.sent.filter(isSmall).map(({ piece }) => piece)).toEqual(small.map((_, piece) => piece));
    sender.stop();
    await ended;
  });

  it('[P6] waits for no answer between small files', async () => {
    const { bulk, sender, ended } = begin(Array.from({ length: 300 }, () => 100));
    await watched.quiet();
    expect(bulk.sent).toHaveLength(300);
    sender.stop();
    await ended;
  });

  it('[D2] sends no message more once it is paused, and misses none when it goes on', async () => {
    const { bulk, sender, ended } = begin([4 * PIECE_BYTES]);
    await watched.quiet();
    const before = bulk.sent.length;
    sender.setPaused(true);
    await flow(bulk);
    sender.notify();
    await flow(bulk);
    expect(bulk.sent).toHaveLength(before);
    sender.setPaused(false);
    await flow(bulk);
    expect(bulk.payloadBytes).toBe(4 * PIECE_BYTES);
    sender.stop();
    await ended;
  });

  it('[P5] sends a piece that is asked for again before the others that are not begun', async () => {
    const { bulk, credit, sender, ended } = begin([30 * PIECE_BYTES]);
    credit.raise(40 * PIECE_BYTES);
    await watched.quiet();
    sender.again(0);
    await flow(bulk);
    const starts = bulk.sent.filter(({ offset }) => offset === 0).map(({ piece }) => piece);
    expect(starts.filter((piece) => piece === 0)).toHaveLength(2);
    expect(starts.lastIndexOf(0)).toBeLessThanOrEqual(12);
    sender.stop();
    await ended;
  });

  it('wakes for wants that come when it has nothing to do', async () => {
    const { bulk, sender, ended } = begin([3, 5]);
    await flow(bulk);
    sender.again(1);
    await flow(bulk);
    expect(bulk.sent.map(({ piece }) => piece)).toEqual([0, 1, 1]);
    sender.stop();
    await ended;
  });

  it('[E1] passes over an entry that cannot be read, and says why once it knows', async () => {
    const { bulk, failures, sender, ended } = begin([PIECE_BYTES, 3 * PIECE_BYTES, 70], (source) =>
      source.faults.set(1, 'source-gone'),
    );
    await flow(bulk);
    expect([...failures]).toEqual([[1, 'source-gone']]);
    expect([...new Set(bulk.sent.map(({ piece }) => piece))]).toEqual([0, 4]);
    sender.stop();
    await ended;
  });
});

describe('memory for pieces', () => {
  it('is used again when the source has asked for it, and is not kept when it brings its own', async () => {
    const source = MemorySource.random([4 * PIECE_BYTES]);
    const table = new PieceTable([4 * PIECE_BYTES]);
    let asks = false;
    const given: Bytes[] = [];
    const reader = new PieceReader({
      source: {
        read: (entry, offset, length, allocate) => {
          const buffer = asks ? allocate?.(length) : undefined;
          if (buffer !== undefined) given.push(buffer);
          return source.read(entry, offset, length, buffer === undefined ? undefined : () => buffer);
        },
      },
      table,
      subtle: watched.subtle,
      isWanted: () => true,
      onentryfailed: () => undefined,
    });
    const read = async (piece: number): Promise<Bytes> => {
      const loaded = await reader.read({ piece, mask: ~0, lateOn: null });
      if (loaded === null) throw new Error(`piece ${piece} was expected`);
      reader.recycle(loaded.bytes);
      return loaded.bytes;
    };
    const own = await read(0);
    asks = true;
    const lent = await read(1);
    await read(2);
    expect([given[0] === own, given[1] === lent]).toEqual([false, true]);
  });
});

describe('stopping', () => {
  it.each([
    ['it waits for the network', [4 * PIECE_BYTES], () => undefined],
    ['it waits for wants', [], () => undefined],
    ['it is paused', [PIECE_BYTES], ({ sender }: ReturnType<typeof begin>) => sender.setPaused(true)],
    ['it waits for credit', [PIECE_BYTES], ({ credit }: ReturnType<typeof begin>) => credit.spend(CREDIT_BYTES)],
  ])('ends it while %s, and sends nothing more', async (_, sizes: number[], prepare) => {
    const pipe = begin(sizes);
    prepare(pipe);
    await watched.quiet();
    const before = pipe.bulk.sent.length;
    pipe.sender.stop();
    await pipe.ended;
    pipe.bulk.drain();
    await watched.quiet();
    expect(pipe.bulk.sent).toHaveLength(before);
  });

  it('ends it after the read under way', async () => {
    const { promise: disk, resolve: answer } = deferred();
    const { bulk, sender, ended } = begin([PIECE_BYTES], (source) => (source.slow = () => disk));
    await watched.quiet();
    sender.stop();
    answer(undefined);
    await ended;
    expect(bulk.sent).toEqual([]);
  });

  it('[C5] a lane that is lost ends it with that reason', async () => {
    const { bulk, ended } = begin([4 * PIECE_BYTES]);
    const failed = expect(ended).rejects.toMatchObject({ code: 'connection-lost' });
    await watched.quiet();
    bulk.closed = true;
    bulk.drain();
    await failed;
  });
});

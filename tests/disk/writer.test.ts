import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { buffersOf, type OpfsReply, type OpfsRequest, type OpfsWrite } from '../../src/core/opfs-messages.ts';
import { equalBytes } from '../../src/core/bytes.ts';
import { PIECE_BYTES } from '../../src/core/limits.ts';
import { OpfsWriter, joined } from '../../src/disk/writer.ts';
import type { WriterWorker } from '../../src/disk/opfs-worker.ts';
import { seededBytes } from '../doubles/random.ts';

/** A worker that does nothing until the test answers. */
class TestWorker implements WriterWorker {
  onmessage: ((event: MessageEvent<OpfsReply>) => void) | null = null;
  onerror: ((event: ErrorEvent) => void) | null = null;
  readonly requests: OpfsRequest[] = [];
  readonly transfers: (readonly Transferable[])[] = [];
  terminated = false;

  postMessage(request: OpfsRequest, transfer: readonly Transferable[]): void {
    this.requests.push(request);
    this.transfers.push(transfer);
  }

  terminate(): void {
    this.terminated = true;
  }

  /** Lets the page carry on with it, too. */
  async answer(reply: OpfsReply = { kind: 'done' }): Promise<void> {
    this.onmessage?.(new MessageEvent('message', { data: reply }));
    await settled();
  }

  /** Bytes of the writes of each commit. */
  get commits(): number[][] {
    return this.requests.flatMap((request) =>
      request.kind === 'commit' ? [request.writes.map(({ bytes }) => bytes.length)] : [],
    );
  }
}

const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** As long as a commit waits for more to come. */
async function gathered(): Promise<void> {
  vi.advanceTimersByTime(20);
  await settled();
}

async function opened(): Promise<{ worker: TestWorker; writer: OpfsWriter }> {
  const worker = new TestWorker();
  const opening = OpfsWriter.open('file', 1_000, worker);
  await worker.answer();
  return { worker, writer: await opening };
}

/** How a promise stands. */
function watched(promise: Promise<unknown>): { state: string } {
  const watch = { state: 'waiting' };
  promise.then(
    () => (watch.state = 'done'),
    (thrown: unknown) => (watch.state = thrown instanceof Error && 'code' in thrown ? String(thrown.code) : 'thrown'),
  );
  return watch;
}

describe('the page’s end of the OPFS worker', () => {
  beforeEach(() => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
  });
  afterEach(() => {
    vi.useRealTimers();
  });

  test('waits for 4 MiB or 20 ms', async () => {
    const { worker, writer } = await opened();
    const piece = 1_048_576;
    for (let at = 0; at < 3; at++) watched(writer.write({ position: at * piece, bytes: new Uint8Array(piece) }));
    await settled();
    expect(worker.commits).toEqual([]);
    watched(writer.write({ position: 3 * piece, bytes: new Uint8Array(piece) }));
    await settled();
    expect(worker.commits).toEqual([[piece, piece, piece, piece]]);
    await worker.answer();
    watched(writer.write({ position: 4 * piece, bytes: new Uint8Array(piece) }));
    await settled();
    expect(worker.commits).toHaveLength(1);
    await gathered();
    expect(worker.commits).toHaveLength(2);
  });

  test('commits what is written meanwhile as one group, and resolves each write when its group is durable', async () => {
    const { worker, writer } = await opened();
    const first = watched(writer.write({ position: 0, bytes: seededBytes(100_000, 1) }));
    const second = watched(writer.write({ position: 200_000, bytes: seededBytes(100_001, 2) }));
    await gathered();
    const third = watched(writer.write({ position: 400_000, bytes: seededBytes(100_002, 3) }));
    expect(worker.commits).toEqual([[100_000, 100_001]]);
    await worker.answer();
    await gathered();
    expect([first.state, second.state, third.state]).toEqual(['done', 'done', 'waiting']);
    expect(worker.commits).toEqual([[100_000, 100_001], [100_002]]);
    await worker.answer();
    expect(third.state).toBe('done');
  });

  test('copies small writes into a buffer that came back, and hands it over once', async () => {
    const { worker, writer } = await opened();
    const used = new ArrayBuffer(PIECE_BYTES);
    watched(writer.write({ position: 0, bytes: seededBytes(9, 1) }));
    await gathered();
    await worker.answer({ kind: 'committed', buffers: [used] });
    watched(writer.write({ position: 50, bytes: seededBytes(10, 1) }, { position: 100, bytes: seededBytes(20, 2) }));
    await gathered();
    expect(worker.commits.at(-1)).toEqual([10, 20]);
    expect(worker.transfers.at(-1)).toEqual([used]);
    expect(worker.transfers.at(-1)?.[0]).toBe(used);
  });

  test('a failed commit fails its writes only, and a retry may succeed', async () => {
    const { worker, writer } = await opened();
    const first = watched(writer.write({ position: 0, bytes: seededBytes(5, 1) }));
    await gathered();
    const second = watched(writer.write({ position: 5, bytes: seededBytes(5, 1) }));
    await worker.answer({ kind: 'failed', code: 'no-room', detail: '' });
    await gathered();
    await worker.answer();
    expect([first.state, second.state]).toEqual(['no-room', 'done']);
    const retry = watched(writer.write({ position: 0, bytes: seededBytes(5, 1) }));
    await gathered();
    await worker.answer();
    expect(retry.state).toBe('done');
  });

  test('a worker that dies fails all that waits, and all that comes', async () => {
    const { worker, writer } = await opened();
    const writes = [0, 10].map((position) => watched(writer.write({ position: position, bytes: seededBytes(5, 1) })));
    await gathered();
    worker.onerror?.({ message: 'gone' } as ErrorEvent);
    await settled();
    writes.push(watched(writer.write({ position: 20, bytes: seededBytes(5, 1) })));
    await gathered();
    expect(writes.map(({ state }) => state)).toEqual(['disk-failed', 'disk-failed', 'disk-failed']);
  });

  test('closes after the last write', async () => {
    const { worker, writer } = await opened();
    const write = watched(writer.write({ position: 0, bytes: seededBytes(5, 1) }));
    const close = watched(writer.close());
    await gathered();
    expect(worker.requests.map(({ kind }) => kind)).toEqual(['open', 'commit']);
    await worker.answer();
    expect([write.state, worker.requests.at(-1)?.kind]).toEqual(['done', 'rest']);
    await worker.answer();
    expect([close.state, worker.terminated]).toEqual(['done', true]);
  });

  test('tells which pieces the worker finds intact', async () => {
    const { worker, writer } = await opened();
    const pieces = [0, 10].map((position) => ({ position, length: 10, hashPosition: 20 + position }));
    const recalled = writer.recall(pieces);
    const failed = watched(writer.recall(pieces));
    expect(worker.requests.at(-1)).toEqual({ kind: 'recall', pieces });
    await worker.answer({ kind: 'recalled', intact: [false, true] });
    expect(await recalled).toEqual([false, true]);
    await worker.answer({ kind: 'failed', code: 'disk-failed', detail: '' });
    expect(failed.state).toBe('disk-failed');
  });

  test('a file that cannot be opened ends the worker', async () => {
    const worker = new TestWorker();
    const opening = OpfsWriter.open('file', 1_000, worker);
    await Promise.all([
      expect(opening).rejects.toMatchObject({ code: 'no-room' }),
      worker.answer({ kind: 'failed', code: 'no-room', detail: '' }),
    ]);
    expect(worker.terminated).toBe(true);
  });
});

describe('joining writes', () => {
  /** Larger than what is copied together. */
  const SLOT = 80_000;
  const write = fc.record({
    slot: fc.integer({ min: 0, max: 20 }),
    length: fc.oneof(fc.constant(SLOT), fc.integer({ min: 1, max: SLOT })),
    seed: fc.integer(),
  });

  test('changes nothing of what the file will hold', () => {
    fc.assert(
      fc.property(fc.uniqueArray(write, { maxLength: 20, selector: ({ slot }) => slot }), (planned) => {
        const writes = planned.map(({ slot, length, seed }) => ({
          position: slot * SLOT,
          bytes: seededBytes(length, seed),
        }));
        expect(equalBytes(applied(joined(writes, usedBuffer)), applied(writes))).toBe(true);
      }),
    );
  });

  test('makes one write of many small adjacent ones, and leaves large ones as they are', () => {
    const small = Array.from({ length: 100 }, (_, at) => ({ position: at * 4096, bytes: seededBytes(4096, at) }));
    const large = { position: 409_600, bytes: seededBytes(1_000_000, 1) };
    const out = joined([...small, large], usedBuffer);
    expect(out.map(({ position, bytes }) => [position, bytes.length])).toEqual([
      [409_600, 1_000_000],
      [0, 409_600],
    ]);
    expect(out[0]?.bytes).toBe(large.bytes);
  });

  test('copies more than one buffer holds into several', () => {
    const small = Array.from({ length: 20 }, (_, at) => ({ position: at * 65_536, bytes: seededBytes(65_536, at) }));
    const out = joined(small, usedBuffer);
    expect(out.map(({ position, bytes }) => [position, bytes.length])).toEqual([
      [0, PIECE_BYTES],
      [PIECE_BYTES, 6 * 65_536],
    ]);
    expect(buffersOf(out)).toHaveLength(2);
  });

  test('gives every large write a buffer of its own', () => {
    const whole = seededBytes(300_000, 1);
    const views = [whole.subarray(0, 100_000), whole.subarray(200_000)];
    const writes = views.map((bytes, at) => ({ position: at * 500_000, bytes }));
    const out = joined(writes, usedBuffer);
    expect(out.map(({ bytes }) => bytes.buffer.byteLength)).toEqual([100_000, 100_000]);
  });

  /** With something else in it. */
  function usedBuffer(): Uint8Array<ArrayBuffer> {
    return new Uint8Array(PIECE_BYTES).fill(1);
  }

  function applied(writes: readonly OpfsWrite[]): Uint8Array {
    const file = new Uint8Array(21 * SLOT);
    for (const { position, bytes } of writes) file.set(bytes, position);
    return file;
  }
});

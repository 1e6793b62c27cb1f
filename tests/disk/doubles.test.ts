import { describe, expect, test } from 'vitest';
import { BeelineError } from '../../src/core/errors.ts';
import { MemorySink, MemorySinkFactory } from '../doubles/sink.ts';
import { MemorySource } from '../doubles/source.ts';
import { SINK_CASES, numberOf, planOf } from './sink.suite.ts';

describe('the double of a sink', () => {
  const subject = {
    open: (plan: ReturnType<typeof planOf>) => Promise.resolve(new MemorySink(plan)),
    contents: (sink: unknown, entry: number) => {
      if (!(sink instanceof MemorySink)) throw new TypeError('not a MemorySink');
      return Promise.resolve(sink.bytes(entry));
    },
  };
  for (const [name, run] of Object.entries(SINK_CASES)) test(name, () => run(subject));

  test('fails with no-room beyond its capacity, and goes on when there is more', async () => {
    const sink = new MemorySink(planOf([100]));
    sink.capacity = 60;
    await sink.write(numberOf(0), 0, new Uint8Array(60), new Uint8Array(32));
    await expect(sink.write(numberOf(0), 60, new Uint8Array(40), new Uint8Array(32))).rejects.toThrow(
      new BeelineError('no-room'),
    );
    sink.capacity = 100;
    await sink.write(numberOf(0), 60, new Uint8Array(40), new Uint8Array(32));
    await sink.finish(numberOf(0));
    expect(sink.fate(numberOf(0))).toBe('finished');
  });

  test('does not finish an entry with a hole', async () => {
    const sink = new MemorySink(planOf([100]));
    await sink.write(numberOf(0), 0, new Uint8Array(99), new Uint8Array(32));
    await expect(sink.finish(numberOf(0))).rejects.toMatchObject({ code: 'internal' });
  });

  test('waits as long as the test says', async () => {
    const sink = new MemorySink(planOf([1]));
    let go = (): void => undefined;
    sink.slow = () => new Promise((resolve) => (go = resolve));
    const written = sink.write(numberOf(0), 0, new Uint8Array(1), new Uint8Array(32));
    expect([sink.pending, sink.written]).toEqual([1, 0]);
    go();
    await written;
    expect([sink.pending, sink.written]).toEqual([0, 1]);
  });

  test('is opened by a factory that can refuse', async () => {
    const factory = new MemorySinkFactory();
    factory.freeBytes = 10;
    await expect(factory.open(planOf([11]), null)).rejects.toMatchObject({ code: 'no-room' });
    expect(await factory.open(planOf([10]), null)).toBe(factory.sinks[0]);
  });
});

describe('the double of a source', () => {
  test('gives the same random bytes for the same seed', async () => {
    const source = MemorySource.random([5, 1_001], 7);
    expect(MemorySource.random([5, 1_001], 7).bytes(1)).toEqual(source.bytes(1));
    expect(MemorySource.random([5, 1_001], 8).bytes(1)).not.toEqual(source.bytes(1));
    expect(await source.read(1, 999, 2)).toEqual(source.bytes(1).slice(999));
  });

  test('fails as a changed file does', async () => {
    const source = MemorySource.random([10]);
    await expect(source.read(0, 5, 6)).rejects.toMatchObject({ code: 'source-changed' });
    source.faults.set(0, 'source-gone');
    await expect(source.read(0, 0, 1)).rejects.toMatchObject({ code: 'source-gone' });
  });
});

import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import type { Bytes } from '../../src/core/bytes.ts';
import { HASH_BYTES } from '../../src/core/frame.ts';
import { PIECE_BYTES } from '../../src/core/limits.ts';
import { Journal } from '../../src/disk/journal.ts';
import { DiskWorker, TestDisk } from '../doubles/opfs.ts';
import { seededBytes } from '../doubles/random.ts';
import { numberOf, planOf } from './sink.suite.ts';

const { entries } = planOf([PIECE_BYTES + 1, 0, 70_000, 0, 5]);
/** One byte for each entry. */
const HASHES_AT = 5;

describe('the journal of a folder', () => {
  let disk: TestDisk;

  beforeEach(() => {
    disk = new TestDisk();
    vi.stubGlobal('navigator', disk.navigator);
  });
  afterEach(() => {
    vi.unstubAllGlobals();
  });

  /** As another page would. */
  const open = (): Promise<Journal> => Journal.open('journal', entries, new DiskWorker(disk));
  const hashes = (count: number, seed: number): Bytes => seededBytes(count * HASH_BYTES, seed);

  test('has nothing finished when it is new, and room for every hash', async () => {
    const journal = await open();
    expect(await journal.read()).toEqual(new Map());
    expect(disk.bytes).toHaveLength(HASHES_AT + 4 * HASH_BYTES);
  });

  test('tells a later page what was finished: the number of each name, and the hashes in their order', async () => {
    const first = await open();
    await Promise.all([
      first.finished(numberOf(4), 255, hashes(1, 4)),
      first.finished(numberOf(1), 1, new Uint8Array()),
      first.finished(numberOf(0), 2, hashes(2, 0)),
    ]);
    await first.close();
    const second = await open();
    const ofFirst = hashes(2, 0);
    expect(await second.read()).toEqual(
      new Map([
        [numberOf(0), { number: 2, hashes: [ofFirst.slice(0, HASH_BYTES), ofFirst.slice(HASH_BYTES)] }],
        [numberOf(1), { number: 1, hashes: [] }],
        [numberOf(4), { number: 255, hashes: [hashes(1, 4)] }],
      ]),
    );
  });

  test('has the last word of an entry that was finished twice', async () => {
    const journal = await open();
    await journal.finished(numberOf(2), 1, hashes(1, 1));
    await journal.finished(numberOf(2), 2, hashes(1, 2));
    expect(await journal.read()).toEqual(new Map([[numberOf(2), { number: 2, hashes: [hashes(1, 2)] }]]));
  });

  test('forgets an entry with a number that one byte does not hold, and one that is not in the plan', async () => {
    const journal = await open();
    await journal.finished(numberOf(0), 256, hashes(2, 1));
    await journal.finished(0, 1, hashes(1, 1));
    expect(await journal.read()).toEqual(new Map());
  });

  test('gives no hash for what a shorter file has lost', async () => {
    const journal = await open();
    await journal.finished(numberOf(4), 1, hashes(1, 4));
    disk.bytes = disk.bytes.slice(0, -1);
    const [hash] = (await journal.read()).get(numberOf(4))?.hashes ?? [];
    expect(hash).toHaveLength(HASH_BYTES - 1);
  });

  test('is held by one page at a time', async () => {
    const first = await open();
    await expect(open()).rejects.toMatchObject({ code: 'open-elsewhere' });
    await first.close();
    await expect(open()).resolves.toBeInstanceOf(Journal);
  });

  test('is not held when it could not be opened', async () => {
    const worker = new DiskWorker(disk);
    worker.fault = { kind: 'failed', code: 'no-room', detail: '' };
    await expect(Journal.open('journal', entries, worker)).rejects.toMatchObject({ code: 'no-room' });
    await expect(open()).resolves.toBeInstanceOf(Journal);
  });
});

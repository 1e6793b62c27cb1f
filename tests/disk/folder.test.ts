import { afterEach, expect, test, vi } from 'vitest';
import type { Bytes } from '../../src/core/bytes.ts';
import { FolderSink } from '../../src/disk/folder.ts';
import { Journal } from '../../src/disk/journal.ts';
import { DiskWorker, TestDisk } from '../doubles/opfs.ts';
import { seededBytes } from '../doubles/random.ts';
import { numberOf, planOf } from './sink.suite.ts';

afterEach(() => {
  vi.unstubAllGlobals();
  vi.restoreAllMocks();
});

/** A folder the person chose, as far as whole files need it. */
function chosenFolder(files: Map<string, Bytes>): FileSystemDirectoryHandle {
  const getFileHandle = (name: string, { create = false } = {}): Promise<unknown> => {
    if (!create && !files.has(name)) return Promise.reject(new DOMException('not here', 'NotFoundError'));
    const write = (bytes: Bytes): Promise<void> => Promise.resolve(void files.set(name, bytes));
    return Promise.resolve({ createWritable: () => Promise.resolve({ write, close: () => Promise.resolve() }) });
  };
  return { getFileHandle } as unknown as FileSystemDirectoryHandle;
}

test('[P4] a file is in place although its journal cannot take that, and the console has the reason', async () => {
  const warn = vi.spyOn(console, 'warn').mockImplementation(() => undefined);
  const disk = new TestDisk();
  vi.stubGlobal('navigator', disk.navigator);
  const plan = planOf([1_000]);
  const worker = new DiskWorker(disk);
  const journal = await Journal.open('journal', plan.entries, worker);
  const files = new Map<string, Bytes>();
  const sink = new FolderSink(plan, chosenFolder(files), journal);
  worker.fault = { kind: 'failed', code: 'disk-failed', detail: 'worn out' };
  const bytes = seededBytes(1_000, 1);
  await sink.write(numberOf(0), 0, bytes, seededBytes(32, 2));
  await sink.finish(numberOf(0));
  expect(files).toEqual(new Map([['file-0.bin', bytes]]));
  expect(warn.mock.calls).toEqual([['storage:', 'worn out']]);
  worker.fault = null;
  expect(await journal.read()).toEqual(new Map());
});

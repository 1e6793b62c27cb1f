/** The sinks in real Chromium: the shared suite, and what only a browser can show. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Page } from 'playwright-core';
import { SINK_CASES } from '../../disk/sink.suite.ts';
import { DiskLab } from './lab.ts';

let disk: DiskLab;
let page: Page;

beforeAll(async () => {
  disk = await DiskLab.start();
  page = await disk.page();
});
afterAll(() => disk.close());

for (const subject of ['opfs', 'memory', 'folder'] as const) {
  describe(`the ${subject} sink`, () => {
    for (const name of Object.keys(SINK_CASES)) {
      test(name, () => page.evaluate(([subject, name]) => lab.runCase(subject, name), [subject, name] as const));
    }
  });
}

describe('the OPFS sink', () => {
  test('keeps what was written when the page crashes', async () => {
    const crashing = await disk.page();
    const before = await crashing.evaluate(async () => {
      const plan = lab.planOf([3_000_000, 70_000]);
      const sink = await lab.OpfsSink.open(plan, 'crashing');
      const contents = lab.contentsOf(plan);
      await lab.fill(sink, contents);
      return Promise.all(Array.from(contents.values(), (bytes) => lab.sha256(bytes)));
    });
    await disk.crash(crashing);

    const fresh = await disk.page();
    const after = await fresh.evaluate(async () => {
      const plan = lab.planOf([3_000_000, 70_000]);
      const sink = await lab.OpfsSink.open(plan, 'crashing');
      await sink.close();
      const root = await navigator.storage.getDirectory();
      const file = await (await (await root.getDirectoryHandle('transfers')).getFileHandle('crashing')).getFile();
      const parts = [file.slice(0, 3_000_000), file.slice(3_000_000, 3_070_000)];
      const digests = await Promise.all(parts.map(async (part) => lab.sha256(await part.arrayBuffer())));
      await sink.discard();
      return digests;
    });
    expect(after).toEqual(before);
    await fresh.close();
  });

  test('says that there is no room before anything is sent', async () => {
    const cdp = await disk.device.cdp(page);
    await cdp.send('Storage.overrideQuotaForOrigin', { origin: disk.origin, quotaSize: 5 * 1024 * 1024 });
    const codes = await page.evaluate(async () => {
      const sinks = new lab.DiskSinks(() => Promise.resolve(new Set()));
      const inOpfs = await lab.codeOf(() => sinks.open(lab.planOf([6 * 1024 * 1024]), null));
      const atOpen = await lab.codeOf(() => lab.OpfsSink.open(lab.planOf([6 * 1024 * 1024]), 'too-large'));
      return { inOpfs, atOpen };
    });
    await cdp.send('Storage.overrideQuotaForOrigin', { origin: disk.origin });
    expect(codes).toEqual({ inOpfs: 'no-room', atOpen: 'no-room' });
  });

  test('leaves nothing behind when it is discarded', async () => {
    const left = await page.evaluate(async () => {
      const sinks = new lab.DiskSinks(() => Promise.resolve(new Set()));
      await sinks.swept;
      const plan = lab.planOf([100_000]);
      const sink = await sinks.open(plan, null);
      if (sink.kind !== 'opfs') throw new Error(sink.kind);
      await lab.fill(sink, lab.contentsOf(plan));
      await sink.discard();
      const root = await navigator.storage.getDirectory();
      return lab.pathsIn(await root.getDirectoryHandle('transfers'));
    });
    expect(left).toEqual([]);
  });

  test('files that no tab holds and no receipt mentions are swept at the next start', async () => {
    const other = await disk.page();
    await other.evaluate(async () => {
      lab.kept.sink = await lab.OpfsSink.open(lab.planOf([10]), 'held');
      for (const name of ['mentioned', 'stale']) await (await lab.OpfsSink.open(lab.planOf([10]), name)).close();
    });
    const names = (): Promise<string[]> =>
      page.evaluate(async () => {
        await new lab.DiskSinks(() => Promise.resolve(new Set(['mentioned']))).swept;
        const root = await navigator.storage.getDirectory();
        return lab.pathsIn(await root.getDirectoryHandle('transfers'));
      });
    expect(await names()).toEqual(['held', 'mentioned']);
    await other.close();
    await page.evaluate(() => navigator.locks.request('beeline:transfer:held', () => undefined));
    expect(await names()).toEqual(['mentioned']);
  });

  test('refuses a file that another tab has', async () => {
    const other = await disk.page();
    await other.evaluate(async () => {
      lab.kept.sink = await lab.OpfsSink.open(lab.planOf([10]), 'shared');
    });
    expect(await page.evaluate(() => lab.codeOf(() => lab.OpfsSink.open(lab.planOf([10]), 'shared')))).toBe(
      'open-elsewhere',
    );
    await other.close();
  });
});

describe('without storage', () => {
  test('memory is used, up to its cap', async () => {
    const fresh = await disk.page();
    const found = await fresh.evaluate(async () => {
      navigator.storage.getDirectory = () => Promise.reject(new DOMException('no', 'SecurityError'));
      const sinks = new lab.DiskSinks(() => Promise.resolve(new Set()));
      const cap = 256 * 1024 * 1024;
      return {
        room: await sinks.room(),
        kind: (await sinks.open(lab.planOf([cap - 10, 10]), null)).kind,
        above: await lab.codeOf(() => sinks.open(lab.planOf([cap, 1]), null)),
      };
    });
    expect(found).toEqual({
      room: { kind: 'memory', freeBytes: 256 * 1024 * 1024 },
      kind: 'memory',
      above: 'memory-only',
    });
    await fresh.close();
  });
});

describe('the folder sink', () => {
  test('overwrites nothing', async () => {
    const paths = await page.evaluate(async () => {
      const folder = await lab.newFolder();
      const plan = lab.planOf([10, 10, 10, 0], ['a.txt', 'a (2).txt', 'b/c.txt', 'e']);
      const first = await lab.FolderSink.open(plan, folder);
      await lab.fill(first, lab.contentsOf(plan));
      const before = await lab.sha256(await lab.readPath(folder, 'a.txt'));
      await folder.getDirectoryHandle('e (2)', { create: true });
      const again = await lab.FolderSink.open(plan, folder);
      await lab.fill(again, lab.contentsOf(lab.planOf([10, 10, 10, 0])));
      const after = await lab.sha256(await lab.readPath(folder, 'a.txt'));
      return { same: before === after, paths: await lab.pathsIn(folder) };
    });
    expect(paths.same).toBe(true);
    expect(paths.paths).toEqual(
      ['a.txt', 'a (2).txt', 'a (3).txt', 'a (2) (2).txt', 'b/c.txt', 'b/c (2).txt', 'e', 'e (3)'].sort(),
    );
  });

  test('puts a folder beside a file of its name', async () => {
    const paths = await page.evaluate(async () => {
      const folder = await lab.newFolder();
      await folder.getFileHandle('photos', { create: true });
      const plan = lab.planOf([5, 5], ['photos/1.jpg', 'photos/2.jpg']);
      const sink = await lab.FolderSink.open(plan, folder);
      await lab.fill(sink, lab.contentsOf(plan));
      return lab.pathsIn(folder);
    });
    expect(paths).toEqual(['photos', 'photos (2)/1.jpg', 'photos (2)/2.jpg']);
  });

  test('leaves no part of an unfinished file', async () => {
    const paths = await page.evaluate(async () => {
      const folder = await lab.newFolder();
      const plan = lab.planOf([2_000_000, 2_000_000, 50]);
      const sink = await lab.FolderSink.open(plan, folder);
      await sink.write(lab.numberOf(0), 0, new Uint8Array(917_504), new Uint8Array(32));
      await sink.write(lab.numberOf(1), 0, new Uint8Array(917_504), new Uint8Array(32));
      await sink.write(lab.numberOf(2), 0, new Uint8Array(50), new Uint8Array(32));
      await sink.finish(lab.numberOf(2));
      await sink.drop(lab.numberOf(0));
      const afterDrop = await lab.pathsIn(folder);
      await sink.discard();
      return { afterDrop, afterDiscard: await lab.pathsIn(folder) };
    });
    expect(paths).toEqual({
      afterDrop: ['file-1.bin', 'file-1.bin.crswap', 'file-2.bin'],
      afterDiscard: ['file-2.bin'],
    });
  });

  test('says so when the folder is gone', async () => {
    const code = await page.evaluate(async () => {
      const folder = await lab.newFolder();
      const plan = lab.planOf([10], ['x/y.txt']);
      const sink = await lab.FolderSink.open(plan, folder);
      const root = await navigator.storage.getDirectory();
      await root.removeEntry(folder.name, { recursive: true });
      return lab.codeOf(() => sink.write(lab.numberOf(0), 0, new Uint8Array(10), new Uint8Array(32)));
    });
    expect(code).toBe('disk-failed');
  });

  test('needs the permission to write', async () => {
    const code = await page.evaluate(async () => {
      const folder = await lab.newFolder();
      folder.queryPermission = () => Promise.resolve('prompt');
      folder.requestPermission = () => Promise.resolve('denied');
      return lab.codeOf(() => lab.FolderSink.open(lab.planOf([10]), folder));
    });
    expect(code).toBe('permission-denied');
  });
});

/** What a later page finds of an earlier one's transfer, in real Chromium: recalled only if it is still intact. */
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { PIECE_BYTES } from '../../../src/core/limits.ts';
import { DiskLab } from './lab.ts';
import type { PieceAt } from './page/recall.ts';

const PIECE = PIECE_BYTES;

let disk: DiskLab;
let page: Page;

beforeAll(async () => {
  disk = await DiskLab.start();
  page = await disk.page();
});
afterAll(() => disk.close());

/** Runs in a page of its own, which then crashes. */
async function inCrashingPage<Argument, Result>(
  run: (argument: Argument) => Promise<Result>,
  argument: Argument,
): Promise<Result> {
  const crashing = await disk.page();
  const result = await crashing.evaluate(run as (argument: unknown) => Promise<Result>, argument);
  await disk.crash(crashing);
  await crashing.close();
  return result;
}

describe('the OPFS sink', () => {
  /** Entries 1, 3, 5 and 7. */
  const SIZES = [3_500_000, 70_000, 0, PIECE + 1];
  const TOTAL = 3_500_000 + 70_000 + PIECE + 1;
  const ALL: readonly PieceAt[] = [
    [1, 0],
    [1, PIECE],
    [1, 2 * PIECE],
    [1, 3 * PIECE],
    [3, 0],
    [7, 0],
    [7, PIECE],
  ];

  /** Leaves a closed file with all pieces. */
  const leaveWhole = (name: string): Promise<void> =>
    page.evaluate(
      async ([name, sizes]) => {
        const plan = lab.planOf(sizes);
        const sink = await lab.OpfsSink.open(plan, name);
        await lab.fill(sink, lab.contentsOf(plan));
        await sink.close();
      },
      [name, SIZES] as const,
    );

  const reopened = (name: string): Promise<{ bytes: number; intact: PieceAt[] }> =>
    page.evaluate(
      async ([name, sizes]) => {
        const sink = await lab.OpfsSink.reopen(lab.planOf(sizes), name);
        const recalled = await lab.recallAll(sink);
        await sink.discard();
        return recalled;
      },
      [name, SIZES] as const,
    );

  const reopenCode = (name: string): Promise<string> =>
    page.evaluate(([name, sizes]) => lab.codeOf(() => lab.OpfsSink.reopen(lab.planOf(sizes), name)), [
      name,
      SIZES,
    ] as const);

  test('recalls exactly the pieces that were written before the page crashed', async () => {
    const written: readonly PieceAt[] = [
      [1, 0],
      [1, 3 * PIECE],
      [7, PIECE],
    ];
    await inCrashingPage(
      async ([sizes, written]) => {
        const plan = lab.planOf(sizes);
        await lab.writeSome(await lab.OpfsSink.open(plan, 'crashed'), plan, written);
      },
      [SIZES, written] as const,
    );
    expect(await reopened('crashed')).toEqual({ bytes: TOTAL, intact: written });
  });

  test('is found at once by the page that a reload makes', async () => {
    const reloading = await disk.page();
    for (let time = 0; time < 5; time++) {
      const intact = await reloading.evaluate(
        async ([sizes, piece, isFirst]) => {
          const plan = lab.planOf(sizes);
          const sink = await (isFirst ? lab.OpfsSink.open(plan, 'reloaded') : lab.OpfsSink.reopen(plan, 'reloaded'));
          const recalled = await lab.recallAll(sink);
          lab.kept.sink = sink;
          await lab.writeSome(sink, plan, [piece]);
          return recalled.intact;
        },
        [SIZES, ALL[time] ?? ([1, 0] as const), time === 0] as const,
      );
      expect(intact).toEqual(ALL.slice(0, time));
      await reloading.reload();
      await reloading.waitForFunction(() => 'lab' in globalThis);
    }
    await reloading.close();
  });

  test('goes on where the earlier page ended', async () => {
    await inCrashingPage(
      async ([sizes, some]) => {
        const plan = lab.planOf(sizes);
        await lab.writeSome(await lab.OpfsSink.open(plan, 'continued'), plan, some);
      },
      [SIZES, ALL.slice(0, 3)] as const,
    );
    await page.evaluate(
      async ([sizes, rest]) => {
        const plan = lab.planOf(sizes);
        const sink = await lab.OpfsSink.reopen(plan, 'continued');
        await lab.recallAll(sink);
        await lab.writeSome(sink, plan, rest);
        await sink.close();
      },
      [SIZES, ALL.slice(3)] as const,
    );
    expect((await reopened('continued')).intact).toEqual(ALL);
  });

  test('does not recall a piece of which one byte has changed', async () => {
    await leaveWhole('changed');
    await page.evaluate(
      async ([sizes, piece]) => {
        const layout = lab.layoutOf(lab.planOf(sizes));
        const transfers = await lab.folderNamed('transfers');
        const first = layout.piece(1, piece);
        await lab.flip(transfers, 'changed', first.position);
        const last = layout.piece(7, 0);
        await lab.flip(transfers, 'changed', last.position + last.length - 1);
      },
      [SIZES, PIECE] as const,
    );
    expect(await reopened('changed')).toEqual({
      bytes: TOTAL,
      intact: ALL.filter((piece) => ![`1,${PIECE}`, '7,0'].includes(String(piece))),
    });
  });

  test('does not recall a piece whose hash has changed or is zero', async () => {
    await leaveWhole('unhashed');
    await page.evaluate(async (sizes) => {
      const layout = lab.layoutOf(lab.planOf(sizes));
      const transfers = await lab.folderNamed('transfers');
      await lab.flip(transfers, 'unhashed', layout.piece(1, 0).hashPosition + 31);
      await lab.edit(transfers, 'unhashed', (stream) =>
        stream.write({ type: 'write', position: layout.piece(3, 0).hashPosition, data: new Uint8Array(32) }),
      );
    }, SIZES);
    expect((await reopened('unhashed')).intact).toEqual(ALL.filter((piece) => !['1,0', '3,0'].includes(String(piece))));
  });

  test('says that a file is gone when it is too short or not there', async () => {
    await leaveWhole('short');
    await page.evaluate(async () => {
      const transfers = await lab.folderNamed('transfers');
      await lab.edit(transfers, 'short', (stream, { size }) => stream.truncate(size - 1));
    });
    expect(await reopenCode('short')).toBe('gone');
    await page.evaluate(async () => (await lab.folderNamed('transfers')).removeEntry('short'));
    expect(await reopenCode('short')).toBe('gone');
    expect(await page.evaluate(async () => lab.pathsIn(await lab.folderNamed('transfers')))).not.toContain('short');
  });

  test('says that another tab has the file, and leaves it alone', async () => {
    const other = await disk.page();
    await other.evaluate(async (sizes) => {
      const plan = lab.planOf(sizes);
      lab.kept.sink = await lab.OpfsSink.open(plan, 'held');
      await lab.fill(lab.kept.sink, lab.contentsOf(plan));
    }, SIZES);
    expect(await reopenCode('held')).toBe('open-elsewhere');
    const intact = await other.evaluate(async () => {
      const { sink } = lab.kept;
      return sink === undefined ? [] : (await lab.recallAll(sink)).intact;
    });
    expect(intact).toEqual(ALL);
    await other.close();
  });

  test('ends recalling when it is closed', async () => {
    const steps = await page.evaluate(async () => {
      const plan = lab.planOf([100 * 1024 * 1024]);
      const sink = await lab.OpfsSink.open(plan, 'closing');
      const bytes: number[] = [];
      for await (const step of sink.recall()) {
        bytes.push(step.bytes);
        await sink.close();
      }
      await sink.discard();
      return bytes;
    });
    expect(steps).toHaveLength(1);
  });
});

describe('the folder sink', () => {
  test('recalls finished entries, and does not write them again', async () => {
    const sizes = [3_500_000, 10, 0, 1_800_000, 0];
    const storage = await inCrashingPage(async (sizes) => {
      const plan = lab.planOf(sizes);
      const folder = await lab.folderNamed('crashed-folder');
      const sink = await lab.FolderSink.open(plan, folder);
      await lab.writeEntries(sink, plan, [1, 3, 5]);
      await lab.writeSome(sink, plan, [[7, 0]]);
      return sink.storage?.fileName ?? '';
    }, sizes);
    const found = await page.evaluate(
      async ([sizes, fileName]) => {
        const plan = lab.planOf(sizes);
        const folder = await lab.folderNamed('crashed-folder');
        const before = await lab.pathsIn(folder);
        const sink = await lab.FolderSink.reopen(plan, { kind: 'folder', folder, fileName });
        const recalled = await lab.recallAll(sink);
        for (const entry of [1, 3, 5]) await sink.finish(entry);
        const afterFinish = await lab.pathsIn(folder);
        await lab.writeEntries(sink, plan, [7, 9]);
        await sink.close();
        const contents = lab.contentsOf(plan);
        const isSame = async (path: string, entry: number): Promise<boolean> =>
          (await lab.sha256(await lab.readPath(folder, path))) ===
          (await lab.sha256(contents.get(entry) ?? new Uint8Array()));
        return {
          recalled,
          wroteNothing: before.join() === afterFinish.join(),
          paths: await lab.pathsIn(folder),
          same: [await isSame('file-0.bin', 1), await isSame('file-1.bin', 3), await isSame('file-3 (2).bin', 7)],
        };
      },
      [sizes, storage] as const,
    );
    expect(found.recalled).toEqual({
      bytes: 3_500_000 + 10 + 1_800_000,
      intact: [
        [1, 0],
        [1, PIECE],
        [1, 2 * PIECE],
        [1, 3 * PIECE],
        [3, 0],
      ],
    });
    expect(found.wroteNothing).toBe(true);
    // The empty one is what the crash has left of the unfinished entry.
    expect(found.paths).toEqual([
      'file-0.bin',
      'file-1.bin',
      'file-2.bin',
      'file-3 (2).bin',
      'file-3.bin',
      'file-4.bin',
    ]);
    expect(found.same).toEqual([true, true, true]);
  });

  test('does not recall what was changed, deleted or has grown, and fetches it again beside it', async () => {
    const found = await page.evaluate(async () => {
      const plan = lab.planOf([1_800_000, 20, 30, 40, 0, 0], ['a', 'b', 'c', 'sub/d', 'e', 'f']);
      const folder = await lab.folderNamed('changed-folder');
      const first = await lab.FolderSink.open(plan, folder);
      await lab.fill(first, lab.contentsOf(plan));
      await first.close();
      await lab.flip(folder, 'a', 1_999_999);
      await folder.removeEntry('b');
      for (const name of ['c', 'e']) {
        await lab.edit(folder, name, (stream, { size }) =>
          stream.write({ type: 'write', position: size, data: new Uint8Array([7]) }),
        );
      }
      await folder.removeEntry('f');
      const digests = async (): Promise<string[]> =>
        Promise.all(['a', 'c', 'sub/d', 'e'].map(async (path) => lab.sha256(await lab.readPath(folder, path))));
      const before = await digests();

      if (first.storage?.kind !== 'folder') throw new Error('no storage');
      const storage = { kind: 'folder', folder, fileName: first.storage.fileName } as const;
      const second = await lab.FolderSink.reopen(plan, storage);
      const { intact } = await lab.recallAll(second);
      await lab.writeEntries(second, plan, [1, 3, 5, 9, 11]);
      await second.close();
      const isUntouched = before.join() === (await digests()).join();

      const third = await lab.FolderSink.reopen(plan, storage);
      const again = await lab.recallAll(third);
      await third.discard();
      return { intact, isUntouched, again: again.intact, paths: await lab.pathsIn(folder) };
    });
    expect(found.intact).toEqual([[7, 0]]);
    expect(found.isUntouched).toBe(true);
    expect(found.paths).toEqual(['a', 'a (2)', 'b', 'c', 'c (2)', 'e', 'e (2)', 'f', 'sub/d']);
    expect(found.again).toEqual([
      [1, 0],
      [1, PIECE],
      [3, 0],
      [5, 0],
      [7, 0],
    ]);
  });

  test('writes again what it finished itself and no longer finds', async () => {
    const found = await page.evaluate(async () => {
      const plan = lab.planOf([10, 1_800_000, 0, 20]);
      const folder = await lab.folderNamed('lost-folder');
      const sink = await lab.FolderSink.open(plan, folder);
      await lab.fill(sink, lab.contentsOf(plan));
      for (const name of ['file-0.bin', 'file-1.bin', 'file-2.bin']) await folder.removeEntry(name);
      const { intact } = await lab.recallAll(sink);
      await lab.writeEntries(sink, plan, [1, 3, 5]);
      const again = await lab.recallAll(sink);
      await sink.discard();
      return { intact, again: again.intact.length, paths: await lab.pathsIn(folder) };
    });
    expect(found).toEqual({
      intact: [[7, 0]],
      again: 4,
      paths: ['file-0.bin', 'file-1.bin', 'file-2.bin', 'file-3.bin'],
    });
  });

  test('recalls an entry that got another name because its own was taken', async () => {
    const found = await page.evaluate(async () => {
      const plan = lab.planOf([10, 20, 0], ['a.txt', 'sub/b.tar.gz', 'e']);
      const folder = await lab.folderNamed('numbered-folder');
      for (const name of ['first', 'second']) {
        const sink = await lab.FolderSink.open(plan, folder);
        await lab.fill(sink, lab.contentsOf(plan));
        await sink.close();
        if (name === 'first') continue;
        if (sink.storage?.kind !== 'folder') throw new Error('no storage');
        // Only what the second wrote is left.
        await folder.removeEntry('a.txt');
        await (await folder.getDirectoryHandle('sub')).removeEntry('b.tar.gz');
        const again = await lab.FolderSink.reopen(plan, sink.storage);
        const { intact } = await lab.recallAll(again);
        for (const { index } of plan.entries) await again.finish(index);
        await again.discard();
        return { intact, paths: await lab.pathsIn(folder) };
      }
      return null;
    });
    expect(found).toEqual({
      intact: [
        [1, 0],
        [3, 0],
      ],
      paths: ['a (2).txt', 'e', 'e (2)', 'sub/b.tar (2).gz'],
    });
  });

  test('says that it is gone when its journal is, and that another tab has it', async () => {
    const other = await disk.page();
    const fileName = await other.evaluate(async () => {
      const sink = await lab.FolderSink.open(lab.planOf([10]), await lab.folderNamed('held-folder'));
      lab.kept.sink = sink;
      return sink.storage?.fileName ?? '';
    });
    const reopenCode = (): Promise<string> =>
      page.evaluate(async (fileName) => {
        const folder = await lab.folderNamed('held-folder');
        return lab.codeOf(() => lab.FolderSink.reopen(lab.planOf([10]), { kind: 'folder', folder, fileName }));
      }, fileName);
    expect(await reopenCode()).toBe('open-elsewhere');
    await other.evaluate(() => lab.kept.sink?.discard());
    expect(await reopenCode()).toBe('gone');
    await other.close();
  });

  test('keeps its journal when another tab sweeps', async () => {
    const other = await disk.page();
    await other.evaluate(async () => {
      const plan = lab.planOf([10]);
      const sink = await lab.FolderSink.open(plan, await lab.folderNamed('swept-folder'));
      await lab.fill(sink, lab.contentsOf(plan));
      // Leaves the journal's file closed, as long as nothing more is finished.
      await lab.recallAll(sink);
      lab.kept = { sink, plan };
    });
    await page.evaluate(() => new lab.DiskSinks(() => Promise.resolve(new Set())).swept);
    const intact = await other.evaluate(async () => {
      const { sink, plan } = lab.kept;
      if (sink?.storage?.kind !== 'folder' || plan === undefined) throw new Error('nothing is kept');
      await sink.close();
      const again = await lab.FolderSink.reopen(plan, sink.storage);
      return (await lab.recallAll(again)).intact;
    });
    expect(intact).toEqual([[1, 0]]);
    await other.close();
  });

  test('does without a journal where there is no room for it', async () => {
    const cdp = await disk.device.cdp(page);
    await cdp.send('Storage.overrideQuotaForOrigin', { origin: disk.origin, quotaSize: 100 * PIECE });
    const found = await page.evaluate(async () => {
      // Four million hashes are 128 MiB.
      const plan = lab.planOf([10, 4 * 1024 ** 4]);
      const folder = await lab.folderNamed('full-folder');
      const sink = await lab.FolderSink.open(plan, folder);
      await lab.writeEntries(sink, lab.planOf([10]), [1]);
      const { intact } = await lab.recallAll(sink);
      await sink.close();
      return { storage: sink.storage, intact, paths: await lab.pathsIn(folder) };
    });
    await cdp.send('Storage.overrideQuotaForOrigin', { origin: disk.origin });
    expect(found).toEqual({ storage: null, intact: [], paths: ['file-0.bin'] });
  });

  test('an entry that is in place stays when its journal can take no more', async () => {
    const broken = await disk.page();
    const found = await broken.evaluate(async () => {
      const plan = lab.planOf([10, 1_800_000, 0]);
      const folder = await lab.folderNamed('unnoted-folder');
      const sink = await lab.FolderSink.open(plan, folder);
      Worker.prototype.postMessage = () => {
        throw new Error('full');
      };
      const code = await lab.codeOf(() => lab.fill(sink, lab.contentsOf(plan)));
      await sink.discard();
      return { code, paths: await lab.pathsIn(folder) };
    });
    expect(found).toEqual({ code: 'none', paths: ['file-0.bin', 'file-1.bin', 'file-2.bin'] });
    await broken.close();
  });
});

describe('forgetting', () => {
  test('deletes the file in the origin private file system, and the zip made of it', async () => {
    const found = await page.evaluate(async () => {
      const plan = lab.planOf([10, 20]);
      const sinks = new lab.DiskSinks(() => Promise.resolve(new Set()));
      await sinks.swept;
      const sink = await sinks.open(plan, null);
      if (sink.storage === null) throw new Error('no storage');
      await lab.fill(sink, lab.contentsOf(plan));
      Object.defineProperty(navigator.serviceWorker, 'controller', { value: null, configurable: true });
      await sink.save([1, 3], 'zip');
      await sink.close();
      Reflect.deleteProperty(navigator.serviceWorker, 'controller');
      const transfers = await lab.folderNamed('transfers');
      const before = await lab.pathsIn(transfers);
      await sinks.forget(sink.storage);
      const { storage } = sink;
      const code = await lab.codeOf(() => sinks.reopen(plan, storage));
      return { before: before.length, after: await lab.pathsIn(transfers), code };
    });
    expect(found).toEqual({ before: 2, after: [], code: 'gone' });
  });

  test('deletes the journal of a folder, and leaves its files', async () => {
    const found = await page.evaluate(async () => {
      const plan = lab.planOf([10, 20]);
      const sinks = new lab.DiskSinks(() => Promise.resolve(new Set()));
      await sinks.swept;
      const folder = await lab.folderNamed('forgotten-folder');
      const sink = await sinks.open(plan, folder);
      if (sink.storage === null) throw new Error('no storage');
      await lab.fill(sink, lab.contentsOf(plan));
      await sink.close();
      await sinks.forget(sink.storage);
      const { storage } = sink;
      const code = await lab.codeOf(() => sinks.reopen(plan, storage));
      const transfers = await lab.pathsIn(await lab.folderNamed('transfers'));
      return { transfers, files: await lab.pathsIn(folder), code };
    });
    expect(found).toEqual({ transfers: [], files: ['file-0.bin', 'file-1.bin'], code: 'gone' });
  });
});

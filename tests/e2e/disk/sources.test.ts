/** What a person chooses and drops, from real files on a real disk. */
import { createHash, randomBytes } from 'node:crypto';
import { mkdir, rm, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { PIECE_BYTES } from '../../../src/core/limits.ts';
import { DiskLab } from './lab.ts';

let disk: DiskLab;
let page: Page;
let files: string;

beforeAll(async () => {
  disk = await DiskLab.start();
});
afterAll(() => disk.close());

beforeEach(async () => {
  page = await disk.page();
  files = join(disk.device.folder, 'files');
  await rm(files, { recursive: true, force: true });
  await mkdir(files);
  return () => page.close();
});

/** Drops real files on the page and keeps what is made of them. */
async function drop(paths: string[]): Promise<{ paths: string[]; sizes: number[]; unreadable: string[] }> {
  await page.evaluate(() => {
    lab.kept.drop = lab.nextDrop();
  });
  const box = await page.locator('#drop').boundingBox();
  const cdp = await disk.device.cdp(page);
  for (const type of ['dragEnter', 'dragOver', 'drop'] as const) {
    await cdp.send('Input.dispatchDragEvent', {
      type,
      x: (box?.x ?? 0) + 10,
      y: (box?.y ?? 0) + 10,
      data: { items: [], files: paths, dragOperationsMask: 1 },
    });
  }
  return page.evaluate(async () => {
    const picked = await lab.kept.drop;
    if (picked === undefined) throw new Error('nothing was dropped');
    lab.kept.picked = picked;
    return {
      paths: picked.entries.map(({ path }) => path),
      sizes: picked.entries.map(({ size }) => size),
      unreadable: [...picked.unreadable],
    };
  });
}

async function choose(selector: string, paths: string | string[]): Promise<string[]> {
  await page.locator(selector).setInputFiles(paths);
  return page.evaluate((selector) => {
    const picked = lab.pickFiles(document.querySelector<HTMLInputElement>(selector)?.files ?? []);
    lab.kept.picked = picked;
    return picked.entries.map(({ path }) => path);
  }, selector);
}

/** The code that reading a part of the first entry ends with, or `none`. */
function read(offset: number, length: number): Promise<string> {
  return page.evaluate(
    ([offset, length]) =>
      lab.codeOf(async () => {
        await lab.kept.picked?.source.read(0, offset, length);
      }),
    [offset, length] as const,
  );
}

describe('what is dropped', () => {
  test('folders are walked, however full, and keep their tree', async () => {
    await mkdir(join(files, 'Ferien', 'Zürich', 'leer'), { recursive: true });
    const names = Array.from({ length: 250 }, (_, at) => `${at + 1}.jpg`);
    await Promise.all(names.map((name) => writeFile(join(files, 'Ferien', name), name)));
    await writeFile(join(files, 'Ferien', 'Zürich', '写真 🌞.txt'), 'x');
    await writeFile(join(files, 'alone.bin'), randomBytes(3));
    const dropped = await drop([join(files, 'Ferien'), join(files, 'alone.bin')]);
    expect(dropped.paths).toEqual(['alone.bin', ...names.map((name) => `Ferien/${name}`), 'Ferien/Zürich/写真 🌞.txt']);
    expect(dropped.sizes.slice(0, 2)).toEqual([3, 5]);
    expect(dropped.unreadable).toEqual([]);
  });

  test('the older interface of the other browsers gives the same', async () => {
    await mkdir(join(files, 'many'));
    const names = Array.from({ length: 250 }, (_, at) => `${at + 1}.jpg`);
    await Promise.all(names.map((name) => writeFile(join(files, 'many', name), name)));
    await page.evaluate(() => Reflect.deleteProperty(DataTransferItem.prototype, 'getAsFileSystemHandle'));
    const dropped = await drop([join(files, 'many')]);
    expect(dropped.paths).toEqual(names.map((name) => `many/${name}`));
    expect(await read(0, 5)).toBe('none');
  });

  test('an aborted walk ends with the reason of its signal', async () => {
    const reason = await page.evaluate(async () => {
      const transfer = new DataTransfer();
      transfer.items.add(new File(['x'], 'x'));
      return lab.codeOf(() => lab.pickDrop(transfer, AbortSignal.abort('enough')));
    });
    expect(reason).toBe('enough');
  });

  test('a file that changes between two reads is told from one that is gone', async () => {
    const path = join(files, 'changing');
    await writeFile(path, randomBytes(100_000));
    await drop([path]);
    expect(await read(0, 100_000)).toBe('none');
    await writeFile(path, randomBytes(100_000));
    await utimes(path, new Date(), new Date(Date.UTC(2001, 1, 1)));
    expect(await read(0, 100_000)).toBe('source-changed');
    await rm(path);
    expect(await read(0, 100_000)).toBe('source-gone');
  });
});

describe('what is chosen', () => {
  test('files, and a folder with its tree', async () => {
    await mkdir(join(files, 'tree', 'below'), { recursive: true });
    await writeFile(join(files, 'tree', 'a'), 'a');
    await writeFile(join(files, 'tree', 'below', 'b'), 'bb');
    expect(await choose('#files', [join(files, 'tree', 'a'), join(files, 'tree', 'below', 'b')])).toEqual(['a', 'b']);
    expect((await choose('#folder', join(files, 'tree'))).sort()).toEqual(['tree/a', 'tree/below/b']);
  });

  test('a file that changed or vanished fails with its reason', async () => {
    const path = join(files, 'changing');
    const states: Record<string, () => Promise<void>> = {
      none: () => Promise.resolve(),
      'source-changed': () => writeFile(path, randomBytes(10)),
      'source-gone': () => rm(path),
    };
    for (const [code, change] of Object.entries(states)) {
      await writeFile(path, randomBytes(100_000));
      await choose('#files', path);
      await change();
      expect(await read(50_000, 50_000)).toBe(code);
    }
  });

  test('more than a share may hold is refused', async () => {
    const codes = await page.evaluate(async () => {
      const file = new File(['x'], 'x');
      const deep = new File(['x'], 'n'.repeat(4_097));
      return [
        await lab.codeOf(() => Promise.resolve().then(() => lab.pickFiles(new Array<File>(100_001).fill(file)))),
        await lab.codeOf(() => Promise.resolve().then(() => lab.pickFiles([deep]))),
        String(lab.pickFiles(['text', null, file]).entries.length),
      ];
    });
    expect(codes).toEqual(['too-many-entries', 'name-too-long', '1']);
  });
});

describe('reading', () => {
  const PIECES = 20;

  beforeEach(async () => {
    const path = join(files, 'large.bin');
    const bytes = randomBytes(PIECES * PIECE_BYTES);
    await writeFile(path, bytes);
    await choose('#files', path);
    hashes = Array.from({ length: PIECES }, (_, piece) =>
      createHash('sha256')
        .update(bytes.subarray(piece * PIECE_BYTES, (piece + 1) * PIECE_BYTES))
        .digest('hex'),
    );
  });

  let hashes: string[];

  test('at more places at once than streams are kept gives each what is there', async () => {
    const read = await page.evaluate(
      async ([pieces, length]) => {
        const source = lab.kept.picked?.source;
        if (source === undefined) throw new Error('nothing was chosen');
        const readAll = async (from: number): Promise<string[]> => {
          const found: string[] = [];
          const loading = Array.from({ length: pieces - from }, (_, at) =>
            source.read(0, (from + at) * length, length),
          );
          for (const bytes of loading) found.push(await lab.sha256(await bytes));
          return found;
        };
        return Promise.all(Array.from({ length: 12 }, (_, from) => readAll(from)));
      },
      [PIECES, PIECE_BYTES] as const,
    );
    expect(read).toEqual(Array.from({ length: 12 }, (_, from) => hashes.slice(from)));
  });

  test('ends, although the memory is swept while the last part is read', async () => {
    const cdp = await disk.device.cdp(page);
    await cdp.send('HeapProfiler.enable');
    const reading = page.evaluate(
      async ([pieces, length]) => {
        let read = 0;
        for (let turn = 0; turn < 10; turn++) {
          for (let piece = 0; piece < pieces; piece++) {
            read += (await lab.kept.picked?.source.read(0, piece * length, length))?.length ?? 0;
          }
        }
        return read;
      },
      [PIECES, PIECE_BYTES] as const,
    );
    const state = { isReading: true };
    void reading.finally(() => (state.isReading = false));
    while (state.isReading) await cdp.send('HeapProfiler.collectGarbage');
    expect(await reading).toBe(10 * PIECES * PIECE_BYTES);
  });
});

/** Saving to Downloads in real Chromium, with and without a service worker in control. */
import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import type { Download, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { contentsOf, numberOf, planOf } from '../../disk/sink.suite.ts';
import { DiskLab } from './lab.ts';
import { unzip } from './unzip.ts';

const PATHS = ['Ferien/Zürich/été 🌞.txt', 'Ferien/写真.jpg', 'Ferien/leer', "Ferien/it's (1) 100%.bin"];
const SIZES = [70_000, 2_500_000, 0, 1_048_577];

let disk: DiskLab;
beforeAll(async () => {
  disk = await DiskLab.start();
});
afterAll(() => disk.close());

const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');

/** Receives into a sink and lets the page save it. */
async function save(page: Page, kind: 'opfs' | 'memory', as: 'files' | 'zip'): Promise<string> {
  return page.evaluate(
    async ([kind, as, sizes, paths]) => {
      const plan = lab.planOf(sizes, paths);
      const sink = kind === 'opfs' ? await lab.OpfsSink.open(plan, crypto.randomUUID()) : new lab.MemorySink(plan);
      lab.kept.sink = sink;
      await lab.fill(sink, lab.contentsOf(plan));
      return lab.codeOf(() =>
        sink.save(
          plan.entries.map(({ index }) => index),
          as,
        ),
      );
    },
    [kind, as, SIZES, PATHS] as const,
  );
}

async function expectZip(download: Download): Promise<void> {
  expect(download.suggestedFilename()).toBe('Ferien.zip');
  const entries = await unzip(await download.path());
  const plan = planOf(SIZES, PATHS);
  const wanted = contentsOf(plan);
  expect(entries.map(({ name }) => name)).toEqual(PATHS);
  entries.forEach(({ bytes, mtime }, at) => {
    expect(sha256(bytes)).toBe(sha256(wanted.get(numberOf(at)) ?? new Uint8Array(1)));
    // A zip keeps local time in steps of two seconds.
    expect(Math.abs(mtime - (plan.entries[at]?.mtime ?? 0))).toBeLessThanOrEqual(2_000);
  });
}

for (const kind of ['opfs', 'memory'] as const) {
  describe(`from the ${kind} sink`, () => {
    test('a zip streams through the service worker', async () => {
      const page = await disk.controlledPage();
      const [download, code] = await Promise.all([page.waitForEvent('download'), save(page, kind, 'zip')]);
      expect(new URL(download.url()).pathname).toMatch(/^\/download\//);
      expect(code).toBe('none');
      await expectZip(download);
      await page.close();
    });

    test('a zip is made without a service worker', async () => {
      const page = await disk.page();
      await page.evaluate(() => {
        Object.defineProperty(navigator.serviceWorker, 'controller', { value: null });
      });
      const [download, code] = await Promise.all([page.waitForEvent('download'), save(page, kind, 'zip')]);
      expect(download.url()).toMatch(/^blob:/);
      expect(code).toBe('none');
      await expectZip(download);
      await page.close();
    });

    test('several files come one by one, under their own names', async () => {
      const page = await disk.page();
      const downloads: Download[] = [];
      const all = new Promise<void>((resolve) => {
        page.on('download', (download) => {
          if (downloads.push(download) === PATHS.length) resolve();
        });
      });
      expect(await save(page, kind, 'files')).toBe('none');
      await all;
      const plan = planOf(SIZES, PATHS);
      const wanted = contentsOf(plan);
      const got = await Promise.all(
        downloads.map(async (download) => [
          download.suggestedFilename(),
          sha256(await readFile(await download.path())),
        ]),
      );
      const names = ['été 🌞.txt', '写真.jpg', 'leer', "it's (1) 100%.bin"];
      expect(new Map(got as [string, string][])).toEqual(
        new Map(names.map((name, at) => [name, sha256(wanted.get(numberOf(at)) ?? new Uint8Array(1))])),
      );
      await page.close();
    });
  });
}

test('ten separate files all arrive, and more are refused', async () => {
  const page = await disk.page();
  let arrived = 0;
  const all = new Promise<void>((resolve) => {
    page.on('download', () => {
      if (++arrived === 10) resolve();
    });
  });
  const codes = await page.evaluate(async () => {
    const plan = lab.planOf(Array.from({ length: 11 }, () => 1_000));
    const sink = await lab.OpfsSink.open(plan, crypto.randomUUID());
    lab.kept.sink = sink;
    await lab.fill(sink, lab.contentsOf(plan));
    const entries = plan.entries.map(({ index }) => index);
    return [
      await lab.codeOf(() => sink.save(entries, 'files')),
      await lab.codeOf(() => sink.save(entries.slice(1), 'files')),
    ];
  });
  await all;
  expect(codes).toEqual(['internal', 'none']);
  await page.close();
});

test('a download that is cancelled says so, and can be saved again', async () => {
  const page = await disk.controlledPage();
  await page.evaluate(async () => {
    const plan = lab.planOf([60_000_000, 1]);
    const sink = await lab.OpfsSink.open(plan, crypto.randomUUID());
    lab.kept = { sink, plan };
    await Promise.all(plan.entries.map(({ index }) => sink.finish(index)));
  });
  const saving = (): Promise<string> =>
    page.evaluate(() => {
      const { sink, plan } = lab.kept;
      if (sink === undefined || plan === undefined) throw new Error('nothing is kept');
      return lab.codeOf(() =>
        sink.save(
          plan.entries.map(({ index }) => index),
          'zip',
        ),
      );
    });
  page.once('download', (download) => void download.cancel());
  expect(await saving()).toBe('save-stopped');
  const [download, code] = await Promise.all([page.waitForEvent('download'), saving()]);
  expect(code).toBe('none');
  expect(await download.failure()).toBeNull();
  await page.close();
});

/** The built service worker in real Chromium. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { DiskLab } from './lab.ts';

let disk: DiskLab;
beforeAll(async () => {
  disk = await DiskLab.start();
});
afterAll(() => disk.close());

test('leaves the API to the server, opens the page without one, and keeps no old download', async () => {
  const page = await disk.controlledPage();
  expect(await page.evaluate(async () => (await fetch('/api/anything')).json() as Promise<unknown>)).toEqual({
    served: 'by the server',
  });
  expect(await page.evaluate(async () => (await fetch('/download/unknown')).status)).toBe(410);

  await disk.stopServer();
  const offline = await disk.page();
  expect(await offline.title()).toBe('Disk under test');
  expect(await offline.evaluate(() => navigator.serviceWorker.controller?.state)).toBe('activated');
  expect(await offline.evaluate(() => lab.codeOf(() => fetch('/api/anything')))).toMatch(/Failed to fetch/);
});

import type { Page } from 'playwright-core';
import { expect } from 'vitest';
import { deferred } from '../../src/core/deferred.ts';
import { explain } from '../../src/core/errors.ts';
import { sha256OfFile } from './files.ts';
import { ReceiverScreen, underServiceWorker } from './pages.ts';
import { test } from './scene.ts';
import { startServer } from './server.ts';

/** What the browser shows of a page outside of it. */
function linksOf(page: Page): Promise<string[]> {
  return page
    .locator('link[rel~=icon],link[rel=apple-touch-icon],link[rel=manifest]')
    .evaluateAll((links) => links.map((link) => `${link.getAttribute('rel')} ${link.getAttribute('href')}`));
}

test('the page opens with the server stopped, and says what works without it', async ({ scene }) => {
  const server = await startServer();
  const device = await scene.device();
  try {
    await underServiceWorker(await device.open(`${server.url}/`));
  } finally {
    await server.stop();
  }
  device.expectComplaint(/ERR_CONNECTION_REFUSED/);

  const page = await device.open(`${server.url}/`);
  await page.getByRole('button', { name: 'Choose files', exact: true }).waitFor();
  const link = await device.open(`${server.url}/#${'A'.repeat(22)}`);
  await link.getByText('The Beeline server cannot be reached.').first().waitFor();
});

test('a page that is opened with a link dials before any of its files has come', async ({ scene }) => {
  const device = await scene.device();
  const page = await device.context.newPage();
  await page.route('**/assets/**', () => undefined);
  const dialed = page.waitForEvent('websocket');
  await page.goto(`${scene.baseUrl}/#${'A'.repeat(22)}`, { waitUntil: 'commit' });
  expect(new URL((await dialed).url()).host).toBe(new URL(scene.baseUrl).host);
  expect(await linksOf(page)).toEqual(['icon data:,']);
  await page.close();
});

test.for([
  ['far', 100, false, 1],
  ['near', 10, false, 0],
  ['far, and not asked', 100, true, 0],
] as const)('what a link needs is loaded while the page dials, if the server is far: %s', async (given, { scene }) => {
  const [, responseStart, isControlled, files] = given;
  const device = await scene.device();
  const page = await device.context.newPage();
  await page.addInitScript(
    ([timing, controller]) => {
      performance.getEntriesByType = () => [timing as PerformanceNavigationTiming];
      Object.defineProperty(navigator.serviceWorker, 'controller', { value: controller });
    },
    [{ requestStart: 0, responseStart }, isControlled ? {} : null] as const,
  );
  await page.route('**/assets/**', () => undefined);
  await page.goto(`${scene.baseUrl}/#${'A'.repeat(22)}`, { waitUntil: 'commit' });
  await page.locator('noscript').waitFor({ state: 'attached' });
  expect(await page.locator('link[rel=modulepreload][href*="/receive-"]').count()).toBe(files);
  await page.close();
});

test('a page that is opened with a link gets the icons and the manifest of the start page', async ({ scene }) => {
  const device = await scene.device();
  const home = await device.open(`${scene.baseUrl}/`);
  const links = await linksOf(home);
  expect(links).toHaveLength(3);
  const page = await device.open(`${scene.baseUrl}/#${'A'.repeat(22)}`);
  await page.locator('link[rel=manifest]').waitFor({ state: 'attached' });
  expect(await linksOf(page)).toEqual(links);
});

test('[C17] a page that is opened with a link makes its lane before all but its first file have come', async ({
  scene,
}) => {
  const file = await scene.file('a.bin', 1000);
  const sender = await scene.sender([file]);
  const device = await scene.device();
  const page = await device.context.newPage();
  const later = deferred();
  await page.route(/\/assets\/(?!main-)/u, async (route) => {
    await later.promise;
    await route.continue();
  });
  await page.goto(await sender.link(), { waitUntil: 'commit' });
  await sender.receivers.getByText('Looking at the list of files', { exact: true }).waitFor();
  later.resolve(undefined);
  expect(await sha256OfFile(await new ReceiverScreen(device, page).receiveOne())).toBe(file.sha256);
});

test('[C11] a page whose app does not come says so', async ({ scene }) => {
  const device = await scene.device();
  device.expectComplaint(/ERR_FAILED/);
  const page = await device.context.newPage();
  await page.route('**/assets/app-*.js', (route) => route.abort());
  for (const fragment of ['', `#${'A'.repeat(22)}`]) {
    await page.goto(`${scene.baseUrl}/${fragment}`);
    await page.getByRole('alert').getByText(explain('not-loaded').sentence).waitFor();
    await page.goto('about:blank');
  }
  await page.close();
});

test('Chromium finds nothing against installing it', async ({ scene }) => {
  const device = await scene.device();
  const page = await device.open(`${scene.baseUrl}/`);
  await underServiceWorker(page);
  const cdp = await device.cdp(page);

  const manifest = await cdp.send('Page.getAppManifest');
  const { installabilityErrors } = await cdp.send('Page.getInstallabilityErrors');

  expect(manifest.url).toMatch(/\.webmanifest$/);
  expect(manifest.errors).toEqual([]);
  expect(installabilityErrors).toEqual([]);
});

test('no page asks anything of another host', async ({ scene }) => {
  const device = await scene.device();
  const hosts = new Set<string>();
  device.context.on('request', (request) => hosts.add(new URL(request.url()).host));
  await underServiceWorker(await device.open(`${scene.baseUrl}/`));
  expect([...hosts]).toEqual([new URL(scene.baseUrl).host]);
});

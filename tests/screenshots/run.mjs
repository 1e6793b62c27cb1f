/**
 * Takes a picture of every scene of the gallery, phone and desktop, light and dark, into `out/`.
 * `npm run screenshots -- offered finished` takes only scenes whose names hold one of these words.
 */
import { mkdir } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { chromium } from 'playwright-core';
import { createServer } from 'vite';
import { ensureChromium } from '../chromium.mjs';

const out = fileURLToPath(new URL('out/', import.meta.url));
const configFile = fileURLToPath(new URL('../ui/vite.config.ts', import.meta.url));
const words = process.argv.slice(2);

const VIEWPORTS = { phone: { width: 390, height: 844 }, desktop: { width: 1280, height: 800 } };

const returned = (page) => page.getByRole('button', { name: 'Resume' }).nth(1).click();

const details = async (page) => {
  await page.getByText('Details', { exact: true }).click();
  await page.getByRole('textbox', { name: 'Technical report' }).waitFor();
};

/** What is done in a scene before its picture is taken. */
const ACTS = {
  'home-offline': (page) => page.context().setOffline(true),
  'home-drop': (page) =>
    page.evaluate(() => {
      const dataTransfer = new DataTransfer();
      dataTransfer.items.add(new File(['a'], 'a.txt'));
      window.dispatchEvent(new DragEvent('dragenter', { dataTransfer }));
    }),
  'home-empty-choice': (page) =>
    page.getByLabel('Files to send').setInputFiles({ name: 'a', mimeType: '', buffer: Buffer.from('a') }),
  'sharing-10000': (page) =>
    page.getByRole('group', { name: 'Files' }).evaluate((list) => list.scrollTo({ top: list.scrollHeight / 2 })),
  'connecting-details': (page) => details(page),
  'check-udp-blocked': (page) => details(page),
  returning: returned,
  'returning-missing': returned,
  'sharing-files': (page) => page.getByText('Files for Chrome on Android').click(),
  'transferring-cancel': (page) => page.getByRole('button', { name: /^Cancel .*mov$/ }).click(),
  'sharing-stop': (page) => page.getByRole('button', { name: 'Stop sharing' }).click(),
  leave: (page) => page.getByRole('link', { name: 'Beeline' }).click(),
};

const server = await createServer({ configFile, logLevel: 'error' });
await server.listen();
const base = server.resolvedUrls?.local[0] ?? '';
const browser = await chromium.launch({
  executablePath: ensureChromium(),
  args: ['--no-sandbox', '--disable-gpu', '--disable-background-networking'],
});
const problems = [];
try {
  await mkdir(out, { recursive: true });
  const names = await sceneNames();
  for (const [size, viewport] of Object.entries(VIEWPORTS)) {
    for (const colorScheme of ['light', 'dark']) {
      const context = await browser.newContext({ viewport, colorScheme, reducedMotion: 'reduce' });
      const page = await context.newPage();
      page.on('pageerror', (error) => problems.push(`${size} ${colorScheme}: ${error.message}`));
      for (const name of names) await picture(page, name, `${name}.${size}.${colorScheme}.png`);
      await context.close();
    }
  }
  console.log(`${names.length} scenes in ${out}`);
} finally {
  await browser.close();
  await server.close();
}
if (problems.length > 0) {
  console.error(problems.join('\n'));
  process.exitCode = 1;
}

async function sceneNames() {
  const page = await browser.newPage();
  await page.goto(`${base}gallery.html`);
  await page.getByRole('link').first().waitFor();
  const names = await page.getByRole('link').allTextContents();
  await page.close();
  return names.filter((name) => words.length === 0 || words.some((word) => name.includes(word)));
}

async function picture(page, name, file) {
  await page.goto(`${base}gallery.html?scene=${name}`);
  await page.getByRole('heading', { level: 1 }).waitFor();
  if (name.startsWith('sharing')) await page.getByRole('img', { name: 'QR code of the link' }).waitFor();
  await ACTS[name]?.(page);
  await page.getByRole('heading', { level: 1 }).waitFor();
  const { scrollWidth, clientWidth } = await page.evaluate(() => document.documentElement);
  if (scrollWidth > clientWidth) problems.push(`${file}: ${scrollWidth - clientWidth} px wider than the window`);
  const { width, height } = page.viewportSize();
  // As tall as the page, so that what sticks to the window's edge does not lie over its middle.
  const whole = await page.evaluate(() => document.documentElement.scrollHeight);
  if (!(await page.getByRole('dialog').isVisible())) await page.setViewportSize({ width, height: whole });
  await page.screenshot({ path: out + file });
  await page.setViewportSize({ width, height });
  await page.context().setOffline(false);
}

/**
 * Renders the PNG icons of static/ from static/icon.svg, in Chromium. Run after the drawing changes: node sw/icons.mjs
 */
import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { chromium } from 'playwright-core';
import { ensureChromium } from '../tests/chromium.mjs';

const at = (path) => fileURLToPath(new URL(`../static/${path}`, import.meta.url));

/**
 * Systems cut a maskable icon and an Apple one to their own shape, and may keep no more than the middle circle of 80 %
 * (W3C Web Application Manifest, "maskable"): those fill the square and draw smaller.
 */
const ICONS = [
  { file: 'icon-192.png', size: 192, masked: false },
  { file: 'icon-512.png', size: 512, masked: false },
  { file: 'icon-maskable-512.png', size: 512, masked: true },
  { file: 'apple-touch-icon.png', size: 180, masked: true },
];

const svg = await readFile(at('icon.svg'), 'utf8');
const browser = await chromium.launch({ executablePath: ensureChromium(), args: ['--no-sandbox', '--disable-gpu'] });
for (const { file, size, masked } of ICONS) {
  const page = await browser.newPage({ viewport: { width: size, height: size } });
  await page.setContent(`<style>body { margin: 0 } svg { display: block; width: 100vw }</style>${svg}`);
  if (masked) {
    await page.evaluate(() => {
      document.querySelector('#ground').setAttribute('rx', '0');
      document
        .querySelector('#flight')
        .setAttribute('transform', 'translate(256 256) scale(0.76) translate(-256 -256)');
    });
  }
  await page.screenshot({ path: at(file), omitBackground: true });
  await page.close();
}
await browser.close();

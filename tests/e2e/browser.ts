/** Real Chromium for tests and benches, each with a profile of its own on disk. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { chromium, type BrowserContext, type CDPSession, type Page } from 'playwright-core';
import { ensureChromium } from '../chromium.mjs';

const ARGS = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-background-networking',
  '--disable-quic',
  '--no-first-run',
  '--disable-component-update',
  '--disable-sync',
];

/**
 * One person's browser: a Chromium process with a profile folder on disk. A context without one keeps OPFS and large
 * Blobs in the browser's memory, which would test something else.
 */
export class Device {
  /** Errors that pages and workers printed or threw, and that no test expected. */
  readonly complaints: string[] = [];
  readonly #expected: RegExp[] = [];

  private constructor(
    readonly context: BrowserContext,
    readonly folder: string,
  ) {
    context.on('console', (message) => {
      if (message.type() === 'error') this.#complain(`console: ${message.text()} (${message.location().url})`);
    });
    context.on('weberror', (thrown) => this.#complain(`thrown: ${thrown.error().stack ?? thrown.error().message}`));
  }

  static async launch(extraArgs: readonly string[] = []): Promise<Device> {
    const folder = await mkdtemp(join(tmpdir(), 'beeline-browser-'));
    const context = await chromium.launchPersistentContext(join(folder, 'profile'), {
      executablePath: ensureChromium(),
      headless: true,
      args: [...ARGS, ...extraArgs],
      acceptDownloads: true,
      downloadsPath: join(folder, 'downloads'),
      viewport: { width: 1280, height: 900 },
      locale: 'en-US',
    });
    return new Device(context, folder);
  }

  /** From now on, an error that matches is part of the test. */
  expectComplaint(pattern: RegExp): void {
    this.#expected.push(pattern);
  }

  #complain(text: string): void {
    if (!this.#expected.some((pattern) => pattern.test(text))) this.complaints.push(text);
  }

  async open(url: string): Promise<Page> {
    const page = await this.context.newPage();
    await page.goto(url);
    return page;
  }

  cdp(page: Page): Promise<CDPSession> {
    return this.context.newCDPSession(page);
  }

  /** Ends the process and removes its profile. */
  async close(): Promise<void> {
    await this.context.close();
    await rm(this.folder, { recursive: true, force: true });
  }
}

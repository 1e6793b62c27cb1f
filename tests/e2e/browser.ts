/** Real Chromium for tests and benches, each with a profile of its own on disk. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { setTimeout } from 'node:timers/promises';
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
  /** Errors that pages and workers printed or threw, and crashes of pages, that no test expected. */
  readonly complaints: string[] = [];
  readonly #expected: RegExp[] = [];
  #context: BrowserContext;

  private constructor(
    context: BrowserContext,
    readonly folder: string,
    private readonly program: string,
    private readonly args: readonly string[],
  ) {
    this.#context = context;
    this.#listen();
  }

  /** @param program a Chromium, or what starts one. */
  static async launch(extraArgs: readonly string[] = [], program = ensureChromium()): Promise<Device> {
    const folder = await mkdtemp(join(tmpdir(), 'beeline-browser-'));
    const args = [...ARGS, ...extraArgs];
    return new Device(await launchContext(folder, program, args), folder, program, args);
  }

  /** Another one after `crash`. */
  get context(): BrowserContext {
    return this.#context;
  }

  /** From now on, an error that matches is part of the test. */
  expectComplaint(pattern: RegExp): void {
    this.#expected.push(pattern);
  }

  async open(url: string): Promise<Page> {
    const page = await this.context.newPage();
    await page.goto(url);
    return page;
  }

  /** What every open page shows, as a screen reader has it. */
  describe(): Promise<string> {
    const texts = this.context
      .pages()
      .map(async (page) => `${page.url()}\n${await page.locator('body').ariaSnapshot({ timeout: 5_000 })}`);
    return settled(texts);
  }

  cdp(page: Page): Promise<CDPSession> {
    return this.context.newCDPSession(page);
  }

  /** Stops the processes of all its pages for a time, as a system does to what is not looked at. */
  async freeze(ms: number): Promise<void> {
    const renderers = await this.#processes('renderer');
    for (const pid of renderers) process.kill(pid, 'SIGSTOP');
    try {
      await setTimeout(ms);
    } finally {
      for (const pid of renderers) process.kill(pid, 'SIGCONT');
    }
  }

  /** Kills all its processes at once, so that none can tidy up, and starts a new browser on the same profile. */
  async crash(): Promise<void> {
    const [browser] = await this.#processes('browser');
    if (browser === undefined) throw new Error('The browser does not name its own process.');
    const closed = this.context.waitForEvent('close');
    // Playwright starts each browser as the leader of a process group of its own.
    process.kill(-browser, 'SIGKILL');
    await closed;
    this.#context = await launchContext(this.folder, this.program, this.args);
    this.#listen();
  }

  /** Ends the process and removes its profile. */
  async close(): Promise<void> {
    await this.context.close();
    await rm(this.folder, { recursive: true, force: true });
  }

  #listen(): void {
    this.context.on('console', (message) => {
      if (message.type() === 'error') this.#complain(`console: ${message.text()} (${message.location().url})`);
    });
    this.context.on('weberror', (thrown) => {
      this.#complain(`thrown: ${thrown.error().stack ?? thrown.error().message}`);
    });
    this.context.on('page', (page) => page.on('crash', () => this.#complain(`crashed: ${page.url()}`)));
  }

  #complain(text: string): void {
    if (!this.#expected.some((pattern) => pattern.test(text))) this.complaints.push(text);
  }

  /** Ids of its processes of one type, as Chromium itself names them. */
  async #processes(type: 'browser' | 'renderer'): Promise<number[]> {
    const cdp = await this.context.browser()?.newBrowserCDPSession();
    if (cdp === undefined) throw new Error('The browser is gone.');
    const { processInfo } = await cdp.send('SystemInfo.getProcessInfo');
    await cdp.detach();
    return processInfo.filter((found) => found.type === type).map(({ id }) => id);
  }
}

/** The texts of those pages that can still tell. */
export async function settled(texts: readonly Promise<string>[]): Promise<string> {
  const told = await Promise.allSettled(texts);
  return told.map((text) => (text.status === 'fulfilled' ? text.value : '')).join('\n\n');
}

function launchContext(folder: string, program: string, args: readonly string[]): Promise<BrowserContext> {
  return chromium.launchPersistentContext(join(folder, 'profile'), {
    executablePath: program,
    headless: true,
    args: [...args],
    acceptDownloads: true,
    downloadsPath: join(folder, 'downloads'),
    viewport: { width: 1280, height: 900 },
    locale: 'en-US',
  });
}

/** Real Firefox for tests, driven by WebDriver BiDi, with the few steps of the screens that its tests take. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import puppeteer, { type Browser, type ElementHandle, type Page } from 'puppeteer-core';
import { ensureFirefox } from '../firefox.mjs';
import { settled } from './browser.ts';
import { TRANSFER_MS, type ReceiverScreen, type SenderScreen } from './pages.ts';

/** Milliseconds for a step that waits for no transfer; reached only when something is stuck. */
const STEP_MS = 60_000;

/** Of WebDriver BiDi, what Puppeteer has no words of its own for. */
interface Downloaded {
  readonly status: 'complete' | 'canceled';
  readonly filepath: string | null;
}
interface BidiBrowser {
  readonly connection: {
    send(method: 'session.subscribe', parameters: { readonly events: readonly string[] }): Promise<unknown>;
    on(event: 'browsingContext.downloadEnd', listener: (downloaded: Downloaded) => void): void;
  };
}

/** One person's Firefox, with a profile folder on disk. */
export class FirefoxDevice {
  /** Errors that pages printed or threw. */
  readonly complaints: string[] = [];
  readonly #browser: Browser;
  readonly #folder: string;
  readonly #initScripts: (() => void)[] = [];
  readonly #downloaded: Downloaded[] = [];
  #onDownload: (() => void) | null = null;

  private constructor(browser: Browser, folder: string) {
    this.#browser = browser;
    this.#folder = folder;
  }

  static async launch(): Promise<FirefoxDevice> {
    const folder = await mkdtemp(join(tmpdir(), 'beeline-firefox-'));
    const browser = await puppeteer.launch({
      timeout: STEP_MS,
      browser: 'firefox',
      executablePath: ensureFirefox(),
      headless: true,
      userDataDir: join(folder, 'profile'),
      defaultViewport: { width: 1280, height: 900 },
      extraPrefsFirefox: {
        // Where downloads go, and that nobody is asked.
        'browser.download.folderList': 2,
        'browser.download.dir': join(folder, 'downloads'),
        'browser.download.useDownloadDir': true,
        // The panel that opens with a download would take the keys meant for the page.
        'browser.download.alwaysOpenPanel': false,
      },
    });
    const device = new FirefoxDevice(browser, folder);
    await device.#listen();
    return device;
  }

  /** Runs in every page opened from now on, before its own scripts. */
  addInitScript(script: () => void): Promise<void> {
    this.#initScripts.push(script);
    return Promise.resolve();
  }

  async open(url: string): Promise<Page> {
    const page = await this.#browser.newPage();
    for (const script of this.#initScripts) await page.evaluateOnNewDocument(script);
    page.setDefaultTimeout(STEP_MS);
    page.on('console', (message) => {
      if (message.type() === 'error')
        this.complaints.push(`console: ${message.text()} (${message.location().url ?? ''})`);
    });
    page.on('pageerror', (thrown) => {
      const told = thrown instanceof Error ? (thrown.stack ?? thrown.message) : String(thrown);
      // What Firefox says of a lane whose other end was closed while it was being made, because its page was reloaded or the
      // transfer over; no code of the page threw it.
      if (!told.includes('WebRTC: ICE failed')) this.complaints.push(`thrown: ${told}`);
    });
    // Reloading in the middle of a transfer: the person who is asked says yes.
    page.on('dialog', (dialog) => void dialog.accept());
    await page.goto(url);
    return page;
  }

  /** Where the next `count` downloads are, by their names, once all are on disk. */
  async downloads(count: number): Promise<Map<string, string>> {
    while (this.#downloaded.length < count) {
      await new Promise<void>((resolve) => {
        this.#onDownload = resolve;
      });
    }
    const paths = this.#downloaded.splice(0, count).map(({ status, filepath }) => {
      if (status !== 'complete' || filepath === null) throw new Error(`A download ended as ${status}.`);
      return filepath;
    });
    return new Map(paths.map((path) => [basename(path), path]));
  }

  /** What every open page shows. */
  async describe(): Promise<string> {
    const texts = (await this.#browser.pages()).map(
      async (page) => `${page.url()}\n${await page.evaluate(() => document.body.innerText)}`,
    );
    return settled(texts);
  }

  /** Ends the process and removes its profile. */
  async close(): Promise<void> {
    await this.#browser.close();
    await rm(this.#folder, { recursive: true, force: true });
  }

  async #listen(): Promise<void> {
    const { connection } = this.#browser as unknown as BidiBrowser;
    connection.on('browsingContext.downloadEnd', (downloaded) => {
      this.#downloaded.push(downloaded);
      this.#onDownload?.();
    });
    await connection.send('session.subscribe', { events: ['browsingContext.downloadEnd'] });
  }
}

abstract class Screen {
  constructor(
    readonly device: FirefoxDevice,
    readonly page: Page,
  ) {}

  async fingerprint(): Promise<string> {
    const group = await this.page.locator('::-p-aria(Fingerprint[role="group"])').waitHandle();
    return (await group.evaluate(({ textContent }) => textContent)).replace(/\D/g, '');
  }
}

/** The steps of {@link SenderScreen} that tests of Firefox take. */
export class FirefoxSender
  extends Screen
  implements Pick<SenderScreen, 'chooseFiles' | 'fingerprint' | 'link' | 'verified'>
{
  static async open(device: FirefoxDevice, baseUrl: string): Promise<FirefoxSender> {
    return new FirefoxSender(device, await device.open(`${baseUrl}/`));
  }

  async chooseFiles(paths: readonly string[]): Promise<void> {
    // Firefox has no accessible name for what is hidden from sight.
    const input = await this.page.locator('input[aria-label="Files to send"]').waitHandle();
    await input.uploadFile(...paths);
  }

  async link(): Promise<string> {
    const box = await this.page.locator('::-p-aria(Link to share[role="textbox"])').waitHandle();
    return (box as ElementHandle<HTMLInputElement>).evaluate(({ value }) => value);
  }

  async verified(): Promise<void> {
    const receivers = '::-p-aria(Receivers[role="region"])';
    await this.page.locator(`${receivers} ::-p-text(Verified)`).setTimeout(TRANSFER_MS).wait();
  }
}

/** The steps of {@link ReceiverScreen} that tests of Firefox take. */
export class FirefoxReceiver
  extends Screen
  implements
    Pick<
      ReceiverScreen,
      'arrived' | 'fingerprint' | 'receive' | 'saveAsFiles' | 'saveAsZip' | 'savedOne' | 'shown' | 'verified'
    >
{
  static async open(device: FirefoxDevice, link: string): Promise<FirefoxReceiver> {
    return new FirefoxReceiver(device, await device.open(link));
  }

  receive(): Promise<void> {
    return this.#press('Receive');
  }

  async arrived(fraction: number): Promise<void> {
    await this.page.waitForFunction(
      (wanted) =>
        (document.querySelector<HTMLProgressElement>('progress[aria-label="Total progress"]')?.value ?? 0) > wanted,
      { timeout: TRANSFER_MS },
      fraction,
    );
  }

  async shown(): Promise<number> {
    return this.page.$eval('progress[aria-label="Total progress"]', (bar) => bar.value);
  }

  async verified(): Promise<void> {
    await this.page.locator('h1::-p-text(Received and verified)').setTimeout(TRANSFER_MS).wait();
  }

  async savedOne(): Promise<string> {
    await this.verified();
    return this.#kept();
  }

  async saveAsZip(): Promise<string> {
    await this.#press('Save as zip');
    return this.#kept();
  }

  async saveAsFiles(count: number): Promise<Map<string, string>> {
    await this.#press('Save as files');
    return this.device.downloads(count);
  }

  /**
   * Waits until it is enabled. By the keyboard: what moves on the screen meanwhile cannot take the button from under the
   * mouse.
   */
  async #press(button: string): Promise<void> {
    const buttons = this.page.locator(`::-p-aria(${button}[role="button"])`);
    const found = await buttons.filter((found) => !found.matches(':disabled')).waitHandle();
    await found.press('Enter');
  }

  async #kept(): Promise<string> {
    const [path = ''] = (await this.device.downloads(1)).values();
    return path;
  }
}

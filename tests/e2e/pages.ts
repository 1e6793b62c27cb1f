/** The screens as a person finds them: by role and accessible name. */
import { join } from 'node:path';
import type { Download, Locator, Page } from 'playwright-core';
import { explain, type ErrorCode } from '../../src/core/errors.ts';
import type { Device } from './browser.ts';

/** Milliseconds for a whole transfer on a slow machine; reached only when something is stuck. */
export const TRANSFER_MS = 480_000;

/** Waits until the page is served by the service worker, and so opens without a network from now on. */
export async function underServiceWorker(page: Page): Promise<void> {
  await page.evaluate(() => navigator.serviceWorker.ready);
  await page.waitForFunction(() => navigator.serviceWorker.controller !== null);
}

abstract class Screen {
  constructor(
    readonly device: Device,
    readonly page: Page,
  ) {}

  button(name: string): Locator {
    return this.page.getByRole('button', { name, exact: true });
  }

  heading(name: string | RegExp): Locator {
    return this.page.getByRole('heading', { name });
  }

  /** A line of the list of transfers. */
  transfer(name: string): Locator {
    return this.page.getByRole('listitem', { name, exact: true });
  }

  /** The sentence that explains a failure, wherever it stands. */
  failure(code: ErrorCode): Locator {
    return this.page.getByText(explain(code).sentence);
  }

  /** The button of the open dialog. */
  answer(name: string): Locator {
    return this.page
      .getByRole('dialog')
      .or(this.page.getByRole('alertdialog'))
      .getByRole('button', { name, exact: true });
  }

  /** Pauses in the very frame that shows more than this fraction, so that something is left on any machine. */
  async pauseAt(fraction: number): Promise<void> {
    await this.page.waitForFunction(
      (wanted) => {
        const whole = document.querySelector('progress')?.value ?? 0;
        const pause = [...document.querySelectorAll('button')].find(
          ({ textContent }) => textContent.trim() === 'Pause',
        );
        if (pause === undefined || whole <= wanted) return false;
        pause.click();
        return true;
      },
      fraction,
      { timeout: TRANSFER_MS },
    );
    await this.button('Resume').waitFor();
  }

  async fingerprint(): Promise<string> {
    const text = await this.page.getByLabel('Fingerprint', { exact: true }).textContent();
    return (text ?? '').replace(/\D/g, '');
  }

  async close(): Promise<void> {
    await this.page.close();
  }
}

export class SenderScreen extends Screen {
  static async open(device: Device, baseUrl: string): Promise<SenderScreen> {
    return new SenderScreen(device, await device.open(`${baseUrl}/`));
  }

  async chooseFiles(paths: readonly string[]): Promise<void> {
    await this.page.getByLabel('Files to send').setInputFiles([...paths]);
  }

  /** After a reload: chooses what the share had before. */
  async chooseAgain(paths: readonly string[]): Promise<void> {
    await this.page.getByLabel('The same files').setInputFiles([...paths]);
  }

  async chooseFolder(path: string): Promise<void> {
    await this.page.getByLabel('Folder to send').setInputFiles(path);
  }

  /** The link, once the screen shows one. */
  async link(): Promise<string> {
    const box = this.page.getByRole('textbox', { name: 'Link to share' });
    await box.waitFor();
    return box.inputValue();
  }

  get receivers(): Locator {
    return this.page
      .getByRole('list', { name: 'Receivers' })
      .or(this.page.getByRole('region', { name: 'Receivers' }))
      .first();
  }

  /** Waits until `count` receivers have everything they accepted. */
  async verified(count = 1): Promise<void> {
    await this.receivers
      .getByText('Verified', { exact: true })
      .nth(count - 1)
      .waitFor({ timeout: TRANSFER_MS });
  }
}

export class ReceiverScreen extends Screen {
  static async open(device: Device, link: string): Promise<ReceiverScreen> {
    return new ReceiverScreen(device, await device.open(link));
  }

  /** Accepts what is offered, into the browser's own storage. */
  async receive(): Promise<void> {
    await this.button('Receive').click();
  }

  /** The check box of an offered entry. */
  entry(path: string): Locator {
    return this.page.getByRole('checkbox', { name: path });
  }

  /** Waits until the first bytes are verified. */
  moving(): Promise<void> {
    return this.arrived(0);
  }

  /** Waits until more than this fraction is verified. */
  async arrived(fraction: number): Promise<void> {
    await this.page.waitForFunction(
      (wanted) =>
        (document.querySelector<HTMLProgressElement>('progress[aria-label="Total progress"]')?.value ?? 0) > wanted,
      fraction,
      { timeout: TRANSFER_MS },
    );
  }

  /** The fraction that the screen shows as verified. */
  shown(): Promise<number> {
    return this.page.getByLabel('Total progress').evaluate((bar: HTMLProgressElement) => bar.value);
  }

  /** Waits until everything accepted is verified or has failed, and something is verified. */
  async verified(): Promise<void> {
    await this.heading(/^Received and verified/).waitFor({ timeout: TRANSFER_MS });
  }

  /** Accepts a single file, which is saved by itself at the end; where it is then. */
  async receiveOne(): Promise<string> {
    const saved = this.savedOne();
    await this.receive();
    return saved;
  }

  /** Waits until a single file has been received, and saved by itself; where it is then. */
  async savedOne(): Promise<string> {
    const download = this.#download();
    await this.verified();
    return this.#kept(await download);
  }

  /** Saves a single file; where it is then. */
  async save(): Promise<string> {
    const download = this.#download();
    await this.button('Save').click();
    return this.#kept(await download);
  }

  /** Saves the received files as one zip; where it is then. */
  async saveAsZip(): Promise<string> {
    const download = this.#download();
    await this.button('Save as zip').click();
    return this.#kept(await download);
  }

  /** Saves the received files one by one; where they are then, by their suggested names. */
  async saveAsFiles(count: number): Promise<Map<string, string>> {
    const downloads: Download[] = [];
    const all = new Promise<void>((resolve) => {
      this.page.on('download', (download) => {
        if (downloads.push(download) === count) resolve();
      });
    });
    await this.button('Save as files').click();
    await all;
    const kept = await Promise.all(
      downloads.map(async (download) => [download.suggestedFilename(), await this.#kept(download)] as const),
    );
    return new Map(kept);
  }

  #download(): Promise<Download> {
    const download = this.page.waitForEvent('download', { timeout: TRANSFER_MS });
    // Nobody waits for it any more when what comes before it fails.
    download.catch(() => undefined);
    return download;
  }

  /** Waits for the end of a download, and gives it its own name in a folder of its own. */
  async #kept(download: Download): Promise<string> {
    const failure = await download.failure();
    if (failure !== null) throw new Error(`The download failed: ${failure}`);
    const path = join(this.device.folder, 'kept', crypto.randomUUID(), download.suggestedFilename());
    await download.saveAs(path);
    return path;
  }
}

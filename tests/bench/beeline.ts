/** One transfer through the real page, timed in the page. */
import { setTimeout } from 'node:timers/promises';
import type { Page } from 'playwright-core';
import type { Device } from '../e2e/browser.ts';
import { ReceiverScreen, SenderScreen } from '../e2e/pages.ts';

/** What is shared: paths of files, or of one folder. */
export type Shared = { readonly files: readonly string[] } | { readonly folder: string };

/** Milliseconds for which a person looks at the list before they accept it; what can be done before that, is ([A6]). */
const READ_MS = 1_000;

/** Milliseconds since 1970, by the clock that all pages of this machine share. */
export interface Span {
  readonly from: number;
  readonly to: number;
}

/** Both screens of a share that is offered and not yet accepted. */
export class Offer {
  private constructor(
    readonly sender: SenderScreen,
    readonly receiver: ReceiverScreen,
  ) {}

  static async make(from: Device, to: Device, baseUrl: string, shared: Shared): Promise<Offer> {
    const sender = await SenderScreen.open(from, baseUrl);
    if ('files' in shared) await sender.chooseFiles(shared.files);
    else await sender.chooseFolder(shared.folder);
    const receiver = await ReceiverScreen.open(to, await sender.link());
    await receiver.button('Receive').waitFor({ timeout: 120_000 });
    await setTimeout(READ_MS);
    return new Offer(sender, receiver);
  }

  /** From the click on Receive until the screen says that all is verified, which is after all is durable. */
  async receive(): Promise<Span> {
    const watch = await startStopwatch(this.receiver.page);
    await this.receiver.receive();
    return watch();
  }

  /** Lets the page save a single file, so that this does not run into the next measurement. */
  async receiveAndSave(): Promise<Span> {
    const saving = this.receiver.page.waitForEvent('download', { timeout: 0 });
    const span = await this.receive();
    const download = await saving;
    const failure = await download.failure();
    if (failure !== null) throw new Error(`The download failed: ${failure}`);
    await download.delete();
    return span;
  }

  async close(): Promise<void> {
    await Promise.all([this.sender.close(), this.receiver.close()]);
  }
}

/** Milliseconds of one fresh share of one file. */
export async function measureFile(from: Device, to: Device, baseUrl: string, path: string): Promise<number> {
  const offer = await Offer.make(from, to, baseUrl, { files: [path] });
  try {
    return lengthOf(await offer.receiveAndSave());
  } finally {
    await offer.close();
  }
}

/** Milliseconds of one fresh share of a folder, left unsaved. */
export async function measureFolder(from: Device, to: Device, baseUrl: string, folder: string): Promise<number> {
  const offer = await Offer.make(from, to, baseUrl, { folder });
  try {
    return lengthOf(await offer.receive());
  } finally {
    await offer.close();
  }
}

export function lengthOf({ from, to }: Span): number {
  return to - from;
}

/** Runs from the page's next click to the heading that says it is done; both are seen inside the page. */
async function startStopwatch(page: Page): Promise<() => Promise<Span>> {
  const watch = await page.evaluateHandle(() => {
    const isDone = () =>
      [...document.querySelectorAll('h1')].some((heading) => heading.textContent.startsWith('Received and verified'));
    const now = () => performance.timeOrigin + performance.now();
    const elapsed = new Promise<Span>((resolve) => {
      const start = () => {
        const from = now();
        const observer = new MutationObserver(() => {
          if (!isDone()) return;
          observer.disconnect();
          resolve({ from, to: now() });
        });
        observer.observe(document.body, { subtree: true, childList: true, characterData: true });
      };
      document.addEventListener('click', start, { capture: true, once: true });
    });
    return { elapsed };
  });
  return () => watch.evaluate(({ elapsed }) => elapsed);
}

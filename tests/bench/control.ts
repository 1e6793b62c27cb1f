/** How soon a pause or a cancel acts on the other side, while a transfer fills the path. */
import { setTimeout } from 'node:timers/promises';
import type { Page } from 'playwright-core';
import type { Device } from '../e2e/browser.ts';
import { Offer } from './beeline.ts';

/** Milliseconds for the path to be full again. */
const FILL_MS = 3_000;
/** Milliseconds of a pause. */
const PAUSE_MS = 1_000;

/** Milliseconds from the click on one side to the state shown on the other. */
export interface Acts {
  readonly pauseByReceiver: number;
  readonly pauseBySender: number;
  readonly cancelByReceiver: number;
  readonly cancelBySender: number;
}

/** Two fresh shares, one cancelled by each side. @param path of a file that is not all sent within 15 s. */
export async function measureActs(from: Device, to: Device, baseUrl: string, path: string): Promise<Acts> {
  const pauses = await duringTransfer(from, to, baseUrl, path, async (offer) => {
    const pauseByReceiver = await pauseByReceiverOf(offer);
    const pauseBySender = await pauseBySenderOf(offer);
    const { sender, receiver } = offer;
    await receiver.button('Cancel').click();
    const click = () => receiver.answer('Cancel transfer').click();
    const cancelByReceiver = await timed(receiver.page, click, sender.page, 'The receiver cancelled.');
    return { pauseByReceiver, pauseBySender, cancelByReceiver };
  });
  const cancelBySender = await duringTransfer(from, to, baseUrl, path, async ({ sender, receiver }) => {
    await sender.button('Cancel').click();
    const click = () => sender.answer('Cancel transfer').click();
    return timed(sender.page, click, receiver.page, 'The sender cancelled');
  });
  return { ...pauses, cancelBySender };
}

async function duringTransfer<Result>(
  from: Device,
  to: Device,
  baseUrl: string,
  path: string,
  act: (offer: Offer) => Promise<Result>,
): Promise<Result> {
  const offer = await Offer.make(from, to, baseUrl, { files: [path] });
  try {
    await offer.receiver.receive();
    await offer.receiver.moving();
    await setTimeout(FILL_MS);
    return await act(offer);
  } finally {
    await offer.close();
  }
}

async function pauseByReceiverOf({ sender, receiver }: Offer): Promise<number> {
  const click = () => receiver.button('Pause').click();
  const ms = await timed(receiver.page, click, sender.page, 'Paused by the receiver');
  await setTimeout(PAUSE_MS);
  await receiver.button('Resume').click();
  await sender.receivers.getByText('Receiving', { exact: true }).waitFor();
  await setTimeout(FILL_MS);
  return ms;
}

async function pauseBySenderOf({ sender, receiver }: Offer): Promise<number> {
  const click = () => sender.button('Pause').click();
  const ms = await timed(sender.page, click, receiver.page, 'Paused by the sender');
  await setTimeout(PAUSE_MS);
  await sender.button('Resume').click();
  await receiver.heading(/^Receiving/).waitFor();
  await setTimeout(FILL_MS);
  return ms;
}

/** Milliseconds from a click, seen inside its page, to a text shown on another page, seen inside that. */
async function timed(clicked: Page, click: () => Promise<void>, shown: Page, text: string): Promise<number> {
  const clickSeen = await clicked.evaluateHandle(() => ({
    at: new Promise<number>((resolve) => {
      const note = () => resolve(performance.timeOrigin + performance.now());
      document.addEventListener('click', note, { capture: true, once: true });
    }),
  }));
  const textSeen = await shown.evaluateHandle((text) => {
    const isThere = () => document.body.textContent.includes(text);
    if (isThere()) throw new Error(`"${text}" is shown already`);
    const at = new Promise<number>((resolve) => {
      const observer = new MutationObserver(() => {
        if (!isThere()) return;
        observer.disconnect();
        resolve(performance.timeOrigin + performance.now());
      });
      observer.observe(document.body, { subtree: true, childList: true, characterData: true });
    });
    return { at };
  }, text);
  await click();
  const [from, to] = [await clickSeen.evaluate(({ at }) => at), await textSeen.evaluate(({ at }) => at)];
  return Math.round(to - from);
}

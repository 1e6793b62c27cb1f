/** One file from one person to another, and the path that each page shows meanwhile. */
import type { Device } from '../e2e/browser.ts';
import { sha256OfFile, type TestFile } from '../e2e/files.ts';
import { ReceiverScreen, SenderScreen } from '../e2e/pages.ts';
import { pathsShown, record, settled } from './recording.ts';

export interface Sent {
  readonly isEqual: boolean;
  /** What each page showed, in order. */
  readonly shown: { readonly sender: readonly string[]; readonly receiver: readonly string[] };
  /** Milliseconds from the opened link to the offered list, and from the click to the end. */
  readonly connectMs: number;
  readonly receiveMs: number;
}

export async function send(from: Device, to: Device, baseUrl: string, file: TestFile): Promise<Sent> {
  for (const { context } of [from, to]) await record(context);
  const sender = await SenderScreen.open(from, baseUrl);
  await sender.chooseFiles([file.path]);
  const link = await sender.link();
  const opened = performance.now();
  const receiver = await ReceiverScreen.open(to, link);
  try {
    await receiver.button('Receive').waitFor({ timeout: 60_000 });
    const offered = performance.now();
    await Promise.all([settled(sender.page), settled(receiver.page)]);
    const clicked = performance.now();
    const path = await receiver.receiveOne();
    const ended = performance.now();
    await sender.verified();
    return {
      isEqual: (await sha256OfFile(path)) === file.sha256,
      shown: { sender: await pathsShown(sender.page), receiver: await pathsShown(receiver.page) },
      connectMs: offered - opened,
      receiveMs: ended - clicked,
    };
  } finally {
    await Promise.all([sender.close(), receiver.close()]);
  }
}

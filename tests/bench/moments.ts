/** When a page that opens a link gets where, noted inside the page. */
import { setTimeout } from 'node:timers/promises';
import type { Page } from 'playwright-core';
import type { Device } from '../e2e/browser.ts';
import { ReceiverScreen, SenderScreen, underServiceWorker } from '../e2e/pages.ts';

/** Milliseconds since the start of the navigation, each the first time; 0 for what did not happen. */
export interface Moments {
  /** The page opens a socket to the server. */
  readonly dialled: number;
  /** The server says OPEN. */
  readonly lineOpen: number;
  /** The offer is posted, or said over the socket. */
  readonly offer: number;
  readonly answer: number;
  /** The channel for bulk data is open. */
  readonly channelOpen: number;
  /** The list of files is shown, and accepted at once: no person is faster. */
  readonly accepted: number;
  /** The first byte of a file has come; or, on a page that receives none, the first message over its channel. */
  readonly firstByte: number;
}

export type Moment = keyof Moments;

/** What tables call them, in order. */
export const MOMENT_NAMES: readonly (readonly [name: string, moment: Moment])[] = [
  ['dialled', 'dialled'],
  ['line open', 'lineOpen'],
  ['offer sent', 'offer'],
  ['answer received', 'answer'],
  ['channel open', 'channelOpen'],
  ['list shown and accepted', 'accepted'],
  ['first byte', 'firstByte'],
];

/** Milliseconds from a link's making to its opening: its page still draws the QR code at first, and nobody is faster. */
const HANDED_ON_MS = 1_000;

interface Noted {
  readonly moments: Moments;
  /** Resolves at the first byte. */
  readonly arrived: Promise<void>;
}

/** To be called before the pages are opened. Accepts what they offer. */
export async function noteMoments(device: Device): Promise<void> {
  await device.context.addInitScript(() => {
    const moments = {
      dialled: 0,
      lineOpen: 0,
      offer: 0,
      answer: 0,
      channelOpen: 0,
      accepted: 0,
      firstByte: 0,
    };
    const note = (moment: keyof typeof moments): void => {
      moments[moment] ||= Math.round(performance.now());
    };
    const arrived = new Promise<void>((resolve) => addEventListener('first byte', () => resolve(), { once: true }));
    Object.assign(window, { moments, arrived });

    class NotedSocket extends WebSocket {
      constructor(url: string | URL, protocols?: string | string[]) {
        super(url, protocols);
        note('dialled');
        this.addEventListener('message', ({ data }: MessageEvent<unknown>) => {
          if (String(data).includes('"OPEN"')) note('lineOpen');
          if (String(data).includes('"ANSWER"')) note('answer');
        });
      }

      override send(data: string): void {
        if (data.includes('"OFFER"')) note('offer');
        super.send(data);
      }
    }
    window.WebSocket = NotedSocket;

    const real = window.fetch.bind(window);
    window.fetch = (input, init) => {
      if (input instanceof URL && input.pathname === '/peerjs/offer') note('offer');
      return real(input, init);
    };

    class NotedConnection extends RTCPeerConnection {
      override createDataChannel(label: string, options?: RTCDataChannelInit): RTCDataChannel {
        const channel = super.createDataChannel(label, options);
        if (label === 'bulk' || label === 'bare') {
          channel.addEventListener('open', () => note('channelOpen'));
          channel.addEventListener('message', () => {
            note('firstByte');
            dispatchEvent(new Event('first byte'));
          });
        }
        return channel;
      }
    }
    window.RTCPeerConnection = NotedConnection;

    const observer = new MutationObserver(() => {
      const buttons = [...document.querySelectorAll('button')];
      const receive = buttons.find(({ textContent }) => textContent.trim() === 'Receive');
      if (receive === undefined) return;
      observer.disconnect();
      note('accepted');
      receive.click();
    });
    observer.observe(document, { subtree: true, childList: true });
  });
}

export function momentsOf(page: Page): Promise<Moments> {
  return page.evaluate(() => (window as unknown as Noted).moments);
}

/** Leaves the page alone until then: looking for a button costs its main thread some 50 ms the first time. */
export function firstByte(page: Page): Promise<void> {
  return page.evaluate(() => (window as unknown as Noted).arrived);
}

/** One fresh share, opened by the receiver. */
export async function measureVisit(from: Device, to: Device, baseUrl: string, path: string): Promise<Moments> {
  const sender = await SenderScreen.open(from, baseUrl);
  try {
    await sender.chooseFiles([path]);
    const link = await sender.link();
    await setTimeout(HANDED_ON_MS);
    const receiver = await ReceiverScreen.open(to, link);
    try {
      await firstByte(receiver.page);
      await receiver.verified();
      await underServiceWorker(receiver.page);
      return await momentsOf(receiver.page);
    } finally {
      await receiver.close();
    }
  } finally {
    await sender.close();
  }
}

/** Lines to the signaling server, and what they need of the browser. In the page's first script. */
import type { Clock, Nudge, Random } from './core/ports.ts';
import { dialLine, type ReceiverLine } from './flow/receiver-line.ts';
import { PeerJsSignaling, type SaidType } from './net/signaling.ts';

export const clock: Clock = {
  now: () => performance.timeOrigin + performance.now(),
  after(ms, run) {
    const timer = setTimeout(run, ms);
    return () => clearTimeout(timer);
  },
};

export const nudge: Nudge = (run) => {
  const seen = (): void => {
    if (document.visibilityState === 'visible') run();
  };
  addEventListener('online', run);
  document.addEventListener('visibilitychange', seen);
  return () => {
    removeEventListener('online', run);
    document.removeEventListener('visibilitychange', seen);
  };
};

export const random: Random = {
  bytes: (length) => crypto.getRandomValues(new Uint8Array(length)),
  fraction: () => Math.random(),
};

/** The app's own address. */
export const home = new URL('./', location.href.replace(/#.*$/u, ''));

export const signaling = new PeerJsSignaling(home, { clock, random, nudge });

let ahead: ReceiverLine | null = null;

/**
 * Dials for the link that will be opened next. Resolves when the line has told of the first candidate: the offer is out
 * before, and the browser's sockets are open.
 */
export function dialAhead(): Promise<void> {
  return new Promise((resolve) => {
    const onsaid = (type: SaidType) => {
      if (type === 'CANDIDATE') resolve();
    };
    const telling = { connect: (id: string, token: string) => signaling.connect(id, token, onsaid) };
    ahead = dialLine({ random, signaling: telling });
  });
}

/** The line that was dialed ahead, or a new one. */
export function takeLine(): ReceiverLine {
  const line = ahead ?? dialLine({ random, signaling });
  ahead = null;
  return line;
}

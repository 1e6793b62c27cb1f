/** Lines to the signaling server, and what they need of the browser. In the page's first script. */
import { deferred } from './core/deferred.ts';
import type { Clock, Nudge } from './core/ports.ts';
import type { Dialed } from './dial.ts';
import { dialLine, type ReceiverLine } from './flow/receiver-line.ts';
import { home, random } from './home.ts';
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

export const signaling = new PeerJsSignaling(home, { clock, random, nudge });

/** A line, and the connection that was made beside it. */
interface Ahead {
  readonly line: ReceiverLine;
  readonly connection?: RTCPeerConnection | undefined;
}

let ahead: Ahead | null = null;

/** What a line that was taken over has said. */
interface Saying {
  readonly offer: Promise<unknown>;
  /** The browser's sockets are open by then. */
  readonly candidate: Promise<unknown>;
}

/** Takes over what the page has dialed, for the link that will be opened next. */
export function takeOver({ id, token, early, connection }: Dialed): Saying {
  const [offer, candidate] = [deferred(), deferred()];
  const onsaid = (type: SaidType) => {
    if (type === 'OFFER') offer.resolve(undefined);
    if (type === 'CANDIDATE') candidate.resolve(undefined);
  };
  ahead = { line: { id, signaling: signaling.connect(id, token, onsaid, early) }, connection };
  return { offer: offer.promise, candidate: candidate.promise };
}

/** What was dialed ahead, or a new line. */
export function takeLine(): Ahead {
  const taken = ahead ?? { line: dialLine({ random, signaling }) };
  ahead = null;
  return taken;
}

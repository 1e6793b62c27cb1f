/** Lines to the signaling server, lanes to other pages, and what they need of the browser. In the page's first script. */
import { arrived } from './arrived.ts';
import type { Clock, Nudge } from './core/ports.ts';
import { home, random } from './home.ts';
import { PeerLaneFactory } from './net/lanes.ts';
import { PeerJsSignaling } from './net/signaling.ts';

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

/** It also keeps a connection ready. */
export const lanes = new PeerLaneFactory(clock, () => arrived(import('./net/lane.ts')));

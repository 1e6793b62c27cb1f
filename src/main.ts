/**
 * The page's first script: small, so that it runs soon. A page that was opened with a link makes its offer and opens its
 * sockets before the app is shown: what then waits for the network leaves the processor to the app. Chromium asks a relay
 * over UDP 50 ms after it began to open a socket, for nothing if that takes longer, and again only 250 ms later.
 */
import './dial.ts';
import type { Dialed } from './dial.ts';
import { takeOver } from './line.ts';

/** Milliseconds for which the app waits: over a slow network it is to say soon that it is connecting. */
const APP_WAITS_MS = 500;

const loadApp = () => import('./app.ts');

/** What the offer needs is loaded and run before anything of the app. */
async function receiveFirst(dialed: Dialed): Promise<void> {
  const { offer, candidate } = takeOver(dialed);
  const { receiveAhead } = await import('./receive.ts');
  receiveAhead(location.hash.slice(1));
  await offer;
  loadApp().catch(() => undefined);
  await candidate;
}

/** The app asks for the same, and tells when it does not come. */
async function start(): Promise<void> {
  const { dialed } = globalThis;
  if (dialed !== undefined) {
    const begun = receiveFirst(dialed).catch(() => undefined);
    await Promise.race([begun, new Promise((resolve) => setTimeout(resolve, APP_WAITS_MS))]);
  }
  const { showApp } = await loadApp();
  showApp();
}

void start();

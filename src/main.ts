/**
 * The page's first script: small, so that it runs soon. A page that was opened with a link dials, makes its offer and opens
 * its sockets before the app is started: what then waits for the network leaves the processor to the app. Chromium asks a
 * relay over UDP 50 ms after it began to open a socket, for nothing if that takes longer, and again only 250 ms later.
 */
import { isFragment } from './core/link.ts';
import { dialAhead } from './line.ts';

/** Milliseconds for which the app waits: over a slow network it is to say soon that it is connecting. */
const APP_WAITS_MS = 500;

async function receiveFirst(fragment: string): Promise<void> {
  const gathering = dialAhead();
  const { receiveAhead } = await import('./receive.ts');
  receiveAhead(fragment);
  await gathering;
}

/** The app asks for the same, and tells when it does not come. */
async function startApp(): Promise<void> {
  const { hash } = location;
  if (isFragment(hash) && isSecureContext && 'RTCPeerConnection' in globalThis) {
    const begun = receiveFirst(hash.slice(1)).catch(() => undefined);
    await Promise.race([begun, new Promise((resolve) => setTimeout(resolve, APP_WAITS_MS))]);
  }
  await import('./app.ts');
}

void startApp();

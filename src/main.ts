/**
 * The page's first script: small, so that it runs soon. A page that was opened with a link goes on with its offer and opens its
 * sockets before the app is shown: what then waits for the network leaves the processor to the app. Chromium asks a relay
 * over UDP 50 ms after it began to open a socket, for nothing if that takes longer, and again only 250 ms later.
 */
import { type Ahead, begin, takeBegun } from './ahead.ts';
import { arrived } from './arrived.ts';
import { explain } from './core/errors.ts';
import { type Dialed, dialLink } from './dial.ts';
import { lanes } from './line.ts';

/** Milliseconds for which the app waits: over a slow network it is to say soon that it is connecting. */
const APP_WAITS_MS = 500;

/** Milliseconds for which icons and manifest wait: the list of files comes first, on a LAN. */
const UNDRESSED_MS = 1_000;

const loadApp = () => import('./app.ts');

/** Goes on with what was begun when there is time for it. The app may be sooner. Resolves in any case. */
async function receiveAfter(ahead: Ahead): Promise<void> {
  await ahead.idle;
  try {
    const { receiveAhead } = await arrived(import('./receive.ts'));
    receiveAhead();
  } catch {
    takeBegun()?.close();
  }
}

/** Resolves when the app may be shown. */
async function receiveFirst(dialed: Dialed): Promise<void> {
  const ahead = begin(dialed);
  // The list of files can be shown before there is a lane.
  lanes.loadAfter(receiveAfter(ahead));
  await Promise.all([ahead.offered, ahead.idle]);
  loadApp().catch(() => undefined);
  await ahead.candidate;
}

/** Says what the app would say, and makes room for it should it come yet. */
function tellNotLoaded(): () => void {
  const { sentence, next } = explain('not-loaded');
  const words = document.createElement('p');
  words.role = 'alert';
  words.textContent = `${sentence} ${next}`;
  document.body.append(words);
  return () => words.remove();
}

/** The app asks for what receives as well, and tells when that does not come. */
async function start(): Promise<void> {
  // The built page has done so itself.
  if (import.meta.env.DEV) dialLink();
  const { dialed } = globalThis;
  if (dialed != null) {
    setTimeout(dialed.dress, UNDRESSED_MS);
    const mayShow = receiveFirst(dialed).catch((error: unknown) => {
      console.warn('not dialed ahead:', error);
      dialed.early.socket.close();
      dialed.made.connection.close();
    });
    await Promise.race([mayShow, new Promise((resolve) => setTimeout(resolve, APP_WAITS_MS))]);
  }
  const app = loadApp();
  const makeRoom = await arrived(app).then(() => null, tellNotLoaded);
  const { showApp } = await app;
  makeRoom?.();
  showApp();
}

// Who looks at the page is told above.
start().catch((error: unknown) => console.warn('no app:', error));

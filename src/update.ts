import { Workbox } from 'workbox-window';

/**
 * Milliseconds from the start of the app to the service worker's, which on a first visit loads all of the app once more:
 * until then the network and the processor are the person's.
 */
const REGISTER_AFTER_MS = 3_000;

/**
 * Registers the service worker after a while, and reports when a newer version of the app waits to take over.
 *
 * @param onready gets the call that switches over: it reloads the page once the new version is in charge.
 */
export function watchUpdate(onready: (apply: () => void) => void): void {
  if (!('serviceWorker' in navigator) || import.meta.env.DEV) return;
  const workbox = new Workbox('/sw.js');
  workbox.addEventListener('waiting', () => {
    onready(() => {
      workbox.addEventListener('controlling', () => location.reload());
      workbox.messageSkipWaiting();
    });
  });
  // Without a service worker everything but working offline and zip streaming still works.
  const register = () => workbox.register().catch((error: unknown) => console.warn('no service worker:', error));
  setTimeout(() => void register(), REGISTER_AFTER_MS);
}

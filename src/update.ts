import { Workbox } from 'workbox-window';

/**
 * Milliseconds from the start of the app to the service worker's, which on a first visit loads all of the app once more:
 * until then the network and the processor are the person's.
 */
const REGISTER_AFTER_MS = 3_000;

const workbox = 'serviceWorker' in navigator && !import.meta.env.DEV ? new Workbox('/sw.js') : null;
let isRegistered = false;

/** Registers the service worker, if that has not begun. */
export function registerServiceWorker(): void {
  if (isRegistered) return;
  isRegistered = true;
  // Without one everything but working offline and zip streaming still works.
  workbox?.register().catch((error: unknown) => console.warn('no service worker:', error));
}

/**
 * Registers the service worker, on a first visit after a while, and reports when a newer version of the app waits to take
 * over.
 *
 * @param onready gets the call that switches over: it reloads the page once the new version is in charge.
 */
export function watchUpdate(onready: (apply: () => void) => void): void {
  workbox?.addEventListener('waiting', () => {
    onready(() => {
      workbox.addEventListener('controlling', () => location.reload());
      workbox.messageSkipWaiting();
    });
  });
  const isFirstVisit = workbox !== null && navigator.serviceWorker.controller === null;
  setTimeout(registerServiceWorker, isFirstVisit ? REGISTER_AFTER_MS : 0);
}

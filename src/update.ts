/** The service worker, and the newer version of the app that it may have found. */

/**
 * Milliseconds from the start of the app to the service worker's, which on a first visit loads all of the app once more
 * and on a later one asks for a newer version: until then the network and the processor are the person's.
 */
const REGISTER_AFTER_MS = 3_000;

let isRegistered = false;
let onready: (apply: () => void) => void = () => undefined;

/** Registers the service worker, if that has not begun. */
export function registerServiceWorker(): void {
  if (isRegistered || !('serviceWorker' in navigator) || import.meta.env.DEV) return;
  isRegistered = true;
  // Without one everything but working offline and zip streaming still works.
  register().catch((error: unknown) => {
    isRegistered = false;
    console.warn('no service worker:', error);
  });
}

/**
 * Registers the service worker after a while, and reports when a newer version of the app waits to take over.
 *
 * @param onupdate gets the call that switches over: it reloads the page once the new version is in charge.
 */
export function watchUpdate(onupdate: (apply: () => void) => void): void {
  onready = onupdate;
  setTimeout(registerServiceWorker, REGISTER_AFTER_MS);
}

async function register(): Promise<void> {
  const { Workbox } = await import('workbox-window');
  const workbox = new Workbox('/sw.js');
  workbox.addEventListener('waiting', () => {
    onready(() => {
      workbox.addEventListener('controlling', () => location.reload());
      workbox.messageSkipWaiting();
    });
  });
  await workbox.register();
}

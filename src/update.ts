import { Workbox } from 'workbox-window';

/**
 * Registers the service worker and reports when a newer version of the app waits to take over.
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
  workbox.register().catch((error: unknown) => console.warn('no service worker:', error));
}

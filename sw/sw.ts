/** The service worker: which request goes where. How each is answered is in the files beside this one. */
import { cleanupOutdatedCaches, getCacheKeyForURL, matchPrecache, precache } from 'workbox-precaching';
import type { PrecacheEntry } from 'workbox-precaching';
import { Downloads } from './download.ts';
import { route } from './routes.ts';

declare const self: ServiceWorkerGlobalScope & { readonly __WB_MANIFEST: PrecacheEntry[] };

const downloads = new Downloads({
  after: (ms, run) => {
    const timer = setTimeout(run, ms);
    return () => {
      clearTimeout(timer);
    };
  },
});

precache(self.__WB_MANIFEST);
cleanupOutdatedCaches();

self.addEventListener('activate', (event) => {
  event.waitUntil(self.clients.claim());
});

self.addEventListener('message', (event) => {
  const message: unknown = event.data;
  if (isSkipWaiting(message)) event.waitUntil(self.skipWaiting());
  else downloads.register(message, event.ports[0]);
});

self.addEventListener('fetch', (event) => {
  const to = route(event.request, self.location.origin, (url) => getCacheKeyForURL(url) !== undefined);
  switch (to.kind) {
    case 'download': {
      const { response, ended } = downloads.respond(to.id);
      event.waitUntil(ended);
      event.respondWith(response);
      return;
    }
    case 'precached':
      event.respondWith(fromPrecache(to.url, event.request));
      return;
    case 'network':
      return;
  }
});

/** The precache may have been evicted: then the network is asked. */
async function fromPrecache(url: string, request: Request): Promise<Response> {
  return (await matchPrecache(url)) ?? fetch(request);
}

function isSkipWaiting(message: unknown): boolean {
  return typeof message === 'object' && message !== null && 'type' in message && message.type === 'SKIP_WAITING';
}

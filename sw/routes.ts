import { DOWNLOAD_PATH } from '../src/core/download.ts';

/** What the service worker does with a request. */
export type Route =
  /** Answer with the stream that was registered under this id. */
  | { readonly kind: 'download'; readonly id: string }
  /** Answer with a precached file. */
  | { readonly kind: 'precached'; readonly url: string }
  /** Stay out of the way. */
  | { readonly kind: 'network' };

/** Belong to the server alone, even if a file of that name were ever precached. */
const SERVER_PATHS = /^\/(?:api\/|peerjs|healthz$|metrics$)/;

/** The app has one page; its links differ only in the fragment, and an installed app may add a query. */
const APP_PATHS = new Set(['/', '/index.html']);

const NETWORK: Route = { kind: 'network' };

/**
 * @param request of the fetch event; `mode` is `navigate` for a page or frame.
 * @param origin of the service worker.
 * @param isPrecached whether this absolute URL is in the precache.
 */
export function route(
  request: { readonly method: string; readonly mode: string; readonly url: string },
  origin: string,
  isPrecached: (url: string) => boolean,
): Route {
  const url = new URL(request.url);
  if (request.method !== 'GET' || url.origin !== origin || SERVER_PATHS.test(url.pathname)) return NETWORK;
  if (url.pathname.startsWith(DOWNLOAD_PATH)) {
    return { kind: 'download', id: url.pathname.slice(DOWNLOAD_PATH.length) };
  }
  const target = request.mode === 'navigate' && APP_PATHS.has(url.pathname) ? '/index.html' : url.pathname;
  const absolute = `${origin}${target}`;
  return isPrecached(absolute) ? { kind: 'precached', url: absolute } : NETWORK;
}

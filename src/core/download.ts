/**
 * What the page and the service worker say to each other to save a file by streaming it.
 *
 * The page posts `register` with a MessagePort, waits for `ready`, then points a hidden frame at the URL. The worker
 * answers that request with a stream that pulls: each `pull` on the port is answered by one chunk or by `end` or
 * `fail`. Pulling keeps memory flat, and its messages keep Firefox from stopping the worker.
 */

/** Where downloads live, below the worker's scope. The last part is a random id. */
export const DOWNLOAD_PATH = '/download/';

/** What an id looks like: 128 random bits. */
export const DOWNLOAD_ID = /^[\w-]{22}$/;

/** Milliseconds after which an announced download that no request asked for is forgotten. */
export const UNCLAIMED_MS = 60_000;

/** Milliseconds between the page's pings to the worker; browsers stop an idle worker after 30 s. */
export const PING_MS = 10_000;

/** Downloads one click may start: Chrome blocks or drops what comes after ten (PairDrop issue 340). */
export const MAX_SEPARATE_DOWNLOADS = 10;

export interface RegisterDownload {
  readonly kind: 'register';
  /** Random id, base64url. */
  readonly id: string;
  readonly name: string;
  readonly type: string;
  /** Bytes, or null when unknown. */
  readonly size: number | null;
}

/** Service worker to page, over the port. */
export type DownloadRequest = { readonly kind: 'ready' } | { readonly kind: 'pull' } | { readonly kind: 'cancel' };

/** Page to service worker, over the port. */
export type DownloadReply =
  | { readonly kind: 'chunk'; readonly bytes: Uint8Array<ArrayBuffer> }
  | { readonly kind: 'end' }
  | { readonly kind: 'fail' }
  /** Nothing yet: only keeps the worker alive. */
  | { readonly kind: 'ping' };

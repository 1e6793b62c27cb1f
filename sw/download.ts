import { DOWNLOAD_ID, UNCLAIMED_MS } from '../src/core/download.ts';
import type { DownloadReply, DownloadRequest, RegisterDownload } from '../src/core/download.ts';
import { contentDisposition, mediaType } from './headers.ts';

/** The part of a MessagePort that a download needs. */
export interface DownloadPort {
  onmessage: ((event: MessageEvent<unknown>) => void) | null;
  postMessage(message: DownloadRequest): void;
  close(): void;
}

export interface Timers {
  /** Runs once after `ms` milliseconds, unless the returned function is called first. */
  after(ms: number, run: () => void): () => void;
}

/** The answer to one request, and a promise that keeps the worker alive until its last byte. */
export interface DownloadResponse {
  readonly response: Response;
  readonly ended: Promise<void>;
}

interface Unclaimed {
  readonly download: RegisterDownload;
  readonly port: DownloadPort;
  readonly cancelTimer: () => void;
}

/** Downloads that a page has announced and whose request has not come yet. */
export class Downloads {
  readonly #unclaimed = new Map<string, Unclaimed>();
  readonly #timers: Timers;

  constructor(timers: Timers) {
    this.#timers = timers;
  }

  /** Takes a `register` message and says `ready` over its port; anything else is ignored, `ping` on purpose. */
  register(message: unknown, port: DownloadPort | undefined): void {
    if (port === undefined || !isRegister(message) || this.#unclaimed.has(message.id)) return;
    const { id } = message;
    const cancelTimer = this.#timers.after(UNCLAIMED_MS, () => {
      this.#unclaimed.delete(id);
      port.postMessage({ kind: 'cancel' });
      port.close();
    });
    this.#unclaimed.set(id, { download: message, port, cancelTimer });
    port.postMessage({ kind: 'ready' });
  }

  /**
   * Answers the one request of an id. A second one gets 410: some browsers ask again after the end, and the page has
   * no second copy of a stream.
   */
  respond(id: string): DownloadResponse {
    const claimed = this.#unclaimed.get(id);
    if (claimed === undefined) {
      const response = new Response('This download is over.', {
        status: 410,
        headers: { 'Cache-Control': 'no-store' },
      });
      return { response, ended: Promise.resolve() };
    }
    this.#unclaimed.delete(id);
    claimed.cancelTimer();
    const { stream, ended } = pullStream(claimed.port);
    return { response: new Response(stream, { headers: downloadHeaders(claimed.download) }), ended };
  }
}

/** Sandboxed and never sniffed: the bytes come from a stranger and are served from this origin. */
export function downloadHeaders({ name, type, size }: RegisterDownload): Headers {
  const headers = new Headers({
    'Content-Type': mediaType(type),
    'Content-Disposition': contentDisposition(name),
    'Content-Security-Policy': "default-src 'none'; sandbox",
    'X-Content-Type-Options': 'nosniff',
    'Cross-Origin-Resource-Policy': 'same-origin',
    'Referrer-Policy': 'no-referrer',
    'Cache-Control': 'no-store',
  });
  if (size !== null) headers.set('Content-Length', String(size));
  return headers;
}

/** A stream that asks the page for one chunk each time its reader wants one, so nothing piles up here. */
function pullStream(port: DownloadPort): { stream: ReadableStream<Uint8Array>; ended: Promise<void> } {
  let end = (): void => undefined;
  const ended = new Promise<void>((resolve) => {
    end = resolve;
  });
  const close = (): void => {
    port.onmessage = null;
    port.close();
    end();
  };
  const stream = new ReadableStream<Uint8Array>(
    {
      pull: (controller) =>
        new Promise((resolve) => {
          port.onmessage = ({ data }) => {
            const reply = data as DownloadReply;
            switch (reply.kind) {
              case 'chunk':
                controller.enqueue(reply.bytes);
                break;
              case 'end':
                controller.close();
                close();
                break;
              case 'fail':
                controller.error(new Error('the page gave up this download'));
                close();
                break;
              case 'ping':
                return;
            }
            resolve();
          };
          port.postMessage({ kind: 'pull' });
        }),
      cancel: () => {
        port.postMessage({ kind: 'cancel' });
        close();
      },
    },
    { highWaterMark: 1 },
  );
  return { stream, ended };
}

function isRegister(message: unknown): message is RegisterDownload {
  if (typeof message !== 'object' || message === null) return false;
  const { kind, id, name, type, size } = message as Partial<Record<keyof RegisterDownload, unknown>>;
  return (
    kind === 'register' &&
    typeof id === 'string' &&
    DOWNLOAD_ID.test(id) &&
    typeof name === 'string' &&
    typeof type === 'string' &&
    (size === null || (typeof size === 'number' && Number.isSafeInteger(size) && size >= 0))
  );
}

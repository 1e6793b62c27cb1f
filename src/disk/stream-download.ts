import type { Bytes } from '../core/bytes.ts';
import { toBase64url } from '../core/bytes.ts';
import { DOWNLOAD_PATH, PING_MS } from '../core/download.ts';
import type { DownloadReply, DownloadRequest, RegisterDownload } from '../core/download.ts';
import { BeelineError, asBeelineError } from '../core/errors.ts';

/** What a streamed download is called and how long it will be. */
export interface StreamedFile {
  readonly name: string;
  /** Media type. */
  readonly type: string;
  /** Bytes. */
  readonly size: number;
  readonly chunks: AsyncGenerator<Bytes, void>;
}

/**
 * Milliseconds a service worker may take to say `ready`. One that is starting takes some hundred; one that is older
 * than this page and knows no downloads never answers.
 */
const READY_MS = 5_000;

/** Resolves once the worker has taken the download; null when it does not answer. */
async function announce(worker: ServiceWorker, file: StreamedFile, id: string): Promise<MessagePort | null> {
  const { port1: port, port2: theirs } = new MessageChannel();
  const register: RegisterDownload = { kind: 'register', id, name: file.name, type: file.type, size: file.size };
  const ready = new Promise<boolean>((resolve) => {
    const timer = setTimeout(resolve, READY_MS, false);
    port.onmessage = () => {
      clearTimeout(timer);
      resolve(true);
    };
  });
  worker.postMessage(register, [theirs]);
  if (await ready) return port;
  port.close();
  return null;
}

/**
 * Saves a stream through the service worker: a hidden frame asks for it, and the browser makes a download of the
 * answer. Resolves when the worker has got the last byte.
 *
 * @returns false when the worker does not answer; nothing of the stream was read then.
 * @throws BeelineError `save-stopped` when the person or the browser ended the download; what the stream throws.
 */
export async function streamDownload(worker: ServiceWorker, file: StreamedFile): Promise<boolean> {
  const id = toBase64url(crypto.getRandomValues(new Uint8Array(16)));
  const port = await announce(worker, file, id);
  if (port === null) return false;
  const frame = document.createElement('iframe');
  frame.hidden = true;
  frame.src = DOWNLOAD_PATH + id;
  // A message to the worker itself counts as use of it; one over the port does not, and an idle worker is stopped.
  const pinging = setInterval(() => worker.postMessage({ kind: 'ping' }), PING_MS);
  try {
    const served = serve(port, file.chunks);
    document.body.append(frame);
    await served;
    return true;
  } finally {
    clearInterval(pinging);
    port.close();
    removeLater(frame);
  }
}

/** Answers each pull with one chunk until the stream ends. */
async function serve(port: MessagePort, chunks: AsyncGenerator<Bytes, void>): Promise<void> {
  const requests = new Requests(port);
  try {
    while ((await requests.next()).kind === 'pull') {
      const { done, value } = await chunks.next();
      if (done === true) {
        reply(port, { kind: 'end' });
        return;
      }
      reply(port, { kind: 'chunk', bytes: value }, [value.buffer]);
    }
    throw new BeelineError('save-stopped');
  } catch (thrown) {
    reply(port, { kind: 'fail' });
    throw asBeelineError(thrown, 'disk-failed');
  } finally {
    await chunks.return();
  }
}

function reply(port: MessagePort, message: DownloadReply, transfer: Transferable[] = []): void {
  port.postMessage(message, transfer);
}

/** The worker's requests in their order, each awaited by one `next`. */
class Requests {
  readonly #arrived: DownloadRequest[] = [];
  #wanted: ((request: DownloadRequest) => void) | null = null;

  constructor(port: MessagePort) {
    port.onmessage = ({ data }: MessageEvent<DownloadRequest>) => {
      this.#take(data);
    };
    // Where browsers tell that the other end is gone: a worker that was stopped pulls no more.
    port.addEventListener('close', () => {
      this.#take({ kind: 'cancel' });
    });
  }

  next(): Promise<DownloadRequest> {
    return new Promise((resolve) => {
      const arrived = this.#arrived.shift();
      if (arrived === undefined) this.#wanted = resolve;
      else resolve(arrived);
    });
  }

  #take(request: DownloadRequest): void {
    if (this.#wanted === null) this.#arrived.push(request);
    else this.#wanted(request);
    this.#wanted = null;
  }
}

/** The browser may still be reading the end of the answer: the frame goes when the next download or page comes. */
const finishedFrames = new Set<HTMLIFrameElement>();

function removeLater(frame: HTMLIFrameElement): void {
  for (const old of finishedFrames) old.remove();
  finishedFrames.clear();
  finishedFrames.add(frame);
}

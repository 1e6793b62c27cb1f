import type { Bytes } from '../core/bytes.ts';
import { MAX_SEPARATE_DOWNLOADS } from '../core/download.ts';
import { BeelineError, asBeelineError } from '../core/errors.ts';
import { streamDownload } from './stream-download.ts';
import { ZIP_TYPE, zipStream } from './zip.ts';
import type { Savable } from './zip.ts';

/** Makes a file of a zip where no service worker can stream it. @throws BeelineError `no-room` or another. */
export type Spill = (chunks: AsyncGenerator<Bytes, void>, size: number) => Promise<Blob>;

/**
 * Hands finished entries to the person's Downloads.
 *
 * - One file, or several as `files`: a link to a blob URL each. The bytes are on disk already, so the browser copies
 *   them by itself, and nothing of it depends on this page's script or on a service worker that may be stopped.
 *   It does not tell when it is done: the bytes must stay where they are until the sink is closed.
 * - `zip`: streamed through the service worker as the browser asks for it. Without one that controls this page (first
 *   visit, development, some private windows), the zip is written to a file first.
 */
export class Saver {
  readonly #spill: Spill;
  readonly #urls: string[] = [];

  constructor(spill: Spill) {
    this.#spill = spill;
  }

  /**
   * Resolves when the browser has taken over everything. Nothing may write to the files meanwhile.
   *
   * @throws BeelineError `save-stopped`, `no-room`, `disk-failed`; `internal` for more than
   * {@link MAX_SEPARATE_DOWNLOADS} as `files`.
   */
  async save(files: readonly Savable[], as: 'files' | 'zip'): Promise<void> {
    if (as === 'zip') await this.#saveZip(files);
    else await this.#saveFiles(files);
  }

  /** Frees the URLs. A download that has begun goes on. */
  close(): void {
    for (const url of this.#urls.splice(0)) URL.revokeObjectURL(url);
  }

  async #saveFiles(files: readonly Savable[]): Promise<void> {
    if (files.length > MAX_SEPARATE_DOWNLOADS) throw new BeelineError('internal', `${files.length} separate downloads`);
    for (const { path, blob } of files) {
      this.#click(blob, path.slice(path.lastIndexOf('/') + 1));
      await nextTask();
    }
  }

  async #saveZip(files: readonly Savable[]): Promise<void> {
    const name = zipName(files);
    const worker = controller();
    const { size, chunks } = await zipStream(files);
    if (worker !== null && (await streamDownload(worker, { name, type: ZIP_TYPE, size, chunks }))) return;
    try {
      this.#click(await this.#spill(chunks, size), name);
    } catch (thrown) {
      throw asBeelineError(thrown, 'disk-failed');
    }
  }

  #click(blob: Blob, name: string): void {
    const url = URL.createObjectURL(blob);
    this.#urls.push(url);
    const link = document.createElement('a');
    link.href = url;
    link.download = name;
    link.click();
  }
}

/** The name of the one folder everything is in, if there is one. */
export function zipName(files: readonly { readonly path: string }[]): string {
  const tops = new Set(files.map(({ path }) => path.slice(0, Math.max(path.indexOf('/'), 0))));
  const [top = ''] = tops;
  return tops.size === 1 && top !== '' ? `${top}.zip` : 'Beeline.zip';
}

function controller(): ServiceWorker | null {
  return 'serviceWorker' in navigator ? navigator.serviceWorker.controller : null;
}

/**
 * Each click starts its download in a task of its own: of several clicks in one task some browsers follow only the
 * last. Not a wait for the download to begin, which no browser announces.
 */
function nextTask(): Promise<void> {
  return new Promise((resolve) => {
    const { port1, port2 } = new MessageChannel();
    port1.onmessage = () => {
      port1.close();
      resolve();
    };
    port2.postMessage(null);
  });
}

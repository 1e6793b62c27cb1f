/** A page with nothing but the adapters of `src/disk`, built as the app is and served with its service worker. */
import { createReadStream } from 'node:fs';
import { mkdtemp, rm, stat } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { extname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Page } from 'playwright-core';
import { build } from 'vite';
import { precacheManifest } from '../../../sw/build.ts';
import { Device } from '../browser.ts';
import type {} from './page/page.ts';

const at = (path: string): string => fileURLToPath(new URL(path, import.meta.url));

const TYPES: Readonly<Record<string, string>> = { '.html': 'text/html; charset=utf-8', '.js': 'text/javascript' };

export class DiskLab {
  readonly device: Device;
  readonly origin: string;
  readonly #server: Server;
  readonly #folder: string;

  private constructor(device: Device, server: Server, folder: string) {
    this.device = device;
    this.#server = server;
    this.#folder = folder;
    this.origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  }

  static async start(): Promise<DiskLab> {
    const folder = await mkdtemp(join(tmpdir(), 'beeline-disk-'));
    const common = { configFile: false, logLevel: 'warn' } as const;
    await build({
      ...common,
      root: at('./page'),
      publicDir: false,
      worker: { format: 'es' },
      build: { outDir: folder, emptyOutDir: true, target: 'es2022', minify: false },
    });
    await build({
      ...common,
      publicDir: false,
      plugins: [precacheManifest(folder)],
      build: {
        outDir: folder,
        emptyOutDir: false,
        target: 'es2022',
        lib: { entry: at('../../../sw/sw.ts'), formats: ['iife'], name: 'sw', fileName: () => 'sw.js' },
      },
    });
    const server = await serve(folder);
    return new DiskLab(await Device.launch(), server, folder);
  }

  /** A new page, ready for use. */
  async page(): Promise<Page> {
    const page = await this.device.open(this.origin);
    await page.waitForFunction(() => 'lab' in globalThis);
    return page;
  }

  /** A new page that a service worker controls. */
  async controlledPage(): Promise<Page> {
    const page = await this.page();
    await page.evaluate(async () => {
      const controlled = new Promise((resolve) => {
        navigator.serviceWorker.addEventListener('controllerchange', resolve);
      });
      await navigator.serviceWorker.register('/sw.js');
      if (navigator.serviceWorker.controller === null) await controlled;
    });
    return page;
  }

  /** Ends a page as a crash of its process does: without a word. */
  async crash(page: Page): Promise<void> {
    const cdp = await this.device.cdp(page);
    const crashed = page.waitForEvent('crash');
    // Never answered: there is nobody left to answer.
    cdp.send('Page.crash').catch(() => undefined);
    await crashed;
  }

  /** Ends the server only: what works then works offline. */
  stopServer(): Promise<void> {
    this.#server.closeAllConnections();
    return new Promise((resolve) => this.#server.close(() => resolve()));
  }

  async close(): Promise<void> {
    await this.device.close();
    if (this.#server.listening) await this.stopServer();
    await rm(this.#folder, { recursive: true, force: true });
  }
}

/** Static files of a folder; `/api/` answers with JSON. */
async function serve(folder: string): Promise<Server> {
  const server = createServer((request, response) => {
    const { pathname } = new URL(request.url ?? '/', 'http://localhost');
    if (pathname.startsWith('/api/')) {
      response.setHeader('Content-Type', 'application/json').end('{"served":"by the server"}');
      return;
    }
    const path = join(folder, pathname === '/' ? 'index.html' : decodeURIComponent(pathname));
    stat(path).then(
      () => createReadStream(path).pipe(response.setHeader('Content-Type', TYPES[extname(path)] ?? 'text/plain')),
      () => response.writeHead(404).end(),
    );
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return server;
}

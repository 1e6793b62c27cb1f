import { createHash } from 'node:crypto';
import { readFileSync, readdirSync } from 'node:fs';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { extname, join, relative, sep } from 'node:path';
import { promisify } from 'node:util';
import { brotliCompress, gzip } from 'node:zlib';
import helmet from 'helmet';
import { isRead, pathOf } from './http.ts';

/** Answers a request for a file of the page, with 404 or 405 when it is for none. */
export type StaticFiles = (request: IncomingMessage, response: ServerResponse) => void;

type Encoding = 'identity' | 'gzip' | 'br';

interface File {
  readonly body: Buffer;
  readonly type: string;
  readonly etag: string;
  readonly compressible: boolean;
  /** Compressed once, when first asked for. */
  readonly compressed: Map<Encoding, Promise<Buffer>>;
}

const TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.json': 'application/json; charset=utf-8',
  '.webmanifest': 'application/manifest+json; charset=utf-8',
  '.svg': 'image/svg+xml; charset=utf-8',
  '.txt': 'text/plain; charset=utf-8',
  '.wasm': 'application/wasm',
  '.png': 'image/png',
  '.ico': 'image/x-icon',
  '.webp': 'image/webp',
};

/** Bytes below which compression saves no packet. */
const COMPRESS_FROM = 1_400;

const FEATURES = [
  'camera=(self)',
  'clipboard-read=(self)',
  'clipboard-write=(self)',
  'fullscreen=(self)',
  'screen-wake-lock=(self)',
  ...['accelerometer', 'browsing-topics', 'display-capture', 'geolocation', 'gyroscope', 'hid', 'magnetometer'],
  ...['microphone', 'midi', 'payment', 'serial', 'usb'],
].map((feature) => (feature.includes('=') ? feature : `${feature}=()`));

/**
 * Headers for every answer of the page's paths. `scripts` are hashes of what stands in the page itself. `connect-src 'self'` covers the WebSocket of the same host in Chromium 71,
 * Firefox 64 and Safari 16 on (WebKit r292266, w3c/webappsec-csp#7); older ones lack other things the page needs.
 * `frame-src 'self'` is for the hidden frame that starts a download; the service worker answers that frame with headers of its
 * own, so nothing from here may be framed. No HSTS and no upgrade of requests: the server also runs over plain http on a LAN and with
 * a certificate it made itself; a proxy with a real one adds them.
 */
const securityHeaders = (scripts: readonly string[]) =>
  helmet({
    contentSecurityPolicy: {
      useDefaults: false,
      directives: {
        defaultSrc: ["'none'"],
        scriptSrc: ["'self'", ...scripts],
        styleSrc: ["'self'"],
        imgSrc: ["'self'", 'data:', 'blob:'],
        connectSrc: ["'self'"],
        workerSrc: ["'self'"],
        manifestSrc: ["'self'"],
        frameSrc: ["'self'"],
        frameAncestors: ["'none'"],
        baseUri: ["'none'"],
        formAction: ["'self'"],
      },
    },
    strictTransportSecurity: false,
    xFrameOptions: { action: 'deny' },
    referrerPolicy: { policy: 'no-referrer' },
    crossOriginOpenerPolicy: { policy: 'same-origin' },
  });

/** What lets a page run the scripts that stand in it, and no others. Source: CSP Level 3, hash-source. */
function scriptHashes(html: string): string[] {
  return [...html.matchAll(/<script>(.*?)<\/script>/gs)].map(
    ([, text = '']) => `'sha256-${createHash('sha256').update(text).digest('base64')}'`,
  );
}

/**
 * Serves a built page from memory: the folder is read once, so that a build beside a running server neither mixes two versions
 * nor takes a file from under an answer. Paths are looked up, never joined, so none leads outside. Names under `/assets/` carry a
 * hash of their content and are cached for good; everything else is asked for anew.
 * @throws {Error} when the folder has no index.html.
 */
export function serveStatic(folder: string): StaticFiles {
  const files = readFolder(folder);
  const index = files.get('/index.html');
  if (!index) throw new Error(`There is no index.html in ${folder}.`);
  files.set('/', index);
  const headers = securityHeaders(scriptHashes(index.body.toString()));

  return (request, response) => {
    headers(request, response, () => {
      response.setHeader('permissions-policy', FEATURES.join(', '));
      if (isRead(request, response)) void answer(files, request, response);
    });
  };
}

async function answer(
  files: ReadonlyMap<string, File>,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const path = decode(pathOf(request));
  const file = files.get(path);
  if (!file) {
    response.writeHead(404, { 'content-type': 'text/plain; charset=utf-8', 'cache-control': 'no-store' });
    response.end(request.method === 'HEAD' ? undefined : 'There is nothing here.\n');
    return;
  }
  const encoding = file.compressible ? accepted(request) : 'identity';
  const etag = encoding === 'identity' ? `"${file.etag}"` : `"${file.etag}-${encoding}"`;
  response.setHeader('etag', etag);
  response.setHeader('cache-control', path.startsWith('/assets/') ? 'public, max-age=31536000, immutable' : 'no-cache');
  if (file.compressible) response.setHeader('vary', 'accept-encoding');
  const known = (request.headers['if-none-match'] ?? '').split(',').map((tag) => tag.trim().replace(/^W\//, ''));
  if (known.includes(etag)) {
    response.writeHead(304).end();
    return;
  }
  const body = await encoded(file, encoding);
  if (encoding !== 'identity') response.setHeader('content-encoding', encoding);
  response.writeHead(200, { 'content-type': file.type, 'content-length': body.length });
  response.end(request.method === 'HEAD' ? undefined : body);
}

function readFolder(folder: string): Map<string, File> {
  const files = new Map<string, File>();
  for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true })) {
    const path = join(entry.parentPath, entry.name);
    const url = `/${relative(folder, path).split(sep).join('/')}`;
    if (!entry.isFile() || url.includes('/.')) continue;
    const body = readFileSync(path);
    const type = TYPES[extname(entry.name)] ?? 'application/octet-stream';
    files.set(url, {
      body,
      type,
      etag: createHash('sha256').update(body).digest('base64url').slice(0, 22),
      compressible: /charset|wasm/.test(type) && body.length >= COMPRESS_FROM,
      compressed: new Map(),
    });
  }
  return files;
}

function accepted(request: IncomingMessage): Encoding {
  const header = request.headers['accept-encoding'];
  const names = (Array.isArray(header) ? header.join(',') : (header ?? ''))
    .split(',')
    .filter((item) => !/;\s*q=0(?:\.0*)?\s*$/.test(item))
    .map((item) => item.split(';')[0]?.trim().toLowerCase());
  return names.includes('br') ? 'br' : names.includes('gzip') ? 'gzip' : 'identity';
}

const compress = { br: promisify(brotliCompress), gzip: promisify(gzip) };

async function encoded(file: File, encoding: Encoding): Promise<Buffer> {
  if (encoding === 'identity') return file.body;
  const body = file.compressed.get(encoding) ?? compress[encoding](file.body);
  file.compressed.set(encoding, body);
  return body;
}

function decode(path: string): string {
  try {
    return decodeURIComponent(path);
  } catch {
    return path;
  }
}

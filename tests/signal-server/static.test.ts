import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { request } from 'node:http';
import type { IncomingMessage, OutgoingHttpHeaders } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { brotliDecompressSync, gunzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { serveStatic } from '../../signal-server/static.ts';
import { startOurs } from './targets.ts';
import type { Ours } from './targets.ts';

const script = `console.log(${JSON.stringify('x'.repeat(5000))})`;
const INLINE = 'document.title = location.hash';
/** Of it: printf %s ... | openssl dgst -sha256 -binary | base64 */
const INLINE_HASH = 'kX7IkAC2uH/wBbiWW6s3RmK3FeRAURb3NOAqm1UcY8o=';
const PAGE = `<!doctype html><script src="/assets/main-abc.js"></script><script>${INLINE}</script>`;
let folder: string;
let ours: Ours;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'beeline-static-'));
  const files: Record<string, string> = {
    'index.html': PAGE,
    'sw.js': 'self',
    'manifest.webmanifest': '{}',
    'assets/main-abc.js': script,
    'icon.png': 'png',
    '.hidden': 'secret',
  };
  mkdirSync(join(folder, 'assets'));
  for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text);
  ours = await startOurs({ files: serveStatic(folder) });
});

afterAll(async () => {
  await ours.stop();
  rmSync(folder, { recursive: true });
});

interface Answer {
  readonly status: number | undefined;
  readonly headers: IncomingMessage['headers'];
  readonly body: Buffer;
}

/** `fetch` would normalise the path, and hide the encoding. */
async function get(path: string, headers: OutgoingHttpHeaders = {}, method = 'GET'): Promise<Answer> {
  const response = await new Promise<IncomingMessage>((resolve, reject) => {
    request({ host: '127.0.0.1', port: ours.port, path, method, headers }, resolve).on('error', reject).end();
  });
  return { status: response.statusCode, headers: response.headers, body: await buffer(response) };
}

describe('static files', () => {
  it.each([
    ['/', 'no-cache', 'text/html; charset=utf-8'],
    ['/index.html', 'no-cache', 'text/html; charset=utf-8'],
    ['/sw.js', 'no-cache', 'text/javascript; charset=utf-8'],
    ['/manifest.webmanifest?v=1', 'no-cache', 'application/manifest+json; charset=utf-8'],
    ['/assets/main-abc.js', 'public, max-age=31536000, immutable', 'text/javascript; charset=utf-8'],
    ['/icon.png', 'no-cache', 'image/png'],
  ])('%s is cached as %s', async (path, cache, type) => {
    const { status, headers } = await get(path);
    expect([status, headers['cache-control'], headers['content-type']]).toEqual([200, cache, type]);
  });

  it('has strict headers on every answer, which allow only the script that stands in the page', async () => {
    for (const path of ['/', '/nowhere', '/assets/main-abc.js']) {
      const { headers } = await get(path);
      expect(headers['content-security-policy']).toBe(
        "default-src 'none';script-src 'self' " +
          `'sha256-${INLINE_HASH}';` +
          "style-src 'self';img-src 'self' data: blob:;connect-src 'self';worker-src 'self';" +
          "manifest-src 'self';frame-src 'self';frame-ancestors 'none';base-uri 'none';form-action 'self'",
      );
      expect(headers['referrer-policy']).toBe('no-referrer');
      expect(headers['x-content-type-options']).toBe('nosniff');
      expect(headers['x-frame-options']).toBe('DENY');
      expect(headers['cross-origin-opener-policy']).toBe('same-origin');
      expect(headers['permissions-policy']).toMatch(/^camera=\(self\), .*usb=\(\)$/);
      expect(headers).not.toHaveProperty('strict-transport-security');
      expect(headers).not.toHaveProperty('x-powered-by');
    }
  });

  it.each([
    '/nowhere',
    '/download/abc',
    '/../package.json',
    '/%2e%2e/package.json',
    '/.hidden',
    '/%',
    '//',
    '/assets',
    '/__proto__',
  ])('%s is 404', async (path) => {
    expect((await get(path)).status).toBe(404);
  });

  it.each(['POST', 'PUT', 'DELETE', 'OPTIONS'])('%s is 405', async (method) => {
    const { status, headers } = await get('/share', {}, method);
    expect([status, headers.allow]).toEqual([405, 'GET, HEAD']);
  });

  it('compresses for those who can read it', async () => {
    const br = await get('/assets/main-abc.js', { 'accept-encoding': 'gzip, deflate, br' });
    expect([br.headers['content-encoding'], brotliDecompressSync(br.body).toString()]).toEqual(['br', script]);
    const gzip = await get('/assets/main-abc.js', { 'accept-encoding': 'gzip, br;q=0' });
    expect([gzip.headers['content-encoding'], gunzipSync(gzip.body).toString()]).toEqual(['gzip', script]);
    const plain = await get('/assets/main-abc.js');
    expect([plain.headers['content-encoding'], plain.headers.vary, plain.body.toString()]).toEqual([
      undefined,
      'accept-encoding',
      script,
    ]);
  });

  it('answers HEAD and what is known already without a body', async () => {
    const head = await get('/', {}, 'HEAD');
    expect([head.status, head.headers['content-length'], head.body.length]).toEqual([200, String(PAGE.length), 0]);
    const known = await get('/', { 'if-none-match': `W/${head.headers.etag ?? ''}` });
    expect([known.status, known.body.length]).toEqual([304, 0]);
  });

  it('gives the whole file for a range, even a backward one', async () => {
    expect((await get('/', { range: 'bytes=9-2' })).status).toBe(200);
  });

  it('serves on when the folder is built anew beneath it', async () => {
    rmSync(join(folder, 'icon.png'));
    expect((await get('/icon.png')).body.toString()).toBe('png');
  });
});

describe('a folder without a page', () => {
  it('is refused', () => {
    expect(() => serveStatic(join(folder, 'assets'))).toThrow('index.html');
  });
});

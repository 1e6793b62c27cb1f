import { describe, expect, test } from 'vitest';
import { route } from '../../sw/routes.ts';

const ORIGIN = 'https://beeline.example';
const PRECACHED = new Set(['/index.html', '/assets/main-a1.js', '/healthz', '/api/ice']);

function to(path: string, { method = 'GET', mode = 'cors', origin = ORIGIN } = {}) {
  return route({ method, mode, url: origin + path }, ORIGIN, (url) => PRECACHED.has(url.slice(ORIGIN.length)));
}

describe('the service worker', () => {
  test.each(['/', '/?from=home', '/index.html'])('opens the app for %s from the precache', (path) => {
    expect(to(path, { mode: 'navigate' })).toEqual({ kind: 'precached', url: `${ORIGIN}/index.html` });
  });

  test('answers precached files, whatever their query', () => {
    expect(to('/assets/main-a1.js?v=1')).toEqual({ kind: 'precached', url: `${ORIGIN}/assets/main-a1.js` });
  });

  test.each(['/api/ice', '/api/anything', '/peerjs', '/peerjs/id', '/healthz', '/metrics'])(
    'never touches %s, even if it were precached',
    (path) => {
      expect(to(path)).toEqual({ kind: 'network' });
      expect(to(path, { mode: 'navigate' })).toEqual({ kind: 'network' });
    },
  );

  test('leaves other pages, methods and origins to the network', () => {
    expect(to('/unknown', { mode: 'navigate' })).toEqual({ kind: 'network' });
    expect(to('/', { method: 'POST', mode: 'navigate' })).toEqual({ kind: 'network' });
    expect(to('/', { mode: 'navigate', origin: 'https://other.example' })).toEqual({ kind: 'network' });
    expect(to('/download/abc', { origin: 'https://other.example' })).toEqual({ kind: 'network' });
  });

  test('takes every download, known or not', () => {
    expect(to('/download/abc', { mode: 'navigate' })).toEqual({ kind: 'download', id: 'abc' });
  });
});

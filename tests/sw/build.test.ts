import { gzipSync } from 'node:zlib';
import { expect, test } from 'vitest';
import { filesOf, firstLoadBytes, type PreloadFile } from '../../sw/build.ts';
import type { BundleFile } from '../../sw/build.ts';

function chunk(code: string, imports: string[] = [], isEntry = false, name = ''): BundleFile {
  return { type: 'chunk', code, imports, isEntry, name };
}

test('the first load is the entry and what it imports statically, each file once', () => {
  const size = (code: string): number => gzipSync(code).length;
  const bundle = {
    'main.js': chunk('main', ['a.js', 'b.js'], true),
    'a.js': chunk('aaaa', ['b.js', 'main.js']),
    'b.js': chunk('bb', ['https://elsewhere.example/c.js']),
    'lazy.js': chunk('lazy'.repeat(1000), ['a.js'], false, 'lazy'),
    'style.css': { type: 'asset' } as const,
  };
  const first = size('main') + size('aaaa') + size('bb');
  expect(firstLoadBytes(bundle, [])).toBe(first);
  expect(firstLoadBytes(bundle, ['lazy'])).toBe(first + size('lazy'.repeat(1000)));
});

test('what is preloaded is the app, what it imports statically, and their styles, each file once', () => {
  const file = (name: string, imports: string[] = [], styles: string[] = []): PreloadFile => ({
    type: 'chunk',
    name,
    imports,
    viteMetadata: { importedCss: new Set(styles) },
  });
  const bundle = {
    'main.js': file('main'),
    'app.js': file('app', ['main.js', 'shared.js'], ['app.css']),
    'shared.js': file('shared', ['main.js'], ['shared.css']),
    'later.js': file('later', ['app.js'], ['later.css']),
    'app.css': { type: 'asset' } as const,
  };
  expect(filesOf(bundle, ['app']).sort()).toEqual(['app.css', 'app.js', 'main.js', 'shared.css', 'shared.js']);
  expect(filesOf(bundle, ['later', 'app']).slice(0, 2)).toEqual(['later.js', 'app.js']);
  expect(filesOf(bundle, ['gone'])).toEqual([]);
});

import { gzipSync } from 'node:zlib';
import { expect, test } from 'vitest';
import { firstLoadBytes } from '../../sw/build.ts';
import type { BundleFile } from '../../sw/build.ts';

function chunk(code: string, imports: string[] = [], isEntry = false): BundleFile {
  return { type: 'chunk', code, imports, isEntry };
}

test('the first load is the entry and what it imports statically, each file once', () => {
  const size = (code: string): number => gzipSync(code).length;
  const bundle = {
    'main.js': chunk('main', ['a.js', 'b.js'], true),
    'a.js': chunk('aaaa', ['b.js', 'main.js']),
    'b.js': chunk('bb', ['https://elsewhere.example/c.js']),
    'lazy.js': chunk('lazy'.repeat(1000), ['a.js']),
    'style.css': { type: 'asset' } as const,
  };
  expect(firstLoadBytes(bundle)).toBe(size('main') + size('aaaa') + size('bb'));
});

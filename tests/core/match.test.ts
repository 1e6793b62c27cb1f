import { expect, it } from 'vitest';
import type { Entry } from '../../src/core/manifest.ts';
import { matchEntries } from '../../src/core/match.ts';

const entry = (path: string, size = 5, mtime = 7): Entry => ({ path, size, mtime, type: '' });

it('finds the same files in whatever order they were chosen', () => {
  const wanted = [entry('a'), entry('b/a'), entry('c')];
  expect(matchEntries(wanted, [entry('c'), entry('x'), entry('a'), entry('b/a')])).toEqual({
    found: [2, 3, 0],
    missing: [],
  });
});

it.each([
  ['size', entry('a', 6)],
  ['date', entry('a', 5, 8)],
  ['path', entry('A')],
])('a file of another %s is not the same', (_, other) => {
  expect(matchEntries([entry('a'), entry('b')], [other, entry('b')])).toEqual({ found: [null, 1], missing: [0] });
});

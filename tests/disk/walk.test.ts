import { describe, expect, test } from 'vitest';
import { MAX_ENTRIES } from '../../src/core/limits.ts';
import { Chosen } from '../../src/disk/chosen.ts';
import { readAll, walk } from '../../src/disk/walk.ts';
import type { Node } from '../../src/disk/walk.ts';

const file = (name: string, read = () => Promise.resolve(new File([name], name))): Node => ({
  kind: 'file',
  name,
  handle: null,
  read,
});
const folder = (name: string, ...nodes: Node[]): Node => ({ kind: 'folder', name, list: () => Promise.resolve(nodes) });
const gone = (): Promise<never> => Promise.reject(new DOMException('gone', 'NotFoundError'));

async function walked(...nodes: Node[]): Promise<Chosen> {
  const chosen = new Chosen();
  await walk(nodes, '', chosen, new AbortController().signal);
  return chosen;
}

describe('walking', () => {
  test('takes the files of a folder before its folders, each in the order a person expects', async () => {
    const chosen = await walked(
      folder('b', file('10'), file('9'), folder('a', file('x'))),
      folder('empty'),
      file('é'),
      file('f'),
      file('e'),
    );
    expect(chosen.files.map(({ path }) => path)).toEqual(['e', 'é', 'f', 'b/9', 'b/10', 'b/a/x']);
  });

  test('names what cannot be read, and goes on', async () => {
    const chosen = await walked(
      folder('a', file('good'), file('bad', gone)),
      { kind: 'folder', name: 'closed', list: gone },
      file('last'),
    );
    expect(chosen.files.map(({ path }) => path)).toEqual(['last', 'a/good']);
    expect(chosen.unreadable).toEqual(['a/bad', 'closed']);
  });

  test('ends at the limit, not at the end of the folder', async () => {
    const chosen = new Chosen();
    const one = new File([], 'one');
    for (let at = 0; at < MAX_ENTRIES - 10; at++) chosen.add({ path: 'one', file: one, again: null, handle: null });
    let read = 0;
    const many = Array.from({ length: 1_000 }, (_, at) =>
      file(String(at), () => {
        read++;
        return Promise.resolve(one);
      }),
    );
    const walking = walk([folder('many', ...many)], '', chosen, new AbortController().signal);
    await expect(walking).rejects.toMatchObject({ code: 'too-many-entries' });
    expect(read).toBeLessThan(100);
    await expect(walked(file('n'.repeat(4_097)))).rejects.toMatchObject({ code: 'name-too-long' });
  });

  test('ends when it is aborted', async () => {
    const controller = new AbortController();
    const slow = file('slow', () => {
      controller.abort('enough');
      return Promise.resolve(new File([], 'slow'));
    });
    const walking = walk([slow, folder('next', file('x'))], '', new Chosen(), controller.signal);
    await expect(walking).rejects.toBe('enough');
  });
});

test('a reader is asked until it has nothing more', async () => {
  const parts = [['a', 'b'], ['c'], []].map((names) => names.map((name) => ({ name }) as FileSystemEntry));
  const entries = await readAll({
    readEntries: (take) => {
      take(parts.shift() ?? []);
    },
  });
  expect(entries.map(({ name }) => name)).toEqual(['a', 'b', 'c']);
});

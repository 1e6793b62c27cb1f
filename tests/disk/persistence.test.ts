import { afterEach, describe, expect, test, vi } from 'vitest';
import { becomesPersistent, persistUnlessAsking } from '../../src/disk/persistence.ts';

afterEach(() => {
  vi.unstubAllGlobals();
});

const says = (state: string) => () => Promise.resolve({ state });
const knowsNone = () => Promise.reject(new TypeError('no such permission'));

/** A browser whose storage becomes persistent when it is asked. */
function browser({ persisted = false, query = says('prompt'), ...parts }: Record<string, unknown> = {}) {
  const persist = vi.fn(() => Promise.resolve(true));
  const storage = { persisted: () => Promise.resolve(persisted), persist };
  vi.stubGlobal('navigator', { storage, permissions: { query }, ...parts });
  return persist;
}

describe('storage is made persistent', () => {
  test.each([
    ['by Chromium, which decides by itself', { userAgentData: {} }, 1],
    ['by Safari, which does not know the permission', { query: knowsNone }, 1],
    ['not by Firefox, which would ask the person', {}, 0],
    ['not twice', { userAgentData: {}, persisted: true }, 0],
  ])('%s', async (_, parts, times) => {
    const persist = browser(parts);
    await persistUnlessAsking();
    expect(persist).toHaveBeenCalledTimes(times);
  });

  test('or the failure is told', async () => {
    browser({ query: () => Promise.reject(new DOMException('closed', 'InvalidStateError')) });
    await expect(persistUnlessAsking()).rejects.toMatchObject({ name: 'InvalidStateError' });
  });

  test('by every browser where there is no room otherwise, if it is not yet', async () => {
    const persist = browser();
    expect(await becomesPersistent()).toBe(true);
    expect(persist).toHaveBeenCalledTimes(1);
    browser({ persisted: true });
    expect(await becomesPersistent()).toBe(false);
  });
});

/** The database in real Chromium. */
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { DiskLab } from './lab.ts';

let disk: DiskLab;
let page: Page;

beforeAll(async () => {
  disk = await DiskLab.start();
  page = await disk.page();
});
afterAll(() => disk.close());

describe('the database', () => {
  test('keeps shares with their keys, receipts and settings over a reload', async () => {
    const writing = await disk.page();
    const kept = await writing.evaluate(async () => {
      const database = await lab.Database.open('reload');
      const keyPair = await crypto.subtle.generateKey({ name: 'ECDSA', namedCurve: 'P-256' }, false, [
        'sign',
        'verify',
      ]);
      const handle = await (await lab.newFolder()).getFileHandle('x', { create: true });
      const entries = [{ path: 'x', size: 0, mtime: 1, type: '' }];
      const share = { shareId: 'a', keyPair, token: 't', entries, handles: [handle], createdAt: 5 };
      const receipt = {
        shareId: 'b',
        fragment: 'f',
        entries: lab.planOf([5]).entries,
        fileName: 'b-1',
        haveMap: new Uint8Array([1, 2]),
        updatedAt: 6,
        state: 'receiving' as const,
      };
      return [
        await database.putShare(share),
        await database.putReceipt(receipt),
        await database.putSetting('dark', true),
      ];
    });
    expect(kept).toEqual(['kept', 'kept', 'kept']);
    await writing.reload();
    const found = await writing.evaluate(async () => {
      const database = await lab.Database.open('reload');
      const share = await database.share('a');
      const receipt = await database.receipt('b');
      if (share === null || receipt === null) throw new Error('not found');
      const data = new Uint8Array(3);
      const algorithm = { name: 'ECDSA', hash: 'SHA-256' };
      const signature = await crypto.subtle.sign(algorithm, share.keyPair.privateKey, data);
      const result = {
        verified: await crypto.subtle.verify(algorithm, share.keyPair.publicKey, signature, data),
        extractable: share.keyPair.privateKey.extractable,
        handle: share.handles?.[0]?.name,
        haveMap: [...receipt.haveMap],
        dark: await database.setting('dark'),
        missing: [await database.share('b'), await database.receipt('a'), await database.setting('light')],
        counts: [(await database.shares()).length, (await database.receipts()).length],
        deleted: [await database.deleteShare('a'), await database.deleteReceipt('b')],
      };
      return { ...result, left: [...(await database.shares()), ...(await database.receipts())] };
    });
    expect(found).toEqual({
      verified: true,
      extractable: false,
      handle: 'x',
      haveMap: [1, 2],
      dark: true,
      missing: [null, null, undefined],
      counts: [1, 1],
      deleted: ['kept', 'kept'],
      left: [],
    });
    await writing.close();
  });

  test('is brought from nothing to the present version', async () => {
    const made = await page.evaluate(async () => {
      (await lab.Database.open('migrated')).close();
      const request = indexedDB.open('migrated');
      await new Promise((resolve) => (request.onsuccess = resolve));
      const made = { version: request.result.version, stores: [...request.result.objectStoreNames] };
      request.result.close();
      return made;
    });
    expect(made).toEqual({ version: 1, stores: ['receipts', 'settings', 'shares'] });
  });

  test('lets a newer version in another tab take over, and answers no-storage from then on', async () => {
    const answers = await page.evaluate(async () => {
      const database = await lab.Database.open('newer');
      await database.putSetting('a', 1);
      const request = indexedDB.open('newer', 99);
      await new Promise((resolve) => (request.onsuccess = resolve));
      const after = [database.available, await database.putSetting('a', 2), await database.setting('a')];
      const reopened = await lab.Database.open('newer');
      request.result.close();
      return [...after, reopened.available, await reopened.putSetting('a', 3)];
    });
    expect(answers).toEqual([false, 'no-storage', undefined, false, 'no-storage']);
  });

  test('does not wait for an older tab that keeps it, and takes it when that lets go', async () => {
    const answers = await page.evaluate(async () => {
      const request = indexedDB.open('older', 1);
      await new Promise((resolve) => (request.onsuccess = resolve));
      const database = await lab.Database.open('older', 2);
      const whileHeld = database.available;
      request.result.close();
      const again = await lab.Database.open('older', 2);
      return [whileHeld, database.available, again.available];
    });
    expect(answers).toEqual([false, true, true]);
  });

  test('works without IndexedDB', async () => {
    const answers = await page.evaluate(async () => {
      // The method is inherited: deleting this one brings it back.
      Object.defineProperty(indexedDB, 'open', {
        configurable: true,
        value() {
          throw new DOMException('private window', 'SecurityError');
        },
      });
      const database = await lab.Database.open('none');
      Reflect.deleteProperty(indexedDB, 'open');
      return [
        database.available,
        await database.putSetting('a', 1),
        await database.shares(),
        await database.receipt('x'),
      ];
    });
    expect(answers).toEqual([false, 'no-storage', [], null]);
  });
});

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
  test('keeps shares with their keys, receipts and their marks, notes and settings over a reload', async () => {
    const writing = await disk.page();
    await writing.evaluate(async () => {
      const database = await lab.Database.open('reload');
      const pair = await crypto.subtle.generateKey({ name: 'ECDSA', namedCurve: 'P-256' }, false, ['sign', 'verify']);
      const publicKey = new Uint8Array(await crypto.subtle.exportKey('raw', pair.publicKey));
      const handle = await (await lab.newFolder()).getFileHandle('x', { create: true });
      const manifest = { shareId: 's', entries: [{ path: 'x', size: 0, mtime: 1, type: '' }], totalBytes: 0 };
      await database.keepShare({
        id: 'a',
        privateKey: pair.privateKey,
        publicKey,
        token: 't',
        manifest,
        handles: { roots: [handle], files: [handle] },
      });
      const secret = new Uint8Array([1, 2]);
      await database.keepReceipt({
        id: 'b',
        secret,
        manifest,
        accepted: [0],
        storage: { kind: 'opfs', fileName: 'f' },
      });
      await database.note({
        id: 'b',
        role: 'receiving',
        name: 'x',
        files: 1,
        totalBytes: 0,
        verifiedBytes: 0,
        state: 'unfinished',
        updatedAt: 6,
      });
      await database.putSetting('dark', true);
    });
    await writing.reload();
    const found = await writing.evaluate(async () => {
      const database = await lab.Database.open('reload');
      const share = await database.share('a');
      const receipt = await database.receipt('b');
      if (share === null || receipt === null) throw new Error('not found');
      const data = new Uint8Array(3);
      const algorithm = { name: 'ECDSA', hash: 'SHA-256', namedCurve: 'P-256' };
      const { privateKey, publicKey, handles } = share as typeof share & { privateKey: CryptoKey };
      const signature = await crypto.subtle.sign(algorithm, privateKey, data);
      const verifier = await crypto.subtle.importKey('raw', publicKey, algorithm, false, ['verify']);
      const result = {
        verified: await crypto.subtle.verify(algorithm, verifier, signature, data),
        extractable: privateKey.extractable,
        handle: lab.asHandles(handles)?.files[0]?.name,
        strange: [lab.asHandles(null), lab.asHandles({ roots: [], files: [1] }), lab.asHandles([])],
        secret: [...(receipt.secret ?? [])],
        storage: receipt.storage,
        dark: await database.setting('dark'),
        missing: [await database.share('b'), await database.receipt('a'), await database.setting('light')],
        notes: (await database.notes()).map(({ id }) => id),
        marked: ['a', 'b'].map(lab.isKept),
      };
      await database.forget('sending', 'b');
      const kept = (await database.receipt('b')) !== null && (await database.notes()).length === 1;
      await database.forget('sending', 'a');
      await database.forget('receiving', 'b');
      const left = [await database.share('a'), ...(await database.receipts()), ...(await database.notes())];
      return { ...result, kept, left, unmarked: lab.isKept('b') };
    });
    expect(found).toEqual({
      verified: true,
      extractable: false,
      handle: 'x',
      strange: [null, null, null],
      secret: [1, 2],
      storage: { kind: 'opfs', fileName: 'f' },
      dark: true,
      missing: [null, null, undefined],
      notes: ['b'],
      marked: [false, true],
      kept: true,
      left: [null],
      unmarked: false,
    });
    await writing.close();
  });

  test('is brought from the first version to the present one, and its settings stay', async () => {
    const made = await page.evaluate(async () => {
      const old = indexedDB.open('first', 1);
      old.onupgradeneeded = () => {
        for (const store of ['shares', 'receipts']) old.result.createObjectStore(store, { keyPath: 'shareId' });
        old.result.createObjectStore('settings', { keyPath: 'key' }).put({ key: 'dark', value: true });
      };
      await new Promise((resolve) => (old.onsuccess = resolve));
      old.result.close();
      const database = await lab.Database.open('first');
      return [await database.setting('dark'), await database.receipts(), await database.notes()];
    });
    expect(made).toEqual([true, [], []]);
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
    expect(made).toEqual({ version: 2, stores: ['notes', 'receipts', 'settings', 'shares'] });
  });

  test('lets a newer version in another tab take over, and keeps nothing from then on', async () => {
    const answers = await page.evaluate(async () => {
      const database = await lab.Database.open('newer');
      await database.putSetting('a', 1);
      const request = indexedDB.open('newer', 99);
      await new Promise((resolve) => (request.onsuccess = resolve));
      await database.putSetting('a', 2);
      const after = [database.available, await database.setting('a')];
      const reopened = await lab.Database.open('newer');
      request.result.close();
      return [...after, reopened.available];
    });
    expect(answers).toEqual([false, undefined, false]);
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
      await database.putSetting('a', 1);
      return [database.available, await database.notes(), await database.receipt('x')];
    });
    expect(answers).toEqual([false, [], null]);
  });
});

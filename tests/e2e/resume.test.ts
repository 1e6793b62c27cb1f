/** Transfers that are broken off and go on: what was verified is not sent again. */
import { createHash } from 'node:crypto';
import { truncate } from 'node:fs/promises';
import { expect } from 'vitest';
import { MIB, sha256OfFile } from './files.ts';
import { ReceiverScreen, SenderScreen } from './pages.ts';
import { test } from './scene.ts';

test('a receiver whose page is reloaded goes on by itself', async ({ scene }) => {
  const file = await scene.file('film.bin', 64 * MIB);
  const [, receiver] = await scene.pair([file]);
  await receiver.receive();
  await receiver.arrived(0.2);
  await receiver.page.reload();
  expect(await sha256OfFile(await receiver.savedOne())).toBe(file.sha256);
});

test('a receiver who left finds the transfer in its list, and goes on', async ({ scene }) => {
  const file = await scene.file('film.bin', 64 * MIB);
  const [sender, receiver] = await scene.pair([file]);
  await receiver.receive();
  await receiver.pauseAt(0.2);
  await receiver.page.getByRole('link', { name: 'Beeline' }).click();
  await receiver.answer('Leave').click();
  await receiver.transfer('film.bin').getByRole('button', { name: 'Resume' }).click();
  expect(await sha256OfFile(await receiver.savedOne())).toBe(file.sha256);
  await sender.verified();
});

test('what was received can be saved again later, with nobody there', async ({ scene }) => {
  const file = await scene.file('film.bin', MIB);
  const [sender, receiver] = await scene.pair([file]);
  await receiver.receiveOne();
  await sender.verified();
  await sender.close();
  await receiver.page.getByRole('link', { name: 'Beeline' }).click();
  await receiver.transfer('film.bin').getByRole('button', { name: 'Open' }).click();
  await receiver.verified();
  expect(await sha256OfFile(await receiver.save())).toBe(file.sha256);
});

test('a transfer that is forgotten leaves nothing behind', async ({ scene }) => {
  const file = await scene.file('film.bin', 64 * MIB);
  const [, receiver] = await scene.pair([file]);
  await receiver.receive();
  await receiver.arrived(0.2);
  await receiver.page.getByRole('link', { name: 'Beeline' }).click();
  await receiver.answer('Leave').click();
  await receiver.transfer('film.bin').getByRole('button', { name: 'Forget' }).click();
  await receiver.answer('Forget').click();
  await receiver.heading('Transfers').waitFor({ state: 'detached' });
  const left = await receiver.page.evaluate(async () => {
    const folder = await (await navigator.storage.getDirectory()).getDirectoryHandle('transfers');
    const names: string[] = [];
    for await (const name of folder.keys()) names.push(name);
    return names;
  });
  expect(left).toEqual([]);
});

test('a sender whose page is reloaded chooses the same file, and it goes on under the same link', async ({ scene }) => {
  const file = await scene.file('film.bin', 64 * MIB);
  const [sender, receiver] = await scene.pair([file]);
  const link = await sender.link();
  await receiver.receive();
  await receiver.arrived(0.2);
  const saved = receiver.savedOne();
  await sender.page.reload();
  await sender.heading('Go on sharing 1 file').waitFor();
  await sender.chooseAgain([file.path]);
  expect(await sender.link()).toBe(link);
  expect(await sha256OfFile(await saved)).toBe(file.sha256);
  await sender.verified();
});

test('a sender whose browser keeps handles goes on by itself after a reload', async ({ scene }) => {
  const sender = await SenderScreen.open(await scene.device(), scene.baseUrl);
  // The picker is the browser's own window, which no test can reach; the handle it would give is a real one.
  await sender.page.evaluate(() => {
    window.showOpenFilePicker = async () => {
      const handle = await (await navigator.storage.getDirectory()).getFileHandle('film.bin', { create: true });
      const writable = await handle.createWritable();
      for (let mib = 0; mib < 64; mib++) await writable.write(new Uint8Array(1_048_576).fill(mib));
      await writable.close();
      return [handle];
    };
  });
  await sender.button('Choose files').click();
  const link = await sender.link();
  const receiver = await scene.receiver(link);
  await receiver.receive();
  await receiver.arrived(0.2);
  const saved = receiver.savedOne();
  await sender.page.reload();
  expect(await sender.link()).toBe(link);
  const hash = createHash('sha256');
  for (let mib = 0; mib < 64; mib++) hash.update(new Uint8Array(MIB).fill(mib));
  expect(await sha256OfFile(await saved)).toBe(hash.digest('hex'));
});

test('a sender who comes back with a changed file is told, and may go on without it', async ({ scene }) => {
  const files = [await scene.file('a.bin', 20 * MIB), await scene.file('b.bin', 30 * MIB)] as const;
  const [sender, receiver] = await scene.pair(files);
  await receiver.receive();
  await receiver.pauseAt(0.1);
  await sender.page.reload();
  await truncate(files[1].path, 5);
  await sender.chooseAgain(files.map(({ path }) => path));
  await sender.page.getByText('1 file of this share is not the same').waitFor();
  await sender.button('Go on without').click();
  await sender.link();
  await receiver.button('Resume').click();
  await receiver.heading('Received and verified: 1 of 2 files').waitFor();
  await receiver.failure('source-gone').first().waitFor();
});

test('both sides are reloaded at once, and it goes on', async ({ scene }) => {
  const file = await scene.file('film.bin', 64 * MIB);
  const [sender, receiver] = await scene.pair([file]);
  await receiver.receive();
  await receiver.arrived(0.2);
  await Promise.all([sender.page.reload(), receiver.page.reload()]);
  const saved = receiver.savedOne();
  await sender.chooseAgain([file.path]);
  expect(await sha256OfFile(await saved)).toBe(file.sha256);
});

test('two tabs of one link: the second says where the transfer runs', async ({ scene }) => {
  const file = await scene.file('film.bin', 64 * MIB);
  const [, receiver] = await scene.pair([file]);
  await receiver.receive();
  await receiver.pauseAt(0.1);
  const second = await ReceiverScreen.open(receiver.device, receiver.page.url());
  await second.failure('open-elsewhere').first().waitFor();
  await receiver.page.close();
  const saved = second.savedOne();
  await second.button('Try again').click();
  expect(await sha256OfFile(await saved)).toBe(file.sha256);
});

test('two tabs of one share: the second says that it is open elsewhere', async ({ scene }) => {
  const file = await scene.file('film.bin', MIB);
  const sender = await scene.sender([file]);
  const link = await sender.link();
  const second = await SenderScreen.open(sender.device, scene.baseUrl);
  await second.transfer('film.bin').getByRole('button', { name: 'Resume' }).click();
  await second.chooseAgain([file.path]);
  await second.failure('open-elsewhere').first().waitFor();
  await sender.page.getByRole('link', { name: 'Beeline' }).click();
  await sender.answer('Leave').click();
  await sender.button('Choose files').waitFor();
  await second.chooseAgain([file.path]);
  expect(await second.link()).toBe(link);
});

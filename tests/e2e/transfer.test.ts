import { expect } from 'vitest';
import { MIB, sha256OfFile, sha256OfZip } from './files.ts';
import { SenderScreen } from './pages.ts';
import { test } from './scene.ts';

test('one file goes over and is saved by itself, proven equal', async ({ scene }) => {
  const file = await scene.file('holiday film.mkv', 5 * MIB + 123);
  const [sender, receiver] = await scene.pair([file]);

  expect(await sender.link()).toMatch(/^http:\/\/127\.0\.0\.1:\d+\/#[\w-]{22}$/);
  await sender.page.getByRole('img', { name: 'QR code of the link' }).waitFor();
  const saved = await receiver.receiveOne();

  expect(saved).toMatch(/holiday film\.mkv$/);
  expect(await sha256OfFile(saved)).toBe(file.sha256);
  await sender.verified();
  const fingerprint = await sender.fingerprint();
  expect(fingerprint).toMatch(/^\d{20}$/);
  expect(await receiver.fingerprint()).toBe(fingerprint);
});

test('several files are saved one by one', async ({ scene }) => {
  const files = [await scene.file('a.bin', 1), await scene.file('b.bin', 200_000), await scene.file('c.bin', 3 * MIB)];
  const [sender, receiver] = await scene.pair(files);
  await receiver.receive();
  await receiver.verified();

  const saved = await receiver.saveAsFiles(files.length);

  for (const file of files) expect(await sha256OfFile(saved.get(file.name) ?? '')).toBe(file.sha256);
  await sender.verified();
});

test('only what was accepted arrives', async ({ scene }) => {
  const files = [await scene.file('a.bin', 10), await scene.file('b.bin', 20), await scene.file('c.bin', 30)];
  const [sender, receiver] = await scene.pair(files);
  await receiver.entry('b.bin').uncheck();
  await receiver.receive();
  await receiver.verified();

  const saved = await sha256OfZip(await receiver.saveAsZip());

  expect([...saved.keys()].toSorted()).toEqual(['a.bin', 'c.bin']);
  await sender.verified();
});

test('a transfer that the receiver pauses goes on where it stopped', async ({ scene }) => {
  const file = await scene.file('a.bin', 64 * MIB);
  const [sender, receiver] = await scene.pair([file]);
  const saved = receiver.receiveOne();
  await receiver.pauseAt(0);
  await sender.receivers.getByText('Paused by the receiver').waitFor();
  await receiver.button('Resume').click();

  expect(await sha256OfFile(await saved)).toBe(file.sha256);
  await sender.verified();
});

test('one file is held back and another cancelled, and a reload keeps to that', async ({ scene }) => {
  const files = [
    await scene.file('a.bin', 64 * MIB),
    await scene.file('b.bin', 64 * MIB),
    await scene.file('c.bin', 2 * MIB),
  ];
  const [sender, receiver] = await scene.pair(files);
  await receiver.receive();
  await receiver.pauseAt(0);
  await receiver.button('Pause a.bin').click();
  await receiver.button('Resume a.bin').waitFor();
  await receiver.button('Cancel b.bin').press('Enter');
  await receiver.answer('Cancel file').click();
  await receiver.page.getByText('Cancelled by you').waitFor();
  await receiver.button('Resume').click();
  await receiver.heading('Paused by you').waitFor();
  await receiver.page.getByText('1 of 2 files').waitFor();

  await receiver.page.reload();
  await receiver.verified();
  await receiver.heading('1 file cancelled').waitFor();
  const saved = await sha256OfZip(await receiver.saveAsZip());

  expect([...saved.keys()].toSorted()).toEqual(['a.bin', 'c.bin']);
  for (const { name, sha256 } of files) expect(saved.get(name)).toBe(name === 'b.bin' ? undefined : sha256);
  await sender.verified();
});

test('a file that the sender cancels for one receiver is shown as such there', async ({ scene }) => {
  const files = [await scene.file('a.bin', 64 * MIB), await scene.file('b.bin', 2 * MIB)];
  const [sender, receiver] = await scene.pair(files);
  const saved = receiver.receiveOne();
  await receiver.pauseAt(0);
  await sender.receivers.getByText('Files for').click();
  await sender.button('Cancel a.bin').click();
  await sender.answer('Cancel file').click();
  await receiver.page.getByText('Cancelled by the sender').waitFor();
  await sender.receivers.getByText('Cancelled by you').waitFor();
  await receiver.button('Resume').click();

  expect(await sha256OfFile(await saved)).toBe(files[1]?.sha256);
  await sender.verified();
});

test('a cancelled transfer ends on both sides, and the link still works', async ({ scene }) => {
  const file = await scene.file('a.bin', 64 * MIB);
  const [sender, receiver] = await scene.pair([file]);
  await receiver.receive();
  await receiver.moving();
  await receiver.button('Cancel').click();
  await receiver.answer('Cancel transfer').click();
  await receiver.heading('You cancelled').waitFor();
  await sender.receivers.getByText('The receiver cancelled.').waitFor();

  const second = await scene.receiver(await sender.link());
  expect(await sha256OfFile(await second.receiveOne())).toBe(file.sha256);
  await sender.verified();
});

test('a declined offer is told to the sender', async ({ scene }) => {
  const [sender, receiver] = await scene.pair([await scene.file('a.bin', 10)]);
  await receiver.button('Decline').click();
  await sender.receivers.getByText('The receiver declined.').waitFor();
});

test('a share stopped in the middle asks first, then tells whoever is connected', async ({ scene }) => {
  const [sender, receiver] = await scene.pair([await scene.file('a.bin', 64 * MIB)]);
  await receiver.receive();
  await receiver.moving();
  await sender.button('Stop sharing').click();
  await sender.answer('Keep sharing').click();
  await sender.button('Stop sharing').click();
  await sender.answer('Stop sharing').click();
  await receiver.failure('sender-closed').first().waitFor();
  await sender.button('Choose files').waitFor();
});

test('leaving in the middle of a transfer asks first', async ({ scene }) => {
  const [, receiver] = await scene.pair([await scene.file('a.bin', 64 * MIB)]);
  await receiver.receive();
  await receiver.pauseAt(0);

  const asked = receiver.page.waitForEvent('dialog');
  await receiver.page.close({ runBeforeUnload: true });
  const dialog = await asked;
  expect(dialog.type()).toBe('beforeunload');
  await dialog.dismiss();

  await receiver.page.getByRole('link', { name: 'Beeline' }).click();
  await receiver.answer('Stay').click();
  await receiver.button('Resume').click();
  await receiver.verified();
});

test('a page that has nothing to lose closes without a question', async ({ scene }) => {
  const sender = await SenderScreen.open(await scene.device(), scene.baseUrl);
  await sender.button('Choose files').waitFor();
  const closed = sender.page.waitForEvent('close');
  await sender.page.close({ runBeforeUnload: true });
  await closed;
});

import { open } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'vitest';
import { MIB, sha256OfFile } from './files.ts';
import { ReceiverScreen, SenderScreen } from './pages.ts';
import { test, type Scene } from './scene.ts';

/** A receiver whose browser gives no storage, as in some private windows. */
async function receiverWithoutStorage(scene: Scene, link: string): Promise<ReceiverScreen> {
  const device = await scene.device();
  await device.context.addInitScript(() => {
    if (!isSecureContext) return;
    navigator.storage.getDirectory = () => Promise.reject(new DOMException('No storage here.', 'SecurityError'));
  });
  return ReceiverScreen.open(device, link);
}

test('without storage a file goes through memory', async ({ scene }) => {
  const file = await scene.file('a.bin', 3 * MIB + 1);
  const sender = await scene.sender([file]);
  const receiver = await receiverWithoutStorage(scene, await sender.link());
  expect(await sha256OfFile(await receiver.receiveOne())).toBe(file.sha256);
  await sender.verified();
});

test('without storage more than 256 MiB is refused, with the reason', async ({ scene }) => {
  const path = join(scene.folder, 'large.bin');
  const large = await open(path, 'w');
  await large.truncate(256 * MIB + 1);
  await large.close();
  const sender = await SenderScreen.open(await scene.device(), scene.baseUrl);
  await sender.chooseFiles([path]);
  const receiver = await receiverWithoutStorage(scene, await sender.link());
  await receiver.failure('memory-only').first().waitFor();
});

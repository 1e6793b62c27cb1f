import { expect } from 'vitest';
import { MIB, sha256OfFile } from './files.ts';
import { test } from './scene.ts';

/** How much slower the third device runs: its verifying and writing then set its pace. */
const THROTTLE = 8;

test('three receivers at once, one of them throttled, all end equal', async ({ scene }) => {
  const file = await scene.file('shared.bin', 48 * MIB);
  const sender = await scene.sender([file]);
  const link = await sender.link();
  const receivers = await Promise.all([scene.receiver(link), scene.receiver(link), scene.receiver(link)]);
  const slow = receivers[2];
  const cdp = await slow.device.cdp(slow.page);
  await cdp.send('Emulation.setCPUThrottlingRate', { rate: THROTTLE });

  const saved = await Promise.all(receivers.map((receiver) => receiver.receiveOne()));

  for (const path of saved) expect(await sha256OfFile(path)).toBe(file.sha256);
  await sender.verified(3);
});

test('a receiver that stands still does not hold up another', async ({ scene }) => {
  const file = await scene.file('shared.bin', 64 * MIB);
  const [sender, still] = await scene.pair([file]);
  const stillSaved = still.receiveOne();
  await still.pauseAt(0);
  await sender.receivers.getByText('Paused by the receiver').waitFor();

  const other = await scene.receiver(await sender.link());
  expect(await sha256OfFile(await other.receiveOne())).toBe(file.sha256);
  await sender.verified(1);

  await still.button('Resume').click();
  expect(await sha256OfFile(await stillSaved)).toBe(file.sha256);
  await sender.verified(2);
});

test('a receiver that vanishes does not disturb another', async ({ scene }) => {
  const file = await scene.file('shared.bin', 64 * MIB);
  const [sender, gone] = await scene.pair([file]);
  const other = await scene.receiver(await sender.link());
  const saved = other.receiveOne();
  await gone.receive();
  await gone.moving();
  await gone.close();

  expect(await sha256OfFile(await saved)).toBe(file.sha256);
  await sender.verified(1);
});

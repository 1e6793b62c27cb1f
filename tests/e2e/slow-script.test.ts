/** A lane is made by the page's first script: what comes over it before the script that reads it is here is not lost. */
import { expect } from 'vitest';
import { deferred } from '../../src/core/deferred.ts';
import { explain } from '../../src/core/errors.ts';
import { HEAD_START_BYTES, PIECE_BYTES } from '../../src/core/limits.ts';
import { deriveShareKeys, parseFragment } from '../../src/core/link.ts';
import type {} from '../../src/dial.ts';
import { sha256OfFile, type TestFile } from './files.ts';
import { ReceiverScreen, SenderScreen } from './pages.ts';
import { type Scene, test } from './scene.ts';
import { countWire, tapWire } from './wire.ts';

/** A person whose network brings what receives only when the returned function is called. */
async function slowReceiver(scene: Scene, link: string): Promise<[receiver: ReceiverScreen, bring: () => void]> {
  const device = await scene.device();
  const { promise, resolve } = deferred();
  await device.context.route(/\/assets\/receive-/u, async (route) => {
    await promise;
    await route.continue();
  });
  const page = await device.context.newPage();
  await page.goto(link, { waitUntil: 'commit' });
  return [new ReceiverScreen(device, page), () => resolve(undefined)];
}

async function countedSender(scene: Scene, file: TestFile): Promise<SenderScreen> {
  const device = await scene.device();
  await tapWire(device.context);
  const sender = await SenderScreen.open(device, scene.baseUrl);
  await sender.chooseFiles([file.path]);
  return sender;
}

/** Waits until the sender has sent all that it may before something is accepted. */
async function headStartSent({ page }: SenderScreen): Promise<void> {
  await expect.poll(async () => (await countWire(page)).bulk[0], { timeout: 60_000 }).toBe(HEAD_START_BYTES);
}

/** The receiver's, in the connection that the page's first script made. */
function dtlsRole({ page }: ReceiverScreen): Promise<string | undefined> {
  return page.evaluate(async () => {
    const stats = await globalThis.dialed?.made.connection.getStats();
    for (const entry of (stats?.values() ?? []) as Iterable<RTCStats>)
      if (entry.type === 'transport') return (entry as RTCTransportStats).dtlsRole;
    return undefined;
  });
}

test('[S10] the list and the head start wait for what reads them', async ({ scene }) => {
  const file = await scene.file('photo.bin', PIECE_BYTES);
  const sender = await countedSender(scene, file);
  const [receiver, bring] = await slowReceiver(scene, await sender.link());
  await headStartSent(sender);
  // [C1] The sender, who speaks first, is DTLS server.
  expect(await dtlsRole(receiver)).toBe('client');
  bring();
  expect(await sha256OfFile(await receiver.receiveOne())).toBe(file.sha256);
  await sender.verified();
  expect((await countWire(sender.page)).bulk).toEqual([HEAD_START_BYTES, 0]);
});

test.for([
  ['said goodbye', (sender: SenderScreen) => sender.close(), 'connected'],
  ['ended', (sender: SenderScreen) => sender.button('Stop sharing').click(), 'closed'],
] as const)('[C4] that the sender has %s meanwhile is noticed', async ([, leave, state], { scene }) => {
  const file = await scene.file('photo.bin', PIECE_BYTES);
  const sender = await countedSender(scene, file);
  const [receiver, bring] = await slowReceiver(scene, await sender.link());
  await headStartSent(sender);
  await leave(sender);
  await receiver.page.waitForFunction((wanted) => globalThis.dialed?.made.connection.sctp?.state === wanted, state);
  bring();
  await receiver.heading('Waiting for the sender').waitFor();
});

test('[C1] a receiver that has something of the share speaks first, as DTLS server', async ({ scene }) => {
  const file = await scene.file('photo.bin', PIECE_BYTES);
  const sender = await countedSender(scene, file);
  const link = await sender.link();
  const { roomId } = await deriveShareKeys(crypto.subtle, parseFragment(new URL(link).hash));
  const device = await scene.device();
  const home = await device.open(`${scene.baseUrl}/`);
  await home.evaluate((id) => localStorage.setItem(`beeline:kept:${id}`, ''), roomId);
  await home.close();
  const receiver = await ReceiverScreen.open(device, link);
  expect(await sha256OfFile(await receiver.receiveOne())).toBe(file.sha256);
  expect(await dtlsRole(receiver)).toBe('server');
});

test('[C11] nothing is shared by a page that cannot answer', async ({ scene }) => {
  const device = await scene.device();
  device.expectComplaint(/ERR_FAILED/);
  await device.context.route('**/assets/lane-*.js', (route) => route.abort());
  const sender = await SenderScreen.open(device, scene.baseUrl);
  await sender.chooseFiles([(await scene.file('photo.bin', PIECE_BYTES)).path]);
  await sender.page.getByText(explain('not-loaded').sentence).first().waitFor();
});

test('[C11] what makes a lane does not come: the page says so', async ({ scene }) => {
  const file = await scene.file('photo.bin', PIECE_BYTES);
  const sender = await countedSender(scene, file);
  const device = await scene.device();
  device.expectComplaint(/ERR_FAILED/);
  await device.context.route('**/assets/lane-*.js', (route) => route.abort());
  const receiver = await ReceiverScreen.open(device, await sender.link());
  await receiver.page.getByText(explain('not-loaded').sentence).first().waitFor();
});

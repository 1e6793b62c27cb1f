import { rm, truncate } from 'node:fs/promises';
import type { Page } from 'playwright-core';
import { expect } from 'vitest';
import { MIB, sha256OfFile, sha256OfZip, type TestFile } from './files.ts';
import { ReceiverScreen, SenderScreen, TRANSFER_MS, underServiceWorker } from './pages.ts';
import { test, type Scene } from './scene.ts';
import { startServer } from './server.ts';

/** Paths of the WebSockets a page opens from now on. */
function socketsOf(page: Page): string[] {
  const paths: string[] = [];
  page.on('websocket', (socket) => paths.push(new URL(socket.url()).pathname));
  return paths;
}

test.for([
  '#x',
  `#${'A'.repeat(21)}`,
  `#${'A'.repeat(23)}`,
  `#${'A'.repeat(21)}!`,
  `#${'A'.repeat(21)}B`,
  '#7-canyon-velvet',
])('the incomplete link %s is called that, and nobody is called', async (fragment, { scene }) => {
  const device = await scene.device();
  const page = await device.context.newPage();
  const sockets = socketsOf(page);
  await page.goto(`${scene.baseUrl}/${fragment}`);
  await page.getByRole('heading', { name: 'This link is not complete.' }).waitFor();
  await page.waitForLoadState('networkidle');
  expect(sockets).toEqual([]);
});

test('a link of an unknown share waits', async ({ scene }) => {
  const receiver = await scene.receiver(`${scene.baseUrl}/#${'A'.repeat(22)}`);
  await receiver.heading('Waiting for the sender').waitFor();
});

test('a receiver whose sender closes before the list is accepted waits, and says so', async ({ scene }) => {
  const [sender, receiver] = await scene.pair([await scene.file('a.bin', 10)]);
  await receiver.button('Receive').waitFor();
  await sender.close();
  await receiver.heading('Waiting for the sender').waitFor();
});

test('a receiver whose sender vanishes in the middle keeps what it has and tries again', async ({ scene }) => {
  const [sender, receiver] = await scene.pair([await scene.file('a.bin', 64 * MIB)]);
  await receiver.receive();
  await receiver.moving();
  await sender.close();
  await receiver.heading('Reconnecting').waitFor();
});

test('a link that is opened while the server is away connects by itself when it is back', async ({ scene }) => {
  const first = await startServer();
  const file = await scene.file('a.bin', 1000);
  const sender = await SenderScreen.open(await scene.device(), first.url);
  await sender.chooseFiles([file.path]);
  const link = await sender.link();
  const device = await scene.device();
  await underServiceWorker(await device.open(`${first.url}/`));
  for (const each of [sender.device, device]) each.expectComplaint(/ERR_CONNECTION_REFUSED/);
  await first.stop();

  const receiver = await ReceiverScreen.open(device, link);
  await receiver.failure('server-unreachable').first().waitFor();
  await sender.failure('server-unreachable').first().waitFor();
  const second = await startServer(Number(new URL(first.url).port));
  try {
    expect(await sha256OfFile(await receiver.receiveOne())).toBe(file.sha256);
    await sender.verified();
  } finally {
    await second.stop();
  }
});

/**
 * Three files, of which the second changes after the share was made and before its turn: the first is paused in its
 * middle, and is longer than what may be in flight.
 */
async function spoilSecond(scene: Scene, spoil: (second: TestFile) => Promise<void>) {
  const files = [
    await scene.file('1.bin', 64 * MIB),
    await scene.file('2.bin', 16 * MIB),
    await scene.file('3.bin', 16 * MIB),
  ] as const;
  const [sender, receiver] = await scene.pair(files);
  await receiver.receive();
  await receiver.pauseAt(0);
  await sender.receivers.getByText('Paused by the receiver').waitFor();
  await spoil(files[1]);
  await receiver.button('Resume').click();
  return { files, sender, receiver };
}

async function expectOthersArrived(receiver: ReceiverScreen, files: readonly TestFile[]): Promise<void> {
  await receiver.heading('Received and verified: 2 of 3 files').waitFor({ timeout: TRANSFER_MS });
  const saved = await sha256OfZip(await receiver.saveAsZip());
  const others = files.filter(({ name }) => name !== '2.bin');
  expect(saved).toEqual(new Map(others.map(({ name, sha256 }) => [name, sha256])));
}

test('a file deleted in the middle fails alone, on both sides', async ({ scene }) => {
  const { files, sender, receiver } = await spoilSecond(scene, ({ path }) => rm(path));
  await expectOthersArrived(receiver, files);
  await receiver.failure('source-gone').first().waitFor();
  await sender.receivers.getByText('1 file could not be sent.').waitFor();
});

test('a file changed in the middle fails alone, on both sides', async ({ scene }) => {
  const { files, sender, receiver } = await spoilSecond(scene, ({ path }) => truncate(path, 5 * MIB));
  await expectOthersArrived(receiver, files);
  await receiver.failure('source-changed').first().waitFor();
  await sender.receivers.getByText('1 file could not be sent.').waitFor();
});

test('names that a system reserves or confuses are made safe, and none overwrites another', async ({ scene }) => {
  const names = [
    'CON.txt',
    'trailing.dots...',
    'a\u202Etxt.exe',
    'q?.txt',
    'Same.txt',
    'same.txt',
    'e\u0301.txt',
    '\u00e9.txt',
  ];
  const files: TestFile[] = [];
  for (const name of names) files.push(await scene.file(name, 1_000));
  const [sender, receiver] = await scene.pair(files);
  await receiver.receive();
  await receiver.verified();
  await sender.verified();

  const saved = await sha256OfZip(await receiver.saveAsZip());

  expect([...saved.values()].toSorted()).toEqual(files.map(({ sha256 }) => sha256).toSorted());
  const folded = new Set([...saved.keys()].map((path) => path.normalize('NFC').toLowerCase()));
  expect(folded.size).toBe(names.length);
  for (const path of saved.keys()) expect(path).not.toMatch(/[\u202e?]|\.$|^con\./iu);
});

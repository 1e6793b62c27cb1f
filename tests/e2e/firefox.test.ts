/** Firefox and Chromium with each other: two makers' WebRTC, storage and downloads, one protocol. */
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'vitest';
import { CREDIT_BYTES } from '../../src/core/limits.ts';
import { FirefoxReceiver, FirefoxSender } from './firefox.ts';
import { MIB, sha256OfFile, sha256OfZip, type TestFile } from './files.ts';
import { ReceiverScreen, SenderScreen } from './pages.ts';
import { test, type Scene } from './scene.ts';
import { countWire, tapWire } from './wire.ts';

type Maker = 'Firefox' | 'Chromium';
const DIRECTIONS: { readonly from: Maker; readonly to: Maker }[] = [
  { from: 'Firefox', to: 'Chromium' },
  { from: 'Chromium', to: 'Firefox' },
];

/** Bytes that may be sent for each byte of the file, headers included. */
const TOLERANCE = 1.02;

/** Its page counts what it sends. */
async function senderWith(maker: Maker, scene: Scene): Promise<FirefoxSender | SenderScreen> {
  if (maker === 'Firefox') {
    const device = await scene.firefox();
    await tapWire(device);
    return FirefoxSender.open(device, scene.baseUrl);
  }
  const device = await scene.device();
  await tapWire(device.context);
  return SenderScreen.open(device, scene.baseUrl);
}

async function receiverWith(maker: Maker, scene: Scene, link: string): Promise<FirefoxReceiver | ReceiverScreen> {
  return maker === 'Firefox'
    ? FirefoxReceiver.open(await scene.firefox(), link)
    : ReceiverScreen.open(await scene.device(), link);
}

/** Files by their paths in the share. */
async function severalSizes(scene: Scene, folder: string): Promise<Map<string, TestFile>> {
  const sizes = new Map([
    [`${folder}nothing.bin`, 0],
    [`${folder}a piece and a byte.bin`, MIB + 1],
    [`${folder}\u00fcber \u{1F41D} #1.bin`, 24 * MIB + 123],
  ]);
  const files = new Map<string, TestFile>();
  for (const [path, bytes] of sizes) files.set(path, await scene.file(path, bytes));
  return files;
}

/** They arrive equal, and are saved both ways. */
async function arrive(
  maker: Maker,
  scene: Scene,
  sender: FirefoxSender | SenderScreen,
  files: ReadonlyMap<string, TestFile>,
): Promise<void> {
  const receiver = await receiverWith(maker, scene, await sender.link());
  await receiver.receive();
  await receiver.verified();
  await sender.verified();
  expect(await receiver.fingerprint()).toBe(await sender.fingerprint());

  const saved = await receiver.saveAsFiles(files.size);
  for (const { name, sha256 } of files.values()) expect(await sha256OfFile(saved.get(name) ?? ''), name).toBe(sha256);
  const zipped = await sha256OfZip(await receiver.saveAsZip());
  expect(zipped).toEqual(new Map(Array.from(files, ([path, { sha256 }]) => [path, sha256])));
}

test('Firefox sends files of several sizes to Chromium', async ({ scene }) => {
  const files = await severalSizes(scene, '');
  const sender = await senderWith('Firefox', scene);
  await sender.chooseFiles([...files.values()].map(({ path }) => path));
  await arrive('Chromium', scene, sender, files);
});

// A test cannot choose a folder in Firefox: WebDriver takes files only.
test('Chromium sends a folder of such files to Firefox', async ({ scene }) => {
  const files = await severalSizes(scene, 'tree/');
  const sender = await SenderScreen.open(await scene.device(), scene.baseUrl);
  await sender.chooseFolder(join(scene.folder, 'tree'));
  await arrive('Firefox', scene, sender, files);
});

test.for(DIRECTIONS)(
  'from $from to $to, a reload of the receiver costs only what is missing',
  async (makers, { scene }) => {
    const file = await scene.file('film.bin', 64 * MIB);
    const sender = await senderWith(makers.from, scene);
    await sender.chooseFiles([file.path]);
    const receiver = await receiverWith(makers.to, scene, await sender.link());
    await receiver.receive();
    await receiver.arrived(0.2);
    await receiver.page.reload();

    expect(await sha256OfFile(await receiver.savedOne())).toBe(file.sha256);
    await sender.verified();
    const { bulk } = await countWire(sender.page);
    const sent = bulk.reduce((sum, bytes) => sum + bytes, 0);
    expect(bulk.length).toBeGreaterThan(1);
    expect(sent).toBeGreaterThanOrEqual(file.bytes);
    expect(sent).toBeLessThanOrEqual(TOLERANCE * file.bytes + CREDIT_BYTES);
  },
);

test('a file that vanished while Firefox sends it is told', async ({ scene }) => {
  const files = [await scene.file('small.bin', 100), await scene.file('film.bin', 20 * MIB)];
  const sender = await senderWith('Firefox', scene);
  await sender.chooseFiles(files.map(({ path }) => path));
  const receiver = await ReceiverScreen.open(await scene.device(), await sender.link());
  await Promise.all(files.map(({ path }) => rm(path)));
  await receiver.receive();
  await receiver.failure('source-gone').first().waitFor();
});

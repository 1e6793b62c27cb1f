/**
 * What a break costs on the wire. Each test prints what was missing when the transfer went on, and what was sent for it.
 *
 * Missing is what the receiver's first `want` after the break asks for. Sent is the sum of all messages that the sender's
 * tab handed to `bulk`, headers included, over all lanes and in all its pages, less what is not missing. It consists of
 * what was sent once that `want` was heard, and of what was in flight at the break, which credit bounds.
 */
import { describe, expect } from 'vitest';
import { CREDIT_BYTES, HEAD_START_BYTES, PIECE_BYTES } from '../../src/core/limits.ts';
import type { Device } from './browser.ts';
import { MIB, sha256OfFile, type TestFile } from './files.ts';
import { ReceiverScreen, SenderScreen } from './pages.ts';
import { type Scene, test } from './scene.ts';
import { startServer } from './server.ts';
import { countWire, tapWire } from './wire.ts';

const FILE_BYTES = 256 * MIB;

/** Bytes that may be sent for each byte that is missing. */
const TOLERANCE = 1.02;

const FREEZE_MS = 40_000;

test('after a receiver reload, only what is missing is sent', async ({ scene }) => {
  const crossing = await begin(scene);
  const { receiver } = crossing;
  const before = await half(crossing);
  await receiver.page.reload();
  await end('receiver reload', crossing, before);
});

test('after a sender reload, only what is missing is sent', async ({ scene }) => {
  const crossing = await begin(scene);
  const { file, sender } = crossing;
  const before = await half(crossing);
  await sender.page.reload();
  await sender.chooseAgain([file.path]);
  await end('sender reload', crossing, before);
});

// A browser that stands still leaves the machine to the other.
describe.concurrent('meanwhile', () => {
  test('after a freeze of 40 s, only what is missing is sent', async ({ scene }) => {
    const crossing = await begin(scene);
    const { receiver } = crossing;
    const before = await half(crossing);
    await receiver.device.freeze(FREEZE_MS);
    await end('freeze of 40 s', crossing, before);
  });

  test('after the browser was killed, only what is missing is sent', async ({ scene }) => {
    const crossing = await begin(scene);
    const { device } = crossing.receiver;
    const before = await half(crossing);
    await device.crash();
    await tapWire(device.context);
    const receiver = await ReceiverScreen.open(device, crossing.link);
    // Its tab is a new one, and counts anew.
    await end('browser killed', { ...crossing, receiver }, { ...before, wants: 0 });
  });
});

test('a restart of the signaling server goes unnoticed: nothing is sent twice', async ({ scene }) => {
  let server = await startServer();
  try {
    const crossing = await begin(scene, server.url);
    const { file, sender, receiver } = crossing;
    for (const { device } of [sender, receiver]) device.expectComplaint(/ERR_CONNECTION_REFUSED/);
    const saved = receiver.savedOne();
    await receiver.arrived(0.3);
    await server.stop();
    const missing = file.bytes * (1 - (await receiver.shown()));
    await receiver.arrived(0.5);
    server = await startServer(Number(new URL(server.url).port));
    expect(await sha256OfFile(await saved)).toBe(file.sha256);
    await sender.verified();

    const [{ bulk }, { wanted }] = [await countWire(sender.page), await countWire(receiver.page)];
    const sent = sum(bulk);
    tell('signaling restart', missing, sent - (file.bytes - missing), 'over the same lanes');
    // A lane that is made again asks again.
    expect(wanted).toHaveLength(1);
    expect(sent).toBeLessThanOrEqual(TOLERANCE * file.bytes);
  } finally {
    await server.stop();
  }
});

test('[S10] what comes before it is accepted is not sent again, then or to a page that has it', async ({ scene }) => {
  const file = await scene.file('photo.bin', PIECE_BYTES);
  const sender = await SenderScreen.open(await tapped(scene), scene.baseUrl);
  await sender.chooseFiles([file.path]);
  const receiver = await ReceiverScreen.open(await tapped(scene), await sender.link());
  const sent = async () => sum((await countWire(sender.page)).bulk);
  await expect.poll(sent, { timeout: 60_000 }).toBe(HEAD_START_BYTES);
  expect(await sha256OfFile(await receiver.receiveOne())).toBe(file.sha256);
  await sender.verified();
  await receiver.device.context.addInitScript(holdDatabase);
  await receiver.page.reload();
  await sender.receivers.getByText('Looking at the list of files', { exact: true }).waitFor();
  await receiver.page.evaluate(() => dispatchEvent(new Event('database may open')));
  await receiver.verified();
  expect(await sent()).toBe(HEAD_START_BYTES);
});

/** Runs in the page: it dials, and has a lane, before it can know what an earlier page has kept. */
function holdDatabase(): void {
  const mayOpen = new Promise((resolve) => addEventListener('database may open', resolve, { once: true }));
  const listen: (...all: Parameters<EventTarget['addEventListener']>) => void = Reflect.get(
    EventTarget.prototype,
    'addEventListener',
  );
  IDBOpenDBRequest.prototype.addEventListener = function (type: string, listener: EventListener) {
    const held: EventListener = (event) => void mayOpen.then(() => listener.call(this, event));
    listen.call(this, type, type === 'success' ? held : listener);
  };
}

/** One file on its way. */
interface Crossing {
  readonly file: TestFile;
  readonly link: string;
  readonly sender: SenderScreen;
  readonly receiver: ReceiverScreen;
}

/** What had come of it before the break. */
interface Before {
  /** Bytes that the receiver's screen showed as verified. */
  readonly verified: number;
  /** Wants that the receiver's tab has sent. */
  readonly wants: number;
  /** Parts of the sender's count of bytes. */
  readonly parts: number;
  /** Lanes that carried file data. */
  readonly lanes: number;
}

async function begin(scene: Scene, baseUrl = scene.baseUrl): Promise<Crossing> {
  const file = await scene.file('film.bin', FILE_BYTES);
  const sender = await SenderScreen.open(await tapped(scene), baseUrl);
  await sender.chooseFiles([file.path]);
  const link = await sender.link();
  const receiver = await ReceiverScreen.open(await tapped(scene), link);
  await receiver.receive();
  return { file, link, sender, receiver };
}

async function tapped(scene: Scene): Promise<Device> {
  const device = await scene.device();
  await tapWire(device.context);
  return device;
}

async function half({ file, sender, receiver }: Crossing): Promise<Before> {
  await receiver.arrived(0.5);
  const [{ bulk, packets }, { wanted }] = [await countWire(sender.page), await countWire(receiver.page)];
  const verified = file.bytes * (await receiver.shown());
  return { verified, wants: wanted.length, parts: bulk.length, lanes: packets.length };
}

/** Waits for the end: the file is whole, and what was verified was not sent again. */
async function end(name: string, { file, sender, receiver }: Crossing, before: Before): Promise<void> {
  expect(await sha256OfFile(await receiver.savedOne())).toBe(file.sha256);
  await sender.verified();

  const [{ bulk, packets }, { wanted }] = [await countWire(sender.page), await countWire(receiver.page)];
  const asked = wanted.slice(before.wants);
  const [first] = asked;
  if (first === undefined) throw new Error('The lane did not break.');
  // The last piece is among them: pieces are sent in order.
  const missing = first * PIECE_BYTES - padding(file);
  const anew = sum(bulk.slice(before.parts));
  const inFlight = sum(bulk.slice(0, before.parts)) - (file.bytes - missing);
  const more =
    `asked ${asked.length} times, ${mib(inFlight)} of it in flight at the break, ` +
    `${mib(sum(packets.slice(before.lanes)))} as packets`;
  tell(name, missing, anew + inFlight, more);
  expect(missing).toBeLessThanOrEqual(file.bytes - before.verified);
  expect(anew).toBeLessThanOrEqual(TOLERANCE * missing);
  expect(anew + inFlight).toBeLessThanOrEqual(TOLERANCE * missing + CREDIT_BYTES);
}

/** Bytes by which the last piece of a file is shorter than the others. */
function padding({ bytes }: TestFile): number {
  return Math.ceil(bytes / PIECE_BYTES) * PIECE_BYTES - bytes;
}

/** @param sent bytes, what was in flight included. */
function tell(name: string, missing: number, sent: number, more: string): void {
  console.log(`${name}: ${mib(missing)} missing, ${mib(sent)} sent, ratio ${(sent / missing).toFixed(3)} (${more})`);
}

function mib(bytes: number): string {
  return `${(bytes / MIB).toFixed(1)} MiB`;
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}

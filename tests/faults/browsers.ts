/**
 * Fault schedules in real browsers: what a person can do to a transfer and what can befall one, at random moments. Pure data
 * for the same seed; the moments are only as exact as a page that is looked at twice a second.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { Device } from '../e2e/browser.ts';
import { MIB, sha256OfFile, writeRandomFile, type TestFile } from '../e2e/files.ts';
import { ReceiverScreen, SenderScreen } from '../e2e/pages.ts';
import { startServer, type ServerProcess } from '../e2e/server.ts';
import { seededNumbers } from '../doubles/random.ts';

/** Milliseconds after which a transfer whose faults are over counts as stuck. */
const STUCK_MS = 180_000;

/** What goes wrong once this fraction has arrived. */
interface BrowserFault {
  readonly after: number;
  readonly kind: keyof typeof FAULTS;
  /** Milliseconds that it lasts, where it lasts. */
  readonly ms: number;
}

export interface BrowserSchedule {
  readonly seed: number;
  readonly bytes: number;
  readonly faults: readonly BrowserFault[];
}

/** The schedule of a seed. @param seed any whole number from 0 to 2^32 - 1. */
export function makeBrowserSchedule(seed: number): BrowserSchedule {
  const next = seededNumbers(seed);
  const whole = (from: number, to: number) => from + (next() % (to - from + 1));
  const kinds = Object.keys(FAULTS) as BrowserFault['kind'][];
  const faults = Array.from({ length: whole(1, 3) }, (): BrowserFault => {
    const kind = kinds[whole(0, kinds.length - 1)] ?? 'lane-closes';
    return { after: whole(0, 90) / 100, kind, ms: whole(500, 12_000) };
  });
  return { seed, bytes: whole(16 * MIB, 48 * MIB), faults: faults.sort((a, b) => a.after - b.after) };
}

/** Both people, their browsers and the server. */
interface Scene {
  readonly file: TestFile;
  readonly link: string;
  sender: SenderScreen;
  receiver: ReceiverScreen;
  server: ServerProcess;
}

/** How each fault is done, and what the people then do. */
const FAULTS = {
  'lane-closes': ({ receiver }) => closeLanes(receiver),
  'sender-reloads': async ({ sender, file }) => {
    await sender.page.reload();
    await sender.chooseAgain([file.path]);
  },
  'receiver-reloads': async ({ receiver }) => {
    await receiver.page.reload();
  },
  'both-reload': async ({ sender, receiver, file }) => {
    await Promise.all([sender.page.reload(), receiver.page.reload()]);
    await sender.chooseAgain([file.path]);
  },
  'receiver-page-crashes': async (scene) => {
    const { receiver, link } = scene;
    await crashPage(receiver);
    scene.receiver = await ReceiverScreen.open(receiver.device, link);
  },
  'sender-page-crashes': async (scene) => {
    const { device } = scene.sender;
    await crashPage(scene.sender);
    scene.sender = await SenderScreen.open(device, scene.server.url);
    await scene.sender.transfer(NAME).getByRole('button', { name: 'Resume' }).click();
    await scene.sender.chooseAgain([scene.file.path]);
  },
  'receiver-browser-dies': async (scene) => {
    const { device } = scene.receiver;
    await device.crash();
    await prepare(device);
    scene.receiver = await ReceiverScreen.open(device, scene.link);
  },
  'server-restarts': async (scene, ms) => {
    const port = Number(new URL(scene.server.url).port);
    await scene.server.stop();
    await setTimeout(ms);
    scene.server = await startServer(port);
  },
  'receiver-freezes': ({ receiver }, ms) => receiver.device.freeze(ms),
  'sender-freezes': ({ sender }, ms) => sender.device.freeze(ms),
  'receiver-pauses': async ({ receiver }, ms) => {
    if (!(await clicked(receiver, 'Pause'))) return;
    await setTimeout(ms);
    await clicked(receiver, 'Resume');
  },
  'receiver-cancels': async ({ receiver }) => {
    if (!(await clicked(receiver, 'Cancel'))) return;
    await receiver.answer('Cancel transfer').click();
    await clicked(receiver, 'Try again');
  },
} as const satisfies Record<string, (scene: Scene, ms: number) => Promise<void>>;

const NAME = 'film.bin';

/** Runs one schedule from the click on Receive to the comparison of what was saved. Rejects when it does not end equal. */
export async function runBrowserSchedule({ bytes, faults }: BrowserSchedule): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'beeline-faults-'));
  const server = await startServer();
  const devices = await Promise.all([Device.launch(), Device.launch()]);
  const [from, to] = devices;
  const scene: { current: Scene | null } = { current: null };
  try {
    await Promise.all(devices.map(prepare));
    const file = await writeRandomFile(join(folder, NAME), bytes);
    const sender = await SenderScreen.open(from, server.url);
    await sender.chooseFiles([file.path]);
    const link = await sender.link();
    const receiver = await ReceiverScreen.open(to, link);
    const now: Scene = { file, link, sender, receiver, server };
    scene.current = now;
    await receiver.receive();
    for (const { after, kind, ms } of faults) {
      await arrived(now.receiver, after);
      await FAULTS[kind](now, ms);
    }
    await ended(now);
  } finally {
    await Promise.all(devices.map((device) => device.close()));
    await (scene.current?.server ?? server).stop();
    await rm(folder, { recursive: true, force: true });
  }
}

/** Everything is here, the same, and both sides say so. */
async function ended({ receiver, sender, file }: Scene): Promise<void> {
  await receiver.heading(/^Received and verified/).waitFor({ timeout: STUCK_MS });
  const saved = await sha256OfFile(await receiver.save());
  if (saved !== file.sha256) throw new Error('What was saved is not what was sent.');
  await sender.verified();
}

/** Waits until more than this fraction is here; all of it may be. */
async function arrived(receiver: ReceiverScreen, fraction: number): Promise<void> {
  await receiver.page.waitForFunction(
    (wanted) => {
      const value = document.querySelector<HTMLProgressElement>('progress[aria-label="Total progress"]')?.value ?? -1;
      const isOver = /^Received and verified/u.test(document.querySelector('h1')?.textContent ?? '');
      return value > wanted || isOver;
    },
    fraction,
    { timeout: STUCK_MS },
  );
}

/** False when the transfer was over before the person could click. */
async function clicked(receiver: ReceiverScreen, name: string): Promise<boolean> {
  const clicking = receiver.button(name).click({ timeout: STUCK_MS });
  // Left waiting when the button never comes, until the page is closed.
  clicking.catch(() => undefined);
  const over = receiver.heading(/^Received and verified/).waitFor({ timeout: STUCK_MS });
  over.catch(() => undefined);
  return Promise.race([clicking.then(() => true), over.then(() => false)]);
}

/** Keeps the page's connections at hand, to close them. */
async function prepare(device: Device): Promise<void> {
  await device.context.addInitScript(() => {
    const connections: RTCPeerConnection[] = [];
    Object.assign(globalThis, { connections });
    globalThis.RTCPeerConnection = class extends RTCPeerConnection {
      constructor(config?: RTCConfiguration) {
        super(config);
        connections.push(this);
      }
    };
  });
}

async function closeLanes({ page }: ReceiverScreen): Promise<void> {
  await page.evaluate(() => {
    const { connections } = globalThis as unknown as { readonly connections: RTCPeerConnection[] };
    for (const connection of connections) connection.close();
  });
}

async function crashPage({ device, page }: SenderScreen | ReceiverScreen): Promise<void> {
  const cdp = await device.cdp(page);
  const crashed = page.waitForEvent('crash');
  // Never answered: there is nobody left to answer.
  cdp.send('Page.crash').catch(() => undefined);
  await crashed;
  await page.close();
}

/** A network that changes in the middle of a transfer, which goes on by itself. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import type { Device } from '../e2e/browser.ts';
import { MIB, sha256OfFile, writeRandomFile, type TestFile } from '../e2e/files.ts';
import { ReceiverScreen, SenderScreen } from '../e2e/pages.ts';
import { Internet, POLICIES, type Kind, type Place } from './internet.ts';
import { setPolicy } from './nat.ts';
import { ensureProgram } from './packages.ts';
import { gaps, pathsShown, record } from './recording.ts';

/** At this rate a transfer takes 20 s, which leaves room for a change in its middle. */
const RATE = '13mbit';
const FILE_BYTES = 32 * MIB;
/** The fraction that has arrived when the network changes. */
const BEFORE = 0.25;
/** Milliseconds after which a transfer counts as stuck. */
const END_MS = 60_000;
/** Milliseconds for which an interface is down. */
const OUTAGE_MS = 5_000;

interface Scene {
  readonly net: Internet;
  readonly sender: Place;
  readonly receiver: Place;
}

interface Change {
  readonly kinds: readonly [sender: Kind, receiver: Kind];
  /** Changes the network; resolves when there is a path again. */
  readonly make: (scene: Scene) => Promise<void>;
}

async function blink({ home, plug }: Place): Promise<void> {
  await plug.host.ip('link', 'set', plug.device, 'down');
  await setTimeout(OUTAGE_MS);
  await plug.host.ip('link', 'set', plug.device, 'up');
  await home.lan.route(plug);
}

/** Another address in the same network. */
async function move({ home, plug }: Place): Promise<void> {
  await plug.host.ip('address', 'delete', `${plug.address}/24`, 'dev', plug.device);
  await plug.host.ip('address', 'add', `${home.lan.prefix}.77/24`, 'dev', plug.device);
  await home.lan.route(plug);
}

/** The router forgets all that it knows, as after a restart. */
async function forget({ home }: Place): Promise<void> {
  await home.router.exec(ensureProgram('conntrack', 'conntrack'), ['-F']);
}

/** The router gets another public address. */
async function renumber({ net, sender: { home } }: Scene): Promise<void> {
  await home.router.ip('address', 'delete', `${home.address}/24`, 'dev', home.outside);
  await home.router.ip('address', 'add', `${net.lan.prefix}.177/24`, 'dev', home.outside);
  await home.router.ip('route', 'replace', 'default', 'via', net.lan.gateway);
}

const PUNCHED = ['port-restricted', 'port-restricted'] as const;
const RELAYED = ['symmetric', 'symmetric'] as const;

const CHANGES: Readonly<Record<string, Change>> = {
  'receiver-blinks': { kinds: PUNCHED, make: ({ receiver }) => blink(receiver) },
  'sender-blinks': { kinds: PUNCHED, make: ({ sender }) => blink(sender) },
  'receiver-moves': { kinds: PUNCHED, make: ({ receiver }) => move(receiver) },
  'sender-moves': { kinds: PUNCHED, make: ({ sender }) => move(sender) },
  'nat-forgets': { kinds: PUNCHED, make: ({ sender }) => forget(sender) },
  'nat-renumbers': { kinds: PUNCHED, make: renumber },
  'nat-forgets-relayed': { kinds: RELAYED, make: ({ sender }) => forget(sender) },
  'relay-restarts': {
    kinds: RELAYED,
    make: async ({ net: { relay } }) => {
      await relay.stop();
      await relay.start();
    },
  },
  'udp-blocked': {
    kinds: PUNCHED,
    make: ({ sender: { home } }) => setPolicy(home.router, home.outside, POLICIES['no-udp']),
  },
};

export interface Changed {
  readonly isEqual: boolean;
  /** Longest time without a byte of the file since the change began, in milliseconds. */
  readonly silenceMs: number;
  /** What of it came after there was a path again. */
  readonly afterMs: number;
  /** What the receiver's chip said, in order. */
  readonly shown: readonly string[];
}

/** @returns what both pages show, when it does not end. */
async function change({ kinds, make }: Change, file: TestFile): Promise<Changed | string> {
  const net = await Internet.open();
  const devices: Device[] = [];
  try {
    const scene = { net, sender: await net.place(kinds[0]), receiver: await net.place(kinds[1]) };
    const { host, device } = scene.sender.plug;
    await host.exec('tc', [
      'qdisc',
      'add',
      'dev',
      device,
      'root',
      'tbf',
      'rate',
      RATE,
      'burst',
      '32k',
      'latency',
      '100ms',
    ]);
    for (const { plug } of [scene.sender, scene.receiver]) devices.push(await net.device(plug.host));
    const [from, to] = devices;
    if (from === undefined || to === undefined) throw new Error('There are two.');
    await record(to.context);
    const sender = await SenderScreen.open(from, net.baseUrl);
    await sender.chooseFiles([file.path]);
    const receiver = await ReceiverScreen.open(to, await sender.link());
    const saved = receiver.page.waitForEvent('download', { timeout: 0 });
    saved.catch(() => undefined);
    await receiver.receive();
    await receiver.arrived(BEFORE);
    const changedAt = Date.now();
    await make(scene);
    const isBackAt = Date.now();
    await receiver.heading(/^Received and verified/).waitFor({ timeout: END_MS });
    const sha256 = await sha256OfFile(await (await saved).path());
    const since = (await gaps(receiver.page)).filter(({ to: end }) => end > changedAt);
    const longest = since.reduce((most, gap) => (gap.to - gap.from > most.to - most.from ? gap : most), NO_GAP);
    return {
      isEqual: sha256 === file.sha256,
      silenceMs: longest.to - longest.from,
      afterMs: Math.max(0, longest.to - Math.max(isBackAt, longest.from)),
      shown: await pathsShown(receiver.page),
    };
  } catch (error) {
    const pages = devices.flatMap(({ context }) => context.pages());
    const shown = await Promise.all(pages.map((page) => page.locator('body').ariaSnapshot()));
    return [String(error), ...shown].join('\n');
  } finally {
    await Promise.all(devices.map((device) => device.close()));
    await net.close();
  }
}

const NO_GAP = { from: 0, to: 0 };

export interface ChangesOptions {
  /** Names of changes; all without it. */
  readonly only?: readonly string[];
  /** Prints one line for a person. */
  readonly say: (line: string) => void;
}

/** Tries all and prints what the longest silence was. @returns how many did not end equal. */
export async function run({ only = Object.keys(CHANGES), say }: ChangesOptions): Promise<number> {
  const folder = await mkdtemp(join(tmpdir(), 'beeline-changes-'));
  let wrong = 0;
  let most = 0;
  try {
    const file = await writeRandomFile(join(folder, 'file.bin'), FILE_BYTES);
    for (const name of only) {
      const one = CHANGES[name];
      if (one === undefined) throw new Error(`There is no ${name}; there are ${Object.keys(CHANGES).join(', ')}.`);
      const result = await change(one, file);
      if (typeof result === 'string') {
        wrong += 1;
        say(`STUCK     ${name}:\n${result}`);
        continue;
      }
      const { isEqual, silenceMs, afterMs, shown } = result;
      if (!isEqual) wrong += 1;
      most = Math.max(most, afterMs);
      const seconds = (ms: number) => `${(ms / 1000).toFixed(1)} s`;
      const words = `${seconds(silenceMs)} silent, ${seconds(afterMs)} of it with a path; ${shown.join(', then ')}`;
      say(`${isEqual ? 'equal    ' : 'NOT EQUAL'} ${name}: ${words}`);
    }
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
  say(`longest silence with a path: ${(most / 1000).toFixed(1)} s`);
  return wrong;
}

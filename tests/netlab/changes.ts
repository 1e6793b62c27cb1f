/** A network that changes in the middle of a transfer, which goes on by itself. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import type { Page } from 'playwright-core';
import type { Device } from '../e2e/browser.ts';
import { MIB, sha256OfFile, writeRandomFile, type TestFile } from '../e2e/files.ts';
import { ReceiverScreen, SenderScreen } from '../e2e/pages.ts';
import { Internet, POLICIES, type Kind, type Place } from './internet.ts';
import type { Plug } from './lan.ts';
import { setPolicy } from './nat.ts';
import { ensureProgram } from '../programs.mjs';
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

interface Change {
  readonly kinds: readonly [sender: Kind, receiver: Kind];
  /** Changes the network; resolves when there is a path again. */
  readonly make: (scene: Scene) => Promise<void>;
}

type Kinds = Change['kinds'];

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

export const PUNCHED = ['port-restricted', 'port-restricted'] as const;
const RELAYED = ['symmetric', 'symmetric'] as const;

export const CHANGES = {
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
} satisfies Readonly<Record<string, Change>>;

export interface Changed {
  readonly isEqual: boolean;
  /** Longest time without a byte of the file since the change began, in milliseconds. */
  readonly silenceMs: number;
  /** What of it came after there was a path again. */
  readonly afterMs: number;
  /** What the receiver's chip said, in order. */
  readonly shown: readonly string[];
}

/** A sender and a receiver in networks of their own, whose changes stay. Nobody clicks anything once a transfer has begun. */
export class Scene {
  private constructor(
    readonly net: Internet,
    readonly sender: Place,
    readonly receiver: Place,
    private readonly devices: readonly [from: Device, to: Device],
  ) {}

  static async open([from, to]: Kinds): Promise<Scene> {
    const net = await Internet.open();
    const devices: Device[] = [];
    const open = async (kind: Kind) => {
      const place = await net.place(kind);
      const device = await net.device(place.plug.host);
      devices.push(device);
      return { place, device };
    };
    try {
      const sender = await open(from);
      const receiver = await open(to);
      await slow(sender.place.plug);
      await record(receiver.device.context);
      return new Scene(net, sender.place, receiver.place, [sender.device, receiver.device]);
    } catch (error) {
      await Promise.all(devices.map((device) => device.close()));
      await net.close();
      throw error;
    }
  }

  /** One transfer, in the middle of which the network changes. @returns what both pages show, when it does not end. */
  async change({ make }: Change, file: TestFile): Promise<Changed | string> {
    const [from, to] = this.devices;
    const pages: Page[] = [];
    try {
      const sender = await SenderScreen.open(from, this.net.baseUrl);
      pages.push(sender.page);
      await sender.chooseFiles([file.path]);
      const receiver = await ReceiverScreen.open(to, await sender.link());
      pages.push(receiver.page);
      const saved = receiver.page.waitForEvent('download', { timeout: 0 });
      saved.catch(() => undefined);
      await receiver.receive();
      await receiver.arrived(BEFORE);
      const changedAt = Date.now();
      await make(this);
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
      const shown = await Promise.all(pages.map((page) => page.locator('body').ariaSnapshot()));
      return [String(error), ...shown].join('\n');
    } finally {
      await Promise.all(pages.map((page) => page.close()));
    }
  }

  async close(): Promise<void> {
    await Promise.all(this.devices.map((device) => device.close()));
    await this.net.close();
  }
}

function slow({ host, device }: Plug): Promise<unknown> {
  const rate = ['rate', RATE, 'burst', '32k', 'latency', '100ms'];
  return host.exec('tc', ['qdisc', 'add', 'dev', device, 'root', 'tbf', ...rate]);
}

const NO_GAP = { from: 0, to: 0 };

export interface ChangesOptions {
  /** Names of changes; all without it. */
  readonly only?: readonly string[];
  /** Prints one line for a person. */
  readonly say: (line: string) => void;
}

/** What a person reads of it. */
export function wordsOf({ silenceMs, afterMs, shown }: Changed): string {
  const seconds = (ms: number) => `${(ms / 1000).toFixed(1)} s`;
  return `${seconds(silenceMs)} silent, ${seconds(afterMs)} of it with a path; ${shown.join(', then ')}`;
}

/** Tries all, each in a lab of its own, and prints what the longest silence was. @returns how many did not end equal. */
export async function run({ only = Object.keys(CHANGES), say }: ChangesOptions): Promise<number> {
  const folder = await mkdtemp(join(tmpdir(), 'beeline-changes-'));
  let wrong = 0;
  let most = 0;
  try {
    const file = await writeRandomFile(join(folder, 'file.bin'), FILE_BYTES);
    for (const name of only) {
      const one = (CHANGES as Readonly<Record<string, Change>>)[name];
      if (one === undefined) throw new Error(`There is no ${name}; there are ${Object.keys(CHANGES).join(', ')}.`);
      const scene = await Scene.open(one.kinds);
      const result = await scene.change(one, file).finally(() => scene.close());
      if (typeof result === 'string') {
        wrong += 1;
        say(`STUCK     ${name}:\n${result}`);
        continue;
      }
      if (!result.isEqual) wrong += 1;
      most = Math.max(most, result.afterMs);
      say(`${result.isEqual ? 'equal    ' : 'NOT EQUAL'} ${name}: ${wordsOf(result)}`);
    }
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
  say(`longest silence with a path: ${(most / 1000).toFixed(1)} s`);
  return wrong;
}

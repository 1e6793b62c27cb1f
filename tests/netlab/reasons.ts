/**
 * Every reason for which a page does not connect, caused in the lab: with real networks, a real relay, and what an
 * administrator can set in a real browser. All at once, because each takes its time and none needs much else.
 */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { isIPv4 } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Page } from 'playwright-core';
import { explain, type ErrorCode } from '../../src/core/errors.ts';
import type { Device } from '../e2e/browser.ts';
import { SenderScreen, underServiceWorker } from '../e2e/pages.ts';
import { Internet, type Kind, type Place } from './internet.ts';
import { drop } from './nat.ts';
import { accountOf, listen, type Account } from './said.ts';

/** Ports of servers beside the one with a relay: without one, with one that refuses, and one that gets cut off. */
const PORTS = { bare: 8001, refusing: 8002, cut: 8003 };

/** Milliseconds in a page: its first attempt has ended by then, which must not change the reason. */
const WATCHED_MS = 23_000;

/** Rule [C11]. */
export const REASON_WITHIN_MS = 20_000;

/** A link like any other, of a share that nobody offers. */
const NOBODYS = 'q83vEjRWeJq83vEjRWeJqA';

/** RFC 7983: the first byte of what is DTLS. */
const DTLS = 'meta l4proto udp @th,64,8 20-63';

/** A person who opens links. */
interface Person {
  readonly place: Place;
  readonly device: Device;
}

interface Cause {
  readonly code: ErrorCode;
  /** True where nothing is tried again: there is nothing to wait for after the reason. */
  readonly isFinal?: boolean;
  /** Opens the page that is to give the reason. Its time counts from there. */
  readonly open: (lab: Troubles) => Promise<Page>;
}

/** By what is done. */
const CAUSES = {
  'The device has no link.': {
    code: 'offline',
    open: async ({ people: { offline }, bare }) => {
      const { plug } = offline.place;
      await kept(offline, bare);
      await plug.host.ip('link', 'set', plug.device, 'down');
      return offline.device.open(`${bare}/#${NOBODYS}`);
    },
  },
  'What goes to the server is dropped.': {
    code: 'server-unreachable',
    open: async ({ people: { filtered }, cut }) => {
      await kept(filtered, cut);
      await drop(filtered.place.home, `tcp dport ${PORTS.cut}`);
      return filtered.device.open(`${cut}/#${NOBODYS}`);
    },
  },
  'Nobody serves the link.': {
    code: 'sender-away',
    open: ({ people: { symmetric }, bare }) => symmetric.device.open(`${bare}/#${NOBODYS}`),
  },
  'The link lacks its end.': {
    code: 'link-incomplete',
    isFinal: true,
    open: ({ people: { symmetric }, bare }) => symmetric.device.open(`${bare}/#${NOBODYS.slice(0, -1)}`),
  },
  'The sender does not let this device in.': {
    code: 'sender-declined',
    isFinal: true,
    open: async ({ people: { symmetric }, shares: { asking } }) => {
      const page = await symmetric.device.open(await asking.link());
      await asking.button('Decline').click();
      return page;
    },
  },
  'No local address may be told, and STUN is out of reach.': {
    code: 'no-address',
    open: async ({ people: { hidden }, shares: { bare } }) => hidden.device.open(await bare.link()),
  },
  'UDP is dropped, and there is no relay.': {
    code: 'udp-blocked',
    open: async ({ people: { tcpOnly }, shares: { bare } }) => tcpOnly.device.open(await bare.link()),
  },
  'The server and its relay have different secrets.': {
    code: 'relay-refused',
    open: async ({ people: { symmetric }, shares: { refusing } }) => symmetric.device.open(await refusing.link()),
  },
  'What goes to the relay is dropped.': {
    code: 'relay-unreachable',
    open: async ({ people: { tcpOnly }, shares: { relayed } }) => tcpOnly.device.open(await relayed.link()),
  },
  'Both are behind a symmetric NAT, and there is no relay.': {
    code: 'connect-failed',
    open: async ({ people: { symmetric }, shares: { bare } }) => symmetric.device.open(await bare.link()),
  },
  'The server changes the sender’s answer.': {
    code: 'not-authentic',
    open: async ({ people: { symmetric }, shares: { relayed } }) => {
      const page = await symmetric.device.context.newPage();
      await page.routeWebSocket('**/peerjs?**', (line) => {
        const server = line.connectToServer();
        server.onMessage((message) => line.send(changed(String(message))));
      });
      await page.goto(await relayed.link());
      return page;
    },
  },
  'DTLS is dropped.': {
    code: 'dtls-failed',
    open: async ({ people: { filtered }, shares: { bare } }) => filtered.device.open(await bare.link()),
  },
  'A policy keeps WebRTC from using UDP.': {
    code: 'unsupported',
    open: async ({ people: { forbidden }, shares: { bare } }) => forbidden.device.open(await bare.link()),
  },
  'What the page needs for a link never arrives.': {
    code: 'not-loaded',
    isFinal: true,
    open: async ({ people: { hidden }, net }) => {
      const page = await hidden.device.context.newPage();
      await page.route('**/assets/receive-*.js', () => undefined);
      await page.goto(`${net.baseUrl}/#${NOBODYS}`);
      return page;
    },
  },
  'WebRTC is taken out of the page, as extensions do.': {
    code: 'unsupported',
    isFinal: true,
    open: async ({ people: { symmetric }, bare }) => {
      const page = await symmetric.device.context.newPage();
      await page.addInitScript(() => Reflect.deleteProperty(window, 'RTCPeerConnection'));
      await page.goto(`${bare}/#${NOBODYS}`);
      return page;
    },
  },
} as const satisfies Readonly<Record<string, Cause>>;

export type CauseName = keyof typeof CAUSES;
export const CAUSE_NAMES = Object.keys(CAUSES) as CauseName[];

/** The message, with another letter in the middle of what is sealed if it is an answer. */
function changed(message: string): string {
  const parsed = JSON.parse(message) as { readonly type: string; readonly payload?: { readonly b: string } };
  if (parsed.type !== 'ANSWER' || parsed.payload === undefined) return message;
  const { b } = parsed.payload;
  const at = Math.floor(b.length / 2);
  const other = b[at] === 'A' ? 'B' : 'A';
  return JSON.stringify({ ...parsed, payload: { ...parsed.payload, b: b.slice(0, at) + other + b.slice(at + 1) } });
}

/** So that pages of this server open without a network. */
async function kept({ device }: Person, baseUrl: string): Promise<void> {
  const page = await device.open(`${baseUrl}/`);
  await underServiceWorker(page);
  await page.close();
}

/** A network each, and what an administrator says of WebRTC there: which addresses it may tell, and use. */
const PEOPLE = {
  symmetric: ['symmetric', null],
  tcpOnly: ['no-udp', null],
  filtered: ['open', null],
  offline: ['port-restricted', null],
  hidden: ['no-udp', 'default_public_interface_only'],
  forbidden: ['port-restricted', 'disable_non_proxied_udp'],
} as const satisfies Readonly<Record<string, readonly [Kind, string | null]>>;

type People = Readonly<Record<keyof typeof PEOPLE, Person>>;

/** What the sender shares over each server; `asking` admits nobody unasked. */
type Shares = Readonly<Record<'relayed' | 'asking' | 'bare' | 'refusing', SenderScreen>>;

/** What became of one cause. */
export interface Trouble extends Account {
  readonly name: CauseName;
  readonly code: ErrorCode;
  readonly page: Page;
}

export class Troubles {
  private constructor(
    readonly net: Internet,
    private readonly servers: Readonly<Record<keyof typeof PORTS, string>>,
    readonly people: People,
    readonly shares: Shares,
    private readonly devices: readonly Device[],
  ) {}

  /** The server that knows no relay. */
  get bare(): string {
    return this.servers.bare;
  }

  /** The server that gets cut off. */
  get cut(): string {
    return this.servers.cut;
  }

  static async open(): Promise<Troubles> {
    const net = await Internet.open();
    const devices: Device[] = [];
    try {
      const { STUN_URLS = '', ...relay } = net.relay.serverEnvironment;
      const servers = {
        bare: await net.serve(PORTS.bare, { STUN_URLS }),
        refusing: await net.serve(PORTS.refusing, { STUN_URLS, ...relay, TURN_SECRET: 'not-that-of-the-relay' }),
        cut: await net.serve(PORTS.cut, { STUN_URLS }),
      };
      const launch = async (kind: Kind, policy: string | null): Promise<Person> => {
        const place = await net.place(kind);
        const options = policy === null ? {} : { policies: { WebRtcIPHandling: policy } };
        const device = await net.device(place.plug.host, place.isIpv6, options);
        devices.push(device);
        await listen(device.context);
        return { place, device };
      };
      const sender = await launch('symmetric', null);
      const people: Partial<Record<keyof People, Person>> = {};
      for (const [name, [kind, policy]] of Object.entries(PEOPLE)) {
        people[name as keyof People] = await launch(kind, policy);
      }
      const { tcpOnly, filtered } = people as People;
      await drop(tcpOnly.place.home, `ip daddr { ${net.relay.addresses.filter(isIPv4).join()} }`);
      await drop(filtered.place.home, DTLS);
      const shares = await shareAll(sender.device, { relayed: net.baseUrl, asking: net.baseUrl, ...servers });
      return new Troubles(net, servers, people as People, shares, devices);
    } catch (error) {
      await Promise.all(devices.map((device) => device.close()));
      await net.close();
      throw error;
    }
  }

  /**
   * Causes all of it, and watches what the pages say. They are opened one after the other, so that each loads as fast as
   * it would alone, and watched together.
   */
  async causeAll(): Promise<Trouble[]> {
    const watching: Promise<Trouble>[] = [];
    for (const name of CAUSE_NAMES) {
      const page = await CAUSES[name].open(this);
      watching.push(watch(name, page));
    }
    return Promise.all(watching);
  }

  async close(): Promise<void> {
    await Promise.all(this.devices.map((device) => device.close()));
    await this.net.close();
  }
}

async function watch(name: CauseName, page: Page): Promise<Trouble> {
  const { code, isFinal = false }: Cause = CAUSES[name];
  if (isFinal) await page.getByText(explain(code).next).waitFor();
  else await page.waitForFunction((ms) => performance.now() > ms, WATCHED_MS);
  return { name, code, page, ...(await accountOf(page)) };
}

/** A small file over each server, one page each. */
async function shareAll(device: Device, origins: Readonly<Record<keyof Shares, string>>): Promise<Shares> {
  const folder = await mkdtemp(join(tmpdir(), 'beeline-reasons-'));
  try {
    const path = join(folder, 'file.txt');
    await writeFile(path, 'to be sent');
    const share = async (origin: string): Promise<SenderScreen> => {
      const screen = await SenderScreen.open(device, origin);
      await screen.chooseFiles([path]);
      await screen.link();
      return screen;
    };
    const shares = {
      relayed: await share(origins.relayed),
      asking: await share(origins.asking),
      bare: await share(origins.bare),
      refusing: await share(origins.refusing),
    };
    await shares.asking.page.getByRole('radio', { name: 'Ask me first' }).check();
    return shares;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** A line of the table. */
export function lineOf({ name, reasons, afterMs }: Trouble): string {
  const said = reasons.map((reason) => `${reason}: ${explain(reason).sentence}`).join(', then ') || 'nothing';
  return `${(afterMs / 1000).toFixed(1).padStart(4)} s  ${name} ${said}`;
}

export interface ReasonsOptions {
  /** Prints one line for a person. */
  readonly say: (line: string) => void;
}

/** Causes all and prints what the pages said. @returns how many were wrong. */
export async function run({ say }: ReasonsOptions): Promise<number> {
  const troubles = await Troubles.open();
  try {
    let wrong = 0;
    for (const trouble of await troubles.causeAll()) {
      const { code, reasons, silentMs } = trouble;
      const isRight = reasons.length === 1 && reasons[0] === code && silentMs <= REASON_WITHIN_MS;
      if (!isRight) wrong += 1;
      say(`${isRight ? 'ok   ' : 'WRONG'} ${lineOf(trouble)}`);
    }
    return wrong;
  } finally {
    await troubles.close();
  }
}

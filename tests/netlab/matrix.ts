/** Which path two people find, for each kind of network they may be in. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Device } from '../e2e/browser.ts';
import { MIB, writeRandomFile, type TestFile } from '../e2e/files.ts';
import { Internet, KINDS, type Kind, type Place } from './internet.ts';
import { dropFirst, hairpin } from './nat.ts';
import { send, type Sent } from './paths.ts';

const FILE_BYTES = 2 * MIB;

/** What asks a relay for an address over UDP, as nftables matches it. Source: RFC 8656, section 18. */
const ALLOCATE = 'udp dport 3478 @th,64,16 0x0003';

/** Two devices in one home: on one switch; or as guests, who reach each other only over the router, if at all. */
export type Together = 'one-lan' | 'guests' | 'guests-hairpin';
export const TOGETHER: readonly Together[] = ['one-lan', 'guests', 'guests-hairpin'];

/** What the chip may say on each side. */
export interface Expected {
  readonly sender: readonly string[];
  readonly receiver: readonly string[];
}

export interface Cell {
  readonly sent: Sent | null;
  /** What each side showed last; or why there is nothing. */
  readonly words: string;
  /** It arrived equal, over an expected path, and no page complained. */
  readonly isRight: boolean;
}

const hasUdp = (kind: Kind): boolean => kind !== 'no-udp' && kind !== 'tcp-443';

/** Punching a hole needs a partner who sees the port that it was punched for, or asks for none. */
function canPunch(a: Kind, b: Kind): boolean {
  if (!hasUdp(a) || !hasUdp(b)) return false;
  if (a === 'open' || b === 'open') return true;
  return a === b ? a !== 'symmetric' : ![a, b].includes('symmetric') && ![a, b].includes('ipv6');
}

/** What it says at a device: how that reaches the relay, its own or the other's. */
function relayed(kind: Kind): string[] {
  if (kind === 'no-udp') return ['Relayed over TCP'];
  if (kind === 'tcp-443') return ['Relayed over TLS'];
  return ['Relayed over UDP'];
}

export function expectedBetween(sender: Kind, receiver: Kind): Expected {
  if (canPunch(sender, receiver)) return { sender: ['Direct'], receiver: ['Direct'] };
  return { sender: relayed(sender), receiver: relayed(receiver) };
}

function expectedTogether(together: Together): Expected {
  if (together === 'guests') return { sender: relayed('port-restricted'), receiver: relayed('port-restricted') };
  const words = [together === 'one-lan' ? 'Same network' : 'Direct'];
  return { sender: words, receiver: words };
}

/** An internet, a file, and at most two browsers at a time. */
export class Matrix {
  readonly #places = new Map<string, Place>();

  private constructor(
    private readonly net: Internet,
    private readonly folder: string,
    private readonly file: TestFile,
  ) {}

  static async open(): Promise<Matrix> {
    const folder = await mkdtemp(join(tmpdir(), 'beeline-matrix-'));
    const file = await writeRandomFile(join(folder, 'file.bin'), FILE_BYTES);
    return new Matrix(await Internet.open(), folder, file);
  }

  async between(sender: Kind, receiver: Kind): Promise<Cell> {
    const from = await this.#place('sender', sender);
    const to = await this.#place('receiver', receiver);
    return this.#try(from, to, expectedBetween(sender, receiver));
  }

  /** Of what the receiver asks the relay over UDP, the first packet is lost. */
  async betweenLosing(sender: Kind, receiver: Kind): Promise<Cell> {
    const from = await this.#place('sender', sender);
    const to = await this.net.place(receiver);
    await dropFirst(to.home, ALLOCATE);
    return this.#try(from, to, expectedBetween(sender, receiver));
  }

  async together(together: Together): Promise<Cell> {
    const from = await this.net.place('port-restricted');
    const plug = await this.net.person(from.home);
    const guests = [from.plug, plug] as const;
    if (together !== 'one-lan') await from.home.lan.isolate(...guests);
    if (together === 'guests-hairpin') await hairpin(from.home, guests);
    return this.#try(from, { ...from, plug }, expectedTogether(together));
  }

  async close(): Promise<void> {
    await this.net.close();
    await rm(this.folder, { recursive: true, force: true });
  }

  async #place(side: string, kind: Kind): Promise<Place> {
    const known = this.#places.get(`${side} ${kind}`);
    if (known !== undefined) return known;
    const place = await this.net.place(kind);
    this.#places.set(`${side} ${kind}`, place);
    return place;
  }

  async #try(from: Place, to: Place, expected: Expected): Promise<Cell> {
    const devices: Device[] = [];
    try {
      for (const { plug, isIpv6 } of [from, to]) devices.push(await this.net.device(plug.host, isIpv6));
      const [sender, receiver] = devices;
      if (sender === undefined || receiver === undefined) throw new Error('There are two.');
      const sent = await send(sender, receiver, this.net.baseUrl, this.file);
      const complaints = devices.flatMap((device) => device.complaints);
      return judge(sent, expected, complaints);
    } catch (error) {
      const reason = error instanceof Error ? (error.message.split('\n')[0] ?? '') : String(error);
      return { sent: null, words: `failed: ${reason}`, isRight: false };
    } finally {
      await Promise.all(devices.map((device) => device.close()));
    }
  }
}

function judge(sent: Sent, expected: Expected, complaints: readonly string[]): Cell {
  const last = { sender: sent.shown.sender.at(-1) ?? '', receiver: sent.shown.receiver.at(-1) ?? '' };
  const isExpected = expected.sender.includes(last.sender) && expected.receiver.includes(last.receiver);
  const words = last.sender === last.receiver ? last.sender : `${last.sender} / ${last.receiver}`;
  if (!sent.isEqual) return { sent, words: `${words}, not equal`, isRight: false };
  if (complaints.length > 0) return { sent, words: `${words}, ${complaints[0] ?? ''}`, isRight: false };
  return { sent, words, isRight: isExpected };
}

export interface MatrixOptions {
  readonly senders?: readonly Kind[];
  readonly receivers?: readonly Kind[];
  /** Prints one line for a person. */
  readonly say: (line: string) => void;
}

/** Tries all, and prints a line for each and then the table. @returns how many were not as expected. */
export async function run({ senders = KINDS, receivers = KINDS, say }: MatrixOptions): Promise<number> {
  const matrix = await Matrix.open();
  const rows: string[][] = [];
  let wrong = 0;
  const tell = (name: string, cell: Cell): string => {
    if (!cell.isRight) wrong += 1;
    const ms = cell.sent === null ? '' : `, offered after ${cell.sent.connectMs.toFixed(0)} ms`;
    say(`${cell.isRight ? 'ok   ' : 'WRONG'} ${name}: ${cell.words}${ms}`);
    return cell.isRight ? shorten(cell.words) : `${shorten(cell.words)} (!)`;
  };
  try {
    for (const sender of senders) {
      const row = [sender as string];
      for (const receiver of receivers) {
        row.push(tell(`${sender} to ${receiver}`, await matrix.between(sender, receiver)));
      }
      rows.push(row);
    }
    for (const together of TOGETHER) rows.push([together, tell(together, await matrix.together(together))]);
  } finally {
    await matrix.close();
  }
  for (const line of table([['sender \\ receiver', ...receivers], ...rows])) say(line);
  return wrong;
}

/** `Relayed over TLS / Relayed over UDP` becomes `TLS / UDP`: a table has little room. */
function shorten(words: string): string {
  return words.replaceAll('Relayed over ', '').replaceAll('Same network', 'LAN').replaceAll('Direct', 'direct');
}

/** Columns as wide as their widest cell. */
function table(rows: readonly (readonly string[])[]): string[] {
  const widths = (rows[0] ?? []).map((_, i) => Math.max(...rows.map((row) => (row[i] ?? '').length)));
  return rows.map((row) =>
    row
      .map((cell, i) => cell.padEnd(widths[i] ?? 0))
      .join('  ')
      .trimEnd(),
  );
}

/** One transfer over a chosen link, through a bare data channel and through Beeline. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { measureFile } from '../bench/beeline.ts';
import { RAW_CHANNEL, RawPage } from '../bench/raw-channel.ts';
import type { Device } from '../e2e/browser.ts';
import { MIB, writeRandomFile } from '../e2e/files.ts';
import { Dumbbell } from './dumbbell.ts';
import type { Shape, Traffic } from './link.ts';

/** Not measured: lets both browsers finish starting, and compile what they run. */
const WARM_UP_BYTES = 256 << 10;

export interface TransferOptions {
  readonly shape: Shape;
  readonly bytes: number;
  /** Leaves Beeline out. */
  readonly isRawOnly: boolean;
  /** Prints one line for a person. */
  readonly say: (line: string) => void;
}

/** 10^6 bits of payload per second. */
export interface TransferResult {
  readonly raw: number;
  readonly beeline: number | null;
}

export async function run({ shape, bytes, isRawOnly, say }: TransferOptions): Promise<TransferResult> {
  const net = await Dumbbell.open(shape);
  const folder = await mkdtemp(join(tmpdir(), 'beeline-netlab-'));
  const devices: Device[] = [];
  try {
    const from = await net.device('left');
    devices.push(from);
    const to = await net.device('right');
    devices.push(to);

    const tell = async (name: string, measure: () => Promise<number>): Promise<number> => {
      const before = (await net.link.traffic()).ab;
      const mbit = (bytes * 8) / 1_000 / (await measure());
      const { ab } = await net.link.traffic();
      say(`${name}: ${mbit.toFixed(2)} Mbit/s${shareOf(mbit, shape)}; ${fateOf(before, ab)}`);
      return mbit;
    };

    await measureRaw(from, to, WARM_UP_BYTES);
    const raw = await tell('raw', () => measureRaw(from, to, bytes));
    if (isRawOnly) return { raw, beeline: null };

    await net.startServer();
    const { path } = await writeRandomFile(join(folder, `${bytes / MIB}.bin`), bytes);
    const beeline = await tell('Beeline', () => measureFile(from, to, net.baseUrl, path));
    say(`ratio ${(beeline / raw).toFixed(2)}`);
    return { raw, beeline };
  } finally {
    await Promise.all(devices.map((device) => device.close()));
    await rm(folder, { recursive: true, force: true });
    await net.close();
  }
}

/**
 * Milliseconds of a bare data channel. Its page is served by this machine, which hosts of the lab cannot reach: the driver
 * fetches it for them, at a loopback address, which counts as secure.
 */
async function measureRaw(from: Device, to: Device, bytes: number): Promise<number> {
  const page = await RawPage.serve();
  try {
    for (const { context } of [from, to]) {
      await context.route(page.url, async (route) => route.fulfill({ response: await route.fetch() }));
    }
    return await page.measure(from, to, { ...RAW_CHANNEL, bytes });
  } finally {
    await page.close();
  }
}

function shareOf(mbit: number, { rateMbit }: Shape): string {
  return rateMbit > 0 ? `, ${((mbit / rateMbit) * 100).toFixed(0)} % of the link` : '';
}

/** What became of the sender's packets. */
function fateOf(before: Traffic, after: Traffic): string {
  const packets = after.packets - before.packets;
  return `${packets} packets, ${after.lost - before.lost} lost, ${after.dropped - before.dropped} dropped by the queue`;
}

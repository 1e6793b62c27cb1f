/**
 * The cost of growth: processor time per GiB and memory of a transfer of 2 GiB against one of 256 MiB, from the click to
 * verified, so without saving. Of all processes of both browsers, each time fresh ones, because what one transfer leaves
 * behind must not help or burden the next.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Device } from '../e2e/browser.ts';
import { MIB, writeRandomFile } from '../e2e/files.ts';
import { lengthOf, measureFile, Offer } from './beeline.ts';
import { CpuWatch, MemoryWatch } from './processes.ts';
import { median, mibPerSecond, rounded, shown, spreadOf, type BenchContext, type Spread } from './report.ts';

const PAIRS = 3;
const LARGE_MIB = 2048;
/** Of the large transfer. */
const SMALL_FRACTION = 1 / 8;
/** Not counted: compiling what the pages run costs as much for a small transfer as for a large one. */
const WARM_UP_BYTES = 8 * MIB;
const GOAL_RATIO = 1.1;
/** As in the memory bench. */
const GOAL_MIB = 100;

const GIB_IN_MIB = 1024;

/** What one transfer cost one browser. */
interface Cost {
  /** Seconds of processor time per GiB. */
  readonly cpu: number;
  /** MiB by which its renderers rose at their peak. */
  readonly rise: number;
}

interface Transfer {
  readonly mib: number;
  /** MiB per second. */
  readonly goodput: number;
  readonly sender: Cost;
  readonly receiver: Cost;
}

interface Pair {
  readonly first: 'small' | 'large';
  readonly small: Transfer;
  readonly large: Transfer;
  /** Of processor time per GiB of both browsers, large to small. */
  readonly ratio: number;
}

export interface GrowthResult {
  readonly pairs: readonly Pair[];
  readonly ratio: Spread;
  readonly goalRatio: number;
  /** Medians of MiB by which the large transfer's renderers rose more than the small one's. */
  readonly difference: { readonly sender: number; readonly receiver: number };
  readonly goalMib: number;
}

async function measure({ baseUrl, say }: BenchContext, folder: string, mib: number): Promise<Transfer> {
  const warmUp = await writeRandomFile(join(folder, 'warm-up.bin'), WARM_UP_BYTES);
  const file = await writeRandomFile(join(folder, `${mib}.bin`), mib * MIB);
  const devices = await Promise.all([Device.launch(), Device.launch()]);
  try {
    await measureFile(...devices, baseUrl, warmUp.path);
    const offer = await Offer.make(...devices, baseUrl, { files: [file.path] });
    const watches = await Promise.all(
      devices.map(async (device) => ({ memory: await MemoryWatch.start(device), cpu: await CpuWatch.start(device) })),
    );
    const ms = lengthOf(await offer.receive());
    const costs = await Promise.all(
      watches.map(async ({ memory, cpu }): Promise<Cost> => {
        const cpuMs = await cpu.stop();
        return {
          cpu: rounded((cpuMs / 1000 / mib) * GIB_IN_MIB),
          rise: Math.round((await memory.stop()).renderers / MIB),
        };
      }),
    );
    const [sender, receiver] = costs;
    if (sender === undefined || receiver === undefined) throw new Error('A browser is missing.');
    const transfer = { mib, goodput: rounded(mibPerSecond(mib * MIB, ms)), sender, receiver };
    say(
      `${mib} MiB at ${transfer.goodput} MiB/s: processor time per GiB ${sender.cpu} s on the sender and ` +
        `${receiver.cpu} s on the receiver; renderers rose by ${sender.rise} and ${receiver.rise} MiB`,
    );
    return transfer;
  } finally {
    await Promise.all(devices.map((device) => device.close()));
    await rm(file.path);
  }
}

function cpuOf({ sender, receiver }: Transfer): number {
  return sender.cpu + receiver.cpu;
}

export async function run(context: BenchContext): Promise<GrowthResult> {
  const { pairs, mib, say } = context;
  const largeMib = mib ?? LARGE_MIB;
  const smallMib = Math.max(1, Math.round(largeMib * SMALL_FRACTION));
  const folder = await mkdtemp(join(tmpdir(), 'beeline-bench-'));
  try {
    const measured: Pair[] = [];
    for (let i = 0; i < (pairs ?? PAIRS); i++) {
      const first = i % 2 === 0 ? 'small' : 'large';
      const before = first === 'small' ? await measure(context, folder, smallMib) : null;
      const large = await measure(context, folder, largeMib);
      const small = before ?? (await measure(context, folder, smallMib));
      const ratio = rounded(cpuOf(large) / cpuOf(small), 3);
      measured.push({ first, small, large, ratio });
      say(`pair ${i + 1} (${first} first): ratio of processor time per GiB ${ratio}`);
    }
    const ratio = spreadOf(
      measured.map((pair) => pair.ratio),
      3,
    );
    const growthOn = (side: 'sender' | 'receiver') =>
      median(measured.map(({ small, large }) => large[side].rise - small[side].rise));
    const difference = { sender: growthOn('sender'), receiver: growthOn('receiver') };
    say(
      `processor time per GiB, ${largeMib} MiB to ${smallMib} MiB, ${measured.length} pairs: ${shown(ratio)} ` +
        `(goal: at most ${GOAL_RATIO})`,
    );
    say(
      `memory rose more by ${difference.sender} MiB on the sender and ${difference.receiver} MiB on the receiver ` +
        `(goal: at most ${GOAL_MIB})`,
    );
    return { pairs: measured, ratio, goalRatio: GOAL_RATIO, difference, goalMib: GOAL_MIB };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

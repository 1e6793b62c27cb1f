/**
 * Goodput over long, lossy and slow links, as a ratio to one raw data channel over the same link and as a share of its
 * rate; and how soon a pause or a cancel acts over a full one. Needs the network lab.
 *
 * Both figures are rates, so each side sends what takes it long enough: some 15 s of the raw channel, some 30 s of
 * Beeline, its start and its search for the best number of lanes included. Share: bits of payload to bits of the link.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Device } from '../e2e/browser.ts';
import { KIB, MIB, writeRandomFile } from '../e2e/files.ts';
import { Dumbbell } from '../netlab/dumbbell.ts';
import { PERFECT, type Shape } from '../netlab/link.ts';
import { labRefusal } from '../netlab/namespaces.ts';
import { measureFile } from './beeline.ts';
import { measureActs, type Acts } from './control.ts';
import { RAW_CHANNEL, RawPage } from './raw-channel.ts';
import { rounded, shown, spreadOf, table, type BenchContext, type Spread } from './report.ts';

const PAIRS = 3;
/** Not measured, and over a perfect link: lets both browsers finish starting, and compile what they run. */
const WARM_UP_BYTES = 4 * MIB;
/** Not all sent while it is paused and cancelled: 27 s of the slow link. */
const CONTROL_BYTES = 64 * MIB;
const CONTROL_GOAL_MS = 500;

interface Path {
  readonly name: string;
  readonly shape: Shape;
  readonly rawMib: number;
  readonly beelineMib: number;
  /** At least; null where there is none. */
  readonly goals: { readonly ratio: number | null; readonly share: number | null };
  /** Whether pause and cancel are timed too. */
  readonly control: boolean;
}

const LONG: Shape = { ...PERFECT, rateMbit: 100, rttMs: 50, queueBytes: 1 * MIB };
const SLOW: Shape = { ...PERFECT, rateMbit: 20, rttMs: 20, queueBytes: 256 * KIB };

const PATHS: readonly Path[] = [
  {
    name: '100 Mbit/s, 50 ms, no loss',
    shape: LONG,
    rawMib: 64,
    beelineMib: 256,
    goals: { ratio: 1.9, share: 0.8 },
    control: false,
  },
  {
    name: '100 Mbit/s, 50 ms, 0.1 % loss',
    shape: { ...LONG, loss: 0.001 },
    rawMib: 12,
    beelineMib: 144,
    goals: { ratio: 6, share: null },
    control: false,
  },
  {
    name: '100 Mbit/s, 50 ms, 1 % loss',
    shape: { ...LONG, loss: 0.01 },
    rawMib: 3,
    beelineMib: 80,
    goals: { ratio: 12, share: null },
    control: false,
  },
  {
    name: '20 Mbit/s, 20 ms, 256 KiB queue',
    shape: SLOW,
    rawMib: 24,
    beelineMib: 64,
    goals: { ratio: null, share: 0.9 },
    control: true,
  },
];

interface Pair {
  readonly first: 'raw' | 'beeline';
  /** 10^6 bits of payload per second. */
  readonly raw: number;
  readonly beeline: number;
  readonly ratio: number;
  /** Of the link's rate. */
  readonly share: number;
}

interface PathResult {
  readonly name: string;
  readonly goals: Path['goals'];
  readonly pairs: readonly Pair[];
  readonly raw: Spread;
  readonly beeline: Spread;
  readonly ratio: Spread;
  readonly share: Spread;
  readonly acts: readonly Acts[];
}

export type LinksResult =
  { readonly skipped: string } | { readonly paths: readonly PathResult[]; readonly controlGoalMs: number };

export async function run(context: BenchContext): Promise<LinksResult> {
  const { say } = context;
  const refusal = await labRefusal();
  if (refusal !== null) {
    say(`Skipped: ${refusal}`);
    return { skipped: refusal };
  }
  const folder = await mkdtemp(join(tmpdir(), 'beeline-bench-'));
  try {
    const paths: PathResult[] = [];
    for (const path of PATHS) {
      say(`${path.name}:`);
      paths.push(await measurePath(path, folder, { ...context, say: (line) => say(`  ${line}`) }));
    }
    for (const line of table(summary(paths))) say(line);
    for (const { name, acts } of paths.filter((path) => path.acts.length > 0)) {
      say(`${name}: ms from the click to the state shown on the other side (goal: at most ${CONTROL_GOAL_MS})`);
      for (const line of table(actSummary(acts))) say(line);
    }
    return { paths, controlGoalMs: CONTROL_GOAL_MS };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function measurePath(path: Path, folder: string, { pairs, mib, say }: BenchContext): Promise<PathResult> {
  const net = await Dumbbell.open(PERFECT);
  const devices: Device[] = [];
  const page = await RawPage.serve();
  try {
    await net.startServer();
    const from = await net.device('left');
    devices.push(from);
    const to = await net.device('right');
    devices.push(to);
    for (const device of devices) await page.reachFrom(device);

    const rawBytes = Math.min(path.rawMib, mib ?? Infinity) * MIB;
    const { path: small } = await writeRandomFile(join(folder, 'warm-up.bin'), WARM_UP_BYTES);
    const file = await writeRandomFile(join(folder, 'file.bin'), Math.min(path.beelineMib, mib ?? Infinity) * MIB);
    await page.measure(from, to, { ...RAW_CHANNEL, bytes: WARM_UP_BYTES });
    await measureFile(from, to, net.baseUrl, small);
    await net.link.shape(path.shape);
    say(`raw sends ${rawBytes / MIB} MiB, Beeline ${file.bytes / MIB} MiB`);

    const measured: Pair[] = [];
    for (let i = 0; i < (pairs ?? PAIRS); i++) {
      const pair = await measurePair(i % 2 === 0 ? 'raw' : 'beeline', path.shape.rateMbit, {
        raw: async () => mbit(rawBytes, await page.measure(from, to, { ...RAW_CHANNEL, bytes: rawBytes })),
        beeline: async () => mbit(file.bytes, await measureFile(from, to, net.baseUrl, file.path)),
      });
      measured.push(pair);
      say(
        `pair ${i + 1} (${pair.first} first): raw ${pair.raw} Mbit/s, Beeline ${pair.beeline} Mbit/s, ` +
          `${(pair.share * 100).toFixed(0)} % of the link, ratio ${pair.ratio}`,
      );
    }
    const acts: Acts[] = [];
    if (path.control) {
      const { path: long } = await writeRandomFile(join(folder, 'control.bin'), CONTROL_BYTES);
      for (let i = 0; i < (pairs ?? PAIRS); i++) acts.push(await measureActs(from, to, net.baseUrl, long));
    }
    return resultOf(path, measured, acts);
  } finally {
    await Promise.all(devices.map((device) => device.close()));
    await page.close();
    await net.close();
  }
}

async function measurePair(
  first: Pair['first'],
  rateMbit: number,
  measure: Readonly<Record<Pair['first'], () => Promise<number>>>,
): Promise<Pair> {
  const before = first === 'raw' ? await measure.raw() : null;
  const beeline = await measure.beeline();
  const raw = before ?? (await measure.raw());
  return {
    first,
    raw: rounded(raw),
    beeline: rounded(beeline),
    ratio: rounded(beeline / raw),
    share: rounded(beeline / rateMbit, 3),
  };
}

function mbit(bytes: number, ms: number): number {
  return (bytes * 8) / 1_000 / ms;
}

function resultOf({ name, goals }: Path, pairs: readonly Pair[], acts: readonly Acts[]): PathResult {
  const spread = (key: 'raw' | 'beeline' | 'ratio' | 'share', digits = 2) =>
    spreadOf(
      pairs.map((pair) => pair[key]),
      digits,
    );
  return {
    name,
    goals,
    pairs,
    raw: spread('raw'),
    beeline: spread('beeline'),
    ratio: spread('ratio'),
    share: spread('share', 3),
    acts,
  };
}

function summary(paths: readonly PathResult[]): string[][] {
  return [
    ['link', 'raw Mbit/s', 'Beeline Mbit/s', 'ratio', 'goal', 'share of the link', 'goal'],
    ...paths.map(({ name, raw, beeline, ratio, share, goals }) => [
      name,
      shown(raw),
      shown(beeline),
      shown(ratio),
      goals.ratio === null ? '' : String(goals.ratio),
      shown(share),
      goals.share === null ? '' : String(goals.share),
    ]),
  ];
}

function actSummary(acts: readonly Acts[]): string[][] {
  const spread = (key: keyof Acts) =>
    shown(
      spreadOf(
        acts.map((act) => act[key]),
        0,
      ),
    );
  return [
    ['', 'by the receiver', 'by the sender'],
    ['pause', spread('pauseByReceiver'), spread('pauseBySender')],
    ['cancel', spread('cancelByReceiver'), spread('cancelBySender')],
  ];
}

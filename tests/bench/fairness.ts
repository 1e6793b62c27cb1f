/**
 * What a transfer leaves to others on a link that is full: two transfers of two pairs of people, and one beside a download
 * over HTTP. Needs the network lab.
 *
 * Rates are of payload, over a time in which both are under way and past their start.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import type { Device } from '../e2e/browser.ts';
import { KIB, MIB, writeRandomFile, type TestFile } from '../e2e/files.ts';
import { Dumbbell } from '../netlab/dumbbell.ts';
import type { Host } from '../netlab/host.ts';
import { PERFECT, type Shape } from '../netlab/link.ts';
import { labRefusal } from '../netlab/namespaces.ts';
import { listen, probe } from '../netlab/probe.ts';
import { Offer } from './beeline.ts';
import { rounded, shown, spreadOf, type BenchContext, type Spread } from './report.ts';

const PAIRS = 2;
/** Slow enough for this machine to carry two transfers over it. */
const LINK: Shape = { ...PERFECT, rateMbit: 40, rttMs: 50, queueBytes: 512 * KIB };
/** More than the link carries in the time of a round. */
const FILE_MIB = 256;
/** Milliseconds by which the second begins later, that both then have to find their pace, and that are measured. */
const LATER_MS = 5_000;
const SETTLE_MS = 10_000;
const MEASURED_MS = 15_000;
const PORT = 8081;

/** The greater of two transfers' rates to the lesser, at most. */
const TRANSFERS_GOAL = 2;
/** Of half of what the download has alone, at least. */
const DOWNLOAD_GOAL = 0.25;

/** 10^6 bits of payload per second. */
interface Round {
  readonly transfers: readonly [first: number, second: number];
  /** A download alone, the same beside a transfer, and that transfer. */
  readonly alone: number;
  readonly download: number;
  readonly beside: number;
}

export type FairnessResult =
  | { readonly skipped: string }
  | {
      readonly rounds: readonly Round[];
      readonly transfers: Spread;
      readonly transfersGoal: number;
      readonly download: Spread;
      readonly downloadGoal: number;
    };

interface Stage {
  readonly net: Dumbbell;
  /** Two on each side. */
  readonly pairs: readonly (readonly [from: Device, to: Device])[];
  readonly downloader: Host;
  readonly file: TestFile;
  /** Where the download comes from. */
  readonly source: string;
}

export async function run({ pairs: rounds, mib, say }: BenchContext): Promise<FairnessResult> {
  const refusal = await labRefusal();
  if (refusal !== null) {
    say(`Skipped: ${refusal}`);
    return { skipped: refusal };
  }
  const folder = await mkdtemp(join(tmpdir(), 'beeline-bench-'));
  const net = await Dumbbell.open(LINK);
  const devices: Device[] = [];
  try {
    await net.startServer();
    const pairOf = async () => {
      const pair = [await net.device('left'), await net.device('right')] as const;
      devices.push(...pair);
      return pair;
    };
    const pairs = [await pairOf(), await pairOf()];
    await listen(net.lans.left.router, 'serve', PORT);
    const source = `${net.lans.left.gateway}:${PORT}`;
    const downloader = await net.host('right');
    const file = await writeRandomFile(join(folder, 'file.bin'), (mib ?? FILE_MIB) * MIB);
    const stage: Stage = { net, pairs, downloader, file, source };

    const measured: Round[] = [];
    for (let i = 0; i < (rounds ?? PAIRS); i++) {
      const round = { transfers: await measureTwo(stage), ...(await measureDownload(stage)) };
      measured.push(round);
      const { transfers, alone, download, beside } = round;
      say(
        `round ${i + 1}: two transfers ${transfers.join(' and ')} Mbit/s; a download ${alone} alone, ` +
          `${download} beside a transfer of ${beside}`,
      );
    }
    const transfers = spreadOf(measured.map((round) => Math.max(...round.transfers) / Math.min(...round.transfers)));
    const download = spreadOf(measured.map((round) => round.download / (round.alone / 2)));
    say(`greater to lesser of two transfers: ${shown(transfers)} (goal: at most ${TRANSFERS_GOAL})`);
    say(`a download's part of its half of the link: ${shown(download)} (goal: at least ${DOWNLOAD_GOAL})`);
    return {
      rounds: measured,
      transfers,
      transfersGoal: TRANSFERS_GOAL,
      download,
      downloadGoal: DOWNLOAD_GOAL,
    };
  } finally {
    await Promise.all(devices.map((device) => device.close()));
    await net.close();
    await rm(folder, { recursive: true, force: true });
  }
}

async function measureTwo({ net, pairs, file }: Stage): Promise<Round['transfers']> {
  const offers: Offer[] = [];
  try {
    for (const [from, to] of pairs) {
      if (offers.length > 0) await setTimeout(LATER_MS);
      offers.push(await begin(from, to, net, file));
    }
    await setTimeout(SETTLE_MS);
    const [first = 0, second = 0] = await ratesOf(offers, file);
    return [first, second];
  } finally {
    await Promise.all(offers.map((offer) => offer.close()));
  }
}

async function measureDownload(stage: Stage): Promise<Omit<Round, 'transfers'>> {
  const { net, pairs, file } = stage;
  const alone = await download(stage);
  const [[from, to] = []] = pairs;
  if (from === undefined || to === undefined) throw new Error('There is no pair.');
  const offer = await begin(from, to, net, file);
  try {
    await setTimeout(LATER_MS);
    const downloading = download(stage);
    await setTimeout(SETTLE_MS);
    const [beside = 0] = await ratesOf([offer], file);
    return { alone, download: await downloading, beside };
  } finally {
    await offer.close();
  }
}

async function begin(from: Device, to: Device, net: Dumbbell, { path }: TestFile): Promise<Offer> {
  const offer = await Offer.make(from, to, net.baseUrl, { files: [path] });
  await offer.receiver.receive();
  return offer;
}

/** Mbit/s of each, all in the same time. */
async function ratesOf(offers: readonly Offer[], { bytes }: TestFile): Promise<number[]> {
  const look = () => Promise.all(offers.map(({ receiver }) => receiver.shown()));
  const [before, from] = [await look(), performance.now()];
  await setTimeout(MEASURED_MS);
  const [after, to] = [await look(), performance.now()];
  if (after.some((share) => share >= 1)) throw new Error('The file was too small.');
  return after.map((share, at) => mbit((share - (before[at] ?? 0)) * bytes, to - from));
}

/** Mbit/s of a download that has found its pace. */
async function download({ downloader, source }: Stage): Promise<number> {
  const bytes = await probe(downloader, 'download', source, SETTLE_MS, MEASURED_MS);
  if (typeof bytes !== 'number') throw new Error('The probe gave no number.');
  return mbit(bytes, MEASURED_MS);
}

function mbit(bytes: number, ms: number): number {
  return rounded((bytes * 8) / 1_000 / ms);
}

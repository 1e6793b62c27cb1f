/**
 * The start on a LAN: from a link opened to the first bytes of the transfer, as a ratio to a bare offer, answer and open
 * through the same server, in a browser that has not been there before and once more in the same one.
 *
 *     navigation - dialled - line open - offer - answer - list of files shown, and accepted in the same moment
 *                - channel open - first byte of a file
 *
 * The bare start ends with the first message over its channel. The ratio is given from the navigation, in which Beeline
 * loads an app and the bare page has nothing to load, and from the moment the page dials the server.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Device } from '../e2e/browser.ts';
import { MIB, writeRandomFile } from '../e2e/files.ts';
import { BarePage } from './bare-start.ts';
import { measureFile } from './beeline.ts';
import { MOMENT_NAMES, measureVisit, noteMoments, type Moments } from './moments.ts';
import { RAW_CHANNEL, RawPage } from './raw-channel.ts';
import { rounded, shown, spreadOf, table, type BenchContext, type Spread } from './report.ts';

/** Even, so that each side is first as often. */
const PAIRS = 6;
const FILE_BYTES = 4 * MIB;
/** Not measured: lets the new browser start its WebRTC. */
const WARM_UP_BYTES = 1 * MIB;
const GOAL = 1.5;

const VISITS = ['firstVisit', 'nextVisit'] as const;
type Visit = (typeof VISITS)[number];

/** From the start of the navigation, and from the moment the page dials the server. */
interface Ratio {
  readonly navigation: number;
  readonly dialled: number;
}

type Pair = Readonly<Record<Visit, Moments>> & {
  readonly first: 'bare' | 'beeline';
  readonly bare: Moments;
  readonly ratio: Readonly<Record<Visit, Ratio>>;
};

export interface StartResult {
  readonly pairs: readonly Pair[];
  readonly ratio: Readonly<Record<Visit, { readonly navigation: Spread; readonly dialled: Spread }>>;
  readonly goal: number;
}

interface Stage {
  readonly from: Device;
  readonly raw: RawPage;
  readonly bare: BarePage;
  readonly baseUrl: string;
  readonly path: string;
}

export async function run({ baseUrl, pairs, say }: BenchContext): Promise<StartResult> {
  const folder = await mkdtemp(join(tmpdir(), 'beeline-bench-'));
  const [from, raw, bare] = [await Device.launch(), await RawPage.serve(), await BarePage.serve(baseUrl)];
  try {
    const { path } = await writeRandomFile(join(folder, 'file.bin'), FILE_BYTES);
    // Not measured: the sender has its page open already, and has compiled it.
    await measureFile(from, from, baseUrl, path);
    const measured: Pair[] = [];
    for (let i = 0; i < (pairs ?? PAIRS); i++) {
      const pair = await measurePair(i % 2 === 0 ? 'bare' : 'beeline', { from, raw, bare, baseUrl, path });
      measured.push(pair);
      const { ratio, firstVisit, nextVisit } = pair;
      say(
        `pair ${i + 1} (${pair.first} first): bare ${pair.bare.firstByte} ms, first byte after ${firstVisit.firstByte} ms ` +
          `on the first visit and ${nextVisit.firstByte} ms on the next, ratio ${ratio.firstVisit.navigation} and ` +
          `${ratio.nextVisit.navigation}, from dialling ${ratio.firstVisit.dialled} and ${ratio.nextVisit.dialled}`,
      );
    }
    for (const line of table(summary(measured))) say(line);
    const ratioOf = (visit: Visit) => ({
      navigation: spreadOf(measured.map((pair) => pair.ratio[visit].navigation)),
      dialled: spreadOf(measured.map((pair) => pair.ratio[visit].dialled)),
    });
    const ratio = { firstVisit: ratioOf('firstVisit'), nextVisit: ratioOf('nextVisit') };
    for (const since of ['navigation', 'dialled'] as const) {
      say(
        `ratio of ${measured.length} pairs, since ${since}: first visit ${shown(ratio.firstVisit[since])}, ` +
          `next ${shown(ratio.nextVisit[since])} (goal: at most ${GOAL})`,
      );
    }
    return { pairs: measured, ratio, goal: GOAL };
  } finally {
    await Promise.all([from.close(), raw.close(), bare.close()]);
    await rm(folder, { recursive: true, force: true });
  }
}

async function measurePair(first: Pair['first'], { from, raw, bare, baseUrl, path }: Stage): Promise<Pair> {
  const to = await Device.launch();
  try {
    await raw.measure(from, to, { ...RAW_CHANNEL, bytes: WARM_UP_BYTES });
    await noteMoments(to);
    const before = first === 'bare' ? await bare.measure(from, to) : null;
    const firstVisit = await measureVisit(from, to, baseUrl, path);
    const nextVisit = await measureVisit(from, to, baseUrl, path);
    const yardstick = before ?? (await bare.measure(from, to));
    const ratioOf = (moments: Moments): Ratio => ({
      navigation: rounded(moments.firstByte / yardstick.firstByte),
      dialled: rounded((moments.firstByte - moments.dialled) / (yardstick.firstByte - yardstick.dialled)),
    });
    const ratio = { firstVisit: ratioOf(firstVisit), nextVisit: ratioOf(nextVisit) };
    return { first, bare: yardstick, firstVisit, nextVisit, ratio };
  } finally {
    await to.close();
  }
}

/** Milliseconds of all pairs. */
function summary(pairs: readonly Pair[]): string[][] {
  const spread = (valueOf: (pair: Pair) => number) => shown(spreadOf(pairs.map(valueOf), 0));
  return [
    ['ms since the navigation', 'bare', 'first visit', 'next visit'],
    ...MOMENT_NAMES.map(([name, moment]) => [
      name,
      spread(({ bare }) => bare[moment]),
      ...VISITS.map((visit) => spread((pair) => pair[visit][moment])),
    ]),
  ];
}

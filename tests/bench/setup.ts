/**
 * Setting up a connection over a distance: from a link opened to the first byte of a file, in round trips between two
 * people with 50 ms between them and half of it to the server and the relay, on a direct path and on a relayed one, in a
 * browser that has not been there before and once more in the same one. Needs the network lab.
 *
 * The list of files is accepted inside the page, in the moment in which it is shown. The same without any distance tells
 * what the machine itself takes; what is left are the round trips that wait for each other.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Device } from '../e2e/browser.ts';
import { MIB, writeRandomFile } from '../e2e/files.ts';
import { PERFECT } from '../netlab/link.ts';
import { labRefusal } from '../netlab/namespaces.ts';
import { Star } from '../netlab/star.ts';
import { measureFile } from './beeline.ts';
import { MOMENT_NAMES, measureVisit, noteMoments, type Moments } from './moments.ts';
import { RAW_CHANNEL, RawPage } from './raw-channel.ts';
import { shown, spreadOf, table, type BenchContext, type Spread } from './report.ts';

const PAIRS = 4;
const RTT_MS = 50;
const FILE_BYTES = 4 * MIB;
/** Not measured, and without a distance: lets the new browser start its WebRTC. */
const WARM_UP_BYTES = 1 * MIB;

const PATHS = [
  { name: 'direct', isDirect: true, goal: 6 },
  { name: 'relayed', isDirect: false, goal: 9 },
] as const;
type Path = (typeof PATHS)[number];

const VISITS = ['firstVisit', 'nextVisit'] as const;
type Visit = (typeof VISITS)[number];

/** With the distance and without. */
type Pair = Readonly<Record<'far' | 'near', Readonly<Record<Visit, Moments>>>>;

interface VisitResult {
  /** Time in round trips, all of it and without what the same takes with no distance. */
  readonly roundTrips: Spread;
  readonly waiting: Spread;
}

interface PathResult {
  readonly name: string;
  readonly goal: number;
  readonly pairs: readonly Pair[];
  readonly visits: Readonly<Record<Visit, VisitResult>>;
}

export type SetupResult =
  { readonly skipped: string } | { readonly rttMs: number; readonly paths: readonly PathResult[] };

interface Stage {
  readonly path: Path;
  readonly net: Star;
  readonly from: Device;
  readonly raw: RawPage;
  readonly file: string;
}

export async function run({ pairs, say }: BenchContext): Promise<SetupResult> {
  const refusal = await labRefusal();
  if (refusal !== null) {
    say(`Skipped: ${refusal}`);
    return { skipped: refusal };
  }
  const folder = await mkdtemp(join(tmpdir(), 'beeline-bench-'));
  const net = await Star.open(PERFECT);
  const [from, raw] = [await net.device('left'), await RawPage.serve()];
  try {
    const { path: file } = await writeRandomFile(join(folder, 'file.bin'), FILE_BYTES);
    await raw.reachFrom(from);
    // Not measured: the sender has its page open already, and has compiled it.
    await measureFile(from, from, net.baseUrl, file);
    const paths: PathResult[] = [];
    for (const path of PATHS) {
      const measured: Pair[] = [];
      for (let i = 0; i < (pairs ?? PAIRS); i++) measured.push(await measurePair({ path, net, from, raw, file }));
      const result = resultOf(path, measured);
      paths.push(result);
      for (const line of table(summary(path.name, measured))) say(line);
      for (const visit of VISITS) {
        const { roundTrips, waiting } = result.visits[visit];
        say(
          `${path.name}, ${visit === 'firstVisit' ? 'first visit' : 'next visit'}: ${shown(roundTrips)} round trips to ` +
            `the first byte, of them on the way ${shown(waiting)} (goal: at most ${path.goal})`,
        );
      }
    }
    return { rttMs: RTT_MS, paths };
  } finally {
    await Promise.all([from.close(), raw.close()]);
    await net.close();
    await rm(folder, { recursive: true, force: true });
  }
}

async function measurePair(stage: Stage): Promise<Pair> {
  return { far: await measureVisits(stage, RTT_MS), near: await measureVisits(stage, 0) };
}

/** A new browser, twice. */
async function measureVisits({ path, net, from, raw, file }: Stage, rttMs: number): Promise<Pair['far']> {
  const to = await net.device('right');
  try {
    await net.setRoundTrip(0);
    await net.setDirect(true);
    await raw.reachFrom(to);
    await raw.measure(from, to, { ...RAW_CHANNEL, bytes: WARM_UP_BYTES });
    await noteMoments(to);
    await net.setDirect(path.isDirect);
    await net.setRoundTrip(rttMs);
    const firstVisit = await measureVisit(from, to, net.baseUrl, file);
    return { firstVisit, nextVisit: await measureVisit(from, to, net.baseUrl, file) };
  } finally {
    await net.setRoundTrip(0);
    await to.close();
  }
}

function resultOf({ name, goal }: Path, pairs: readonly Pair[]): PathResult {
  const resultOfVisit = (visit: Visit): VisitResult => ({
    roundTrips: spreadOf(pairs.map(({ far }) => far[visit].firstByte / RTT_MS)),
    waiting: spreadOf(pairs.map(({ far, near }) => (far[visit].firstByte - near[visit].firstByte) / RTT_MS)),
  });
  return {
    name,
    goal,
    pairs,
    visits: { firstVisit: resultOfVisit('firstVisit'), nextVisit: resultOfVisit('nextVisit') },
  };
}

/** Milliseconds of all pairs. */
function summary(path: string, pairs: readonly Pair[]): string[][] {
  const cells = (valueOf: (moments: Moments) => number) =>
    (['far', 'near'] as const).flatMap((distance) =>
      VISITS.map((visit) =>
        shown(
          spreadOf(
            pairs.map((pair) => valueOf(pair[distance][visit])),
            0,
          ),
        ),
      ),
    );
  return [
    [
      `${path}, ms since the navigation`,
      `first visit, ${RTT_MS} ms`,
      `next, ${RTT_MS} ms`,
      'first visit, 0 ms',
      'next, 0 ms',
    ],
    ...MOMENT_NAMES.map(([name, moment]) => [name, ...cells((moments) => moments[moment])]),
  ];
}

/**
 * Goodput of Beeline, verified and on disk, as a ratio to the best raw data channel, measured right before or after it;
 * and whether its pages answer meanwhile.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Device } from '../e2e/browser.ts';
import { KIB, MIB, writeRandomFile } from '../e2e/files.ts';
import { lengthOf, measureFile, Offer } from './beeline.ts';
import { longTasksWithin, watchLongTasks } from './long-tasks.ts';
import { RAW_CHANNEL, RAW_CHANNEL_256, RawPage, type RawOptions } from './raw-channel.ts';
import { median, mibPerSecond, rounded, shown, spreadOf, type BenchContext, type Spread } from './report.ts';

/** Even: what is measured second is the slower for it on a busy machine, so each side must be first as often. */
const PAIRS = 6;
const FILE_MIB = 128;
/** Not measured: lets both browsers finish starting, and compile what they run. */
const WARM_UP_BYTES = 8 * MIB;
/** Times that each raw channel is tried, to find the best. */
const TRIES = 3;
/** Of the file, for a trial. */
const TRY_FRACTION = 1 / 4;
const GOAL = 0.95;
/** What was asked of one lane alone. */
const FLOOR = 0.9;
/** Milliseconds after the click for the lanes, the disk and the compiler to settle: steady state is from then to the end. */
const SETTLE_MS = 1_000;

type Channel = Omit<RawOptions, 'bytes'>;

/** Milliseconds of each. */
interface LongTasks {
  readonly sender: readonly number[];
  readonly receiver: readonly number[];
}

interface Pair {
  readonly first: 'raw' | 'beeline';
  /** MiB per second. */
  readonly raw: number;
  readonly beeline: number;
  readonly ratio: number;
  /** In steady state. */
  readonly longTasks: LongTasks;
}

export interface ThroughputResult {
  readonly fileMib: number;
  /** Of the best raw channel. */
  readonly messageBytes: number;
  readonly pairs: readonly Pair[];
  readonly ratio: Spread;
  readonly goal: number;
  /** In steady state, of all pairs. */
  readonly longTasks: LongTasks;
}

export async function run({ baseUrl, pairs, mib, say }: BenchContext): Promise<ThroughputResult> {
  const folder = await mkdtemp(join(tmpdir(), 'beeline-bench-'));
  const [from, to] = await Promise.all([Device.launch(), Device.launch()]);
  const page = await RawPage.serve();
  try {
    const fileMib = mib ?? FILE_MIB;
    const bytes = fileMib * MIB;
    const small = await writeRandomFile(join(folder, 'warm-up.bin'), WARM_UP_BYTES);
    await Promise.all([watchLongTasks(from), watchLongTasks(to)]);
    await page.measure(from, to, { ...RAW_CHANNEL, bytes: WARM_UP_BYTES });
    await measureFile(from, to, baseUrl, small.path);

    const measureRaw = async (channel: Channel, size: number) =>
      mibPerSecond(size, await page.measure(from, to, { ...channel, bytes: size }));
    const best = await findBest((channel) => measureRaw(channel, bytes * TRY_FRACTION), say);
    const measured: Pair[] = [];
    for (let i = 0; i < (pairs ?? PAIRS); i++) {
      const { path } = await writeRandomFile(join(folder, `${i}.bin`), bytes);
      const first = i % 2 === 0 ? 'raw' : 'beeline';
      const before = first === 'raw' ? await measureRaw(best, bytes) : 0;
      const { ms, longTasks } = await measureBeeline(from, to, baseUrl, path);
      const beeline = mibPerSecond(bytes, ms);
      const raw = first === 'raw' ? before : await measureRaw(best, bytes);
      await rm(path);
      measured.push({
        first,
        raw: rounded(raw),
        beeline: rounded(beeline),
        ratio: rounded(beeline / raw, 3),
        longTasks,
      });
      say(
        `pair ${i + 1} (${first} first): raw ${raw.toFixed(2)} MiB/s, Beeline ${beeline.toFixed(2)} MiB/s, ` +
          `ratio ${(beeline / raw).toFixed(3)}; long tasks ${counted(longTasks)}`,
      );
    }
    const ratio = spreadOf(
      measured.map((pair) => pair.ratio),
      3,
    );
    const longTasks = {
      sender: measured.flatMap((pair) => pair.longTasks.sender),
      receiver: measured.flatMap((pair) => pair.longTasks.receiver),
    };
    say(
      `ratio of ${measured.length} pairs of ${fileMib} MiB: ${shown(ratio)} (goal: at least ${GOAL}; ` +
        `with one lane alone ${FLOOR})`,
    );
    say(`long tasks in steady state: ${counted(longTasks)} (goal: none)`);
    return { fileMib, messageBytes: best.messageBytes, pairs: measured, ratio, goal: GOAL, longTasks };
  } finally {
    await Promise.all([from.close(), to.close(), page.close()]);
    await rm(folder, { recursive: true, force: true });
  }
}

/** The raw channel of the higher median, of a few short trials that take turns. */
async function findBest(measure: (channel: Channel) => Promise<number>, say: (line: string) => void): Promise<Channel> {
  const trials = [RAW_CHANNEL, RAW_CHANNEL_256].map((channel) => ({ channel, rates: [] as number[] }));
  for (let i = 0; i < TRIES; i++) {
    for (const { channel, rates } of i % 2 === 0 ? trials : trials.toReversed()) rates.push(await measure(channel));
  }
  for (const { channel, rates } of trials)
    say(`raw, messages of ${channel.messageBytes / KIB} KiB: ${shown(spreadOf(rates))} MiB/s`);
  const [best] = trials.toSorted((a, b) => median(b.rates) - median(a.rates));
  if (best === undefined) throw new Error('There is no raw channel.');
  say(`best raw channel: messages of ${best.channel.messageBytes / KIB} KiB`);
  return best.channel;
}

async function measureBeeline(
  from: Device,
  to: Device,
  baseUrl: string,
  path: string,
): Promise<{ readonly ms: number; readonly longTasks: LongTasks }> {
  const offer = await Offer.make(from, to, baseUrl, { files: [path] });
  try {
    const span = await offer.receiveAndSave();
    const steady = { from: span.from + SETTLE_MS, to: span.to };
    const longTasks = {
      sender: await longTasksWithin(offer.sender.page, steady),
      receiver: await longTasksWithin(offer.receiver.page, steady),
    };
    return { ms: lengthOf(span), longTasks };
  } finally {
    await offer.close();
  }
}

function counted({ sender, receiver }: LongTasks): string {
  return `${listed(sender)} on the sender, ${listed(receiver)} on the receiver`;
}

function listed(tasks: readonly number[]): string {
  return tasks.length === 0 ? 'none' : `${tasks.length} (longest ${Math.max(...tasks)} ms)`;
}

/**
 * Goodput of Beeline, verified and on disk, as a ratio to two raw data channels, measured right before and after it; and
 * whether its pages answer meanwhile.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Device } from '../e2e/browser.ts';
import { KIB, MIB, writeRandomFile } from '../e2e/files.ts';
import { lengthOf, measureFile, Offer } from './beeline.ts';
import { longTasksWithin, watchLongTasks } from './long-tasks.ts';
import { RAW_CHANNEL, RAW_CHANNEL_256, RawPage } from './raw-channel.ts';
import { median, mibPerSecond, rounded, shown, spreadOf, type BenchContext, type Spread } from './report.ts';

/** Rounds. Even, because each turns the order of the one before around: what is measured later may be the slower for it. */
const PAIRS = 8;
const FILE_MIB = 128;
/** Not measured: lets both browsers finish starting, and compile what they run. */
const WARM_UP_BYTES = 8 * MIB;
/** Of the better raw channel. */
const GOAL = 0.95;
/** Of the one that Beeline's own messages and watermarks are taken from. */
const FLOOR = 0.9;
/** Milliseconds after the click for the lanes, the disk and the compiler to settle: steady state is from then to the end. */
const SETTLE_MS = 1_000;

const CHANNELS = { raw64: RAW_CHANNEL, raw256: RAW_CHANNEL_256 } as const;
type ChannelName = keyof typeof CHANNELS;
type Contender = ChannelName | 'beeline';
const ORDER: readonly Contender[] = ['raw64', 'beeline', 'raw256'];

/** Milliseconds of each. */
interface LongTasks {
  readonly sender: readonly number[];
  readonly receiver: readonly number[];
}

interface Round {
  /** MiB per second. */
  readonly rates: Readonly<Record<Contender, number>>;
  /** In steady state. */
  readonly longTasks: LongTasks;
}

export interface ThroughputResult {
  readonly fileMib: number;
  readonly rounds: readonly Round[];
  /** Of Beeline to each raw channel, round by round. */
  readonly ratio: Readonly<Record<ChannelName, Spread>>;
  /** The raw channel of the higher median. */
  readonly best: ChannelName;
  readonly goal: number;
  readonly floor: number;
  /** In steady state, of all rounds. */
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

    const rounds: Round[] = [];
    for (let i = 0; i < (pairs ?? PAIRS); i++) {
      const { path } = await writeRandomFile(join(folder, `${i}.bin`), bytes);
      const rates = { raw64: 0, raw256: 0, beeline: 0 };
      let longTasks: LongTasks = { sender: [], receiver: [] };
      for (const contender of i % 2 === 0 ? ORDER : ORDER.toReversed()) {
        let ms: number;
        if (contender === 'beeline') ({ ms, longTasks } = await measureBeeline(from, to, baseUrl, path));
        else ms = await page.measure(from, to, { ...CHANNELS[contender], bytes });
        rates[contender] = rounded(mibPerSecond(bytes, ms));
      }
      await rm(path);
      rounds.push({ rates, longTasks });
      const { raw64, raw256, beeline } = rates;
      say(
        `round ${i + 1}: raw with 64 KiB ${raw64} MiB/s, with 256 KiB ${raw256}, Beeline ${beeline}, ` +
          `ratio ${rounded(beeline / raw64, 3)} and ${rounded(beeline / raw256, 3)}; long tasks ${counted(longTasks)}`,
      );
    }
    const ratioTo = (name: ChannelName) =>
      spreadOf(
        rounds.map(({ rates }) => rates.beeline / rates[name]),
        3,
      );
    const rateOf = (name: ChannelName) => median(rounds.map(({ rates }) => rates[name]));
    const ratio = { raw64: ratioTo('raw64'), raw256: ratioTo('raw256') };
    const best: ChannelName = rateOf('raw256') > rateOf('raw64') ? 'raw256' : 'raw64';
    const longTasks = {
      sender: rounds.flatMap((round) => round.longTasks.sender),
      receiver: rounds.flatMap((round) => round.longTasks.receiver),
    };
    say(
      `${rounds.length} rounds of ${fileMib} MiB: ratio to raw with messages of 64 KiB ${shown(ratio.raw64)} (goal: at least ${FLOOR})`,
    );
    say(
      `ratio to the better raw channel, ${CHANNELS[best].messageBytes / KIB} KiB: ${shown(ratio[best])} (goal: at least ${GOAL})`,
    );
    say(`long tasks in steady state: ${counted(longTasks)} (goal: none)`);
    return { fileMib, rounds, ratio, best, goal: GOAL, floor: FLOOR, longTasks };
  } finally {
    await Promise.all([from.close(), to.close(), page.close()]);
    await rm(folder, { recursive: true, force: true });
  }
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

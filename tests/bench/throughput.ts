/** Goodput of Beeline, verified and on disk, as a ratio to a raw data channel measured right before or after it. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Device } from '../e2e/browser.ts';
import { MIB, writeRandomFile } from '../e2e/files.ts';
import { measureFile } from './beeline.ts';
import { RAW_CHANNEL, RawPage } from './raw-channel.ts';
import { median, mibPerSecond, rounded, type BenchContext } from './report.ts';

/** Even: what is measured second is the slower for it on a busy machine, so each side must be first as often. */
const PAIRS = 6;
const FILE_MIB = 128;
/** Not measured: lets both browsers finish starting, and compile what they run. */
const WARM_UP_BYTES = 8 * MIB;
const GOAL = 0.9;

interface Pair {
  readonly first: 'raw' | 'beeline';
  /** MiB per second. */
  readonly raw: number;
  readonly beeline: number;
  readonly ratio: number;
}

export interface ThroughputResult {
  readonly fileMib: number;
  readonly pairs: readonly Pair[];
  readonly medianRatio: number;
  readonly goal: number;
}

export async function run({ baseUrl, pairs, mib, say }: BenchContext): Promise<ThroughputResult> {
  const folder = await mkdtemp(join(tmpdir(), 'beeline-bench-'));
  const [from, to] = await Promise.all([Device.launch(), Device.launch()]);
  const page = await RawPage.serve();
  try {
    const fileMib = mib ?? FILE_MIB;
    const bytes = fileMib * MIB;
    const small = await writeRandomFile(join(folder, 'warm-up.bin'), WARM_UP_BYTES);
    await page.measure(from, to, { ...RAW_CHANNEL, bytes: WARM_UP_BYTES });
    await measureFile(from, to, baseUrl, small.path);

    const measureRaw = async () => mibPerSecond(bytes, await page.measure(from, to, { ...RAW_CHANNEL, bytes }));
    const measured: Pair[] = [];
    for (let i = 0; i < (pairs ?? PAIRS); i++) {
      const { path } = await writeRandomFile(join(folder, `${i}.bin`), bytes);
      const measureBeeline = async () => mibPerSecond(bytes, await measureFile(from, to, baseUrl, path));
      const first = i % 2 === 0 ? 'raw' : 'beeline';
      const before = first === 'raw' ? await measureRaw() : 0;
      const beeline = await measureBeeline();
      const raw = first === 'raw' ? before : await measureRaw();
      await rm(path);
      measured.push({ first, raw: rounded(raw), beeline: rounded(beeline), ratio: rounded(beeline / raw, 3) });
      say(
        `pair ${i + 1} (${first} first): raw ${raw.toFixed(2)} MiB/s, Beeline ${beeline.toFixed(2)} MiB/s, ` +
          `ratio ${(beeline / raw).toFixed(3)}`,
      );
    }
    const medianRatio = median(measured.map(({ ratio }) => ratio));
    say(
      `median ratio of ${measured.length} pairs of ${fileMib} MiB: ${medianRatio.toFixed(3)} (goal: at least ${GOAL})`,
    );
    return { fileMib, pairs: measured, medianRatio, goal: GOAL };
  } finally {
    await Promise.all([from.close(), to.close(), page.close()]);
    await rm(folder, { recursive: true, force: true });
  }
}

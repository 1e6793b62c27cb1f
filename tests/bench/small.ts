/** Small files: 10,000 of 4 KiB, as files per second and as a ratio to the goodput of one file of about the same bytes. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Device } from '../e2e/browser.ts';
import { KIB, MIB, writeRandomFile } from '../e2e/files.ts';
import { measureFile, measureFolder } from './beeline.ts';
import { mibPerSecond, rounded, shown, spreadOf, type BenchContext, type Spread } from './report.ts';

/** Even: what is measured after the other is the faster, and each order counts as often. */
const PAIRS = 4;
const FILES = 10_000;
const FILE_BYTES = 4 * KIB;
const FILES_PER_FOLDER = 100;
const LARGE_BYTES = 40 * MIB;
const GOAL = 0.5;

interface Pair {
  readonly filesPerSecond: number;
  /** MiB per second. */
  readonly small: number;
  readonly large: number;
  readonly ratio: number;
}

export interface SmallResult {
  readonly files: number;
  readonly fileBytes: number;
  readonly pairs: readonly Pair[];
  readonly filesPerSecond: Spread;
  readonly ratio: Spread;
  readonly goal: number;
}

export async function run({ baseUrl, pairs, say }: BenchContext): Promise<SmallResult> {
  const folder = await mkdtemp(join(tmpdir(), 'beeline-bench-'));
  const [from, to] = await Promise.all([Device.launch(), Device.launch()]);
  try {
    const many = join(folder, 'many');
    for (let i = 0; i < FILES; i++) {
      await writeRandomFile(join(many, `${Math.floor(i / FILES_PER_FOLDER)}`, `${i}.bin`), FILE_BYTES);
    }
    const large = await writeRandomFile(join(folder, 'large.bin'), LARGE_BYTES);
    const measured: Pair[] = [];
    for (let i = 0; i < (pairs ?? PAIRS); i++) {
      const isLargeFirst = i % 2 === 0;
      const before = isLargeFirst ? await measureFile(from, to, baseUrl, large.path) : 0;
      const smallMs = await measureFolder(from, to, baseUrl, many);
      const largeMs = isLargeFirst ? before : await measureFile(from, to, baseUrl, large.path);
      const pair: Pair = {
        filesPerSecond: Math.round((FILES / smallMs) * 1000),
        small: rounded(mibPerSecond(FILES * FILE_BYTES, smallMs)),
        large: rounded(mibPerSecond(LARGE_BYTES, largeMs)),
        ratio: rounded((FILES * FILE_BYTES * largeMs) / (LARGE_BYTES * smallMs), 3),
      };
      measured.push(pair);
      say(
        `pair ${i + 1} (${isLargeFirst ? 'large' : 'small'} first): ${pair.filesPerSecond} files/s, ` +
          `${pair.small} MiB/s; one large file ${pair.large} MiB/s, ratio ${pair.ratio}`,
      );
    }
    const filesPerSecond = spreadOf(
      measured.map((pair) => pair.filesPerSecond),
      0,
    );
    const ratio = spreadOf(
      measured.map((pair) => pair.ratio),
      3,
    );
    say(`${measured.length} pairs: ${shown(filesPerSecond)} files/s, ratio ${shown(ratio)} (goal: at least ${GOAL})`);
    return { files: FILES, fileBytes: FILE_BYTES, pairs: measured, filesPerSecond, ratio, goal: GOAL };
  } finally {
    await Promise.all([from.close(), to.close()]);
    await rm(folder, { recursive: true, force: true });
  }
}

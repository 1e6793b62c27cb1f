/** Looking through what an earlier page has left, as a ratio to hashing the same bytes in memory right before or after it. */
import type { Page } from 'playwright-core';
import { DiskLab } from '../e2e/disk/lab.ts';
import { MIB } from '../e2e/files.ts';
import { mibPerSecond, rounded, shown, spreadOf, type BenchContext, type Spread } from './report.ts';

/** Even, so that each side is first as often. */
const PAIRS = 6;
const FILE_MIB = 256;
const GOAL = 0.5;

interface Pair {
  readonly first: 'memory' | 'recall';
  /** MiB per second. */
  readonly memory: number;
  readonly recall: number;
  readonly ratio: number;
}

export interface RecallResult {
  readonly fileMib: number;
  readonly pairs: readonly Pair[];
  readonly ratio: Spread;
  readonly goal: number;
}

/** Leaves a file with every piece written, and keeps its bytes in the page's memory. */
async function prepare(page: Page, bytes: number): Promise<void> {
  await page.evaluate(async (bytes) => {
    const plan = lab.planOf([bytes]);
    const contents = lab.contentsOf(plan);
    const sink = await lab.OpfsSink.open(plan, 'recall');
    await lab.fill(sink, contents);
    await sink.close();
    lab.kept = { plan, contents };
  }, bytes);
}

/** Milliseconds to reopen the file and recall all of it: what a person waits for. */
function measureRecall(page: Page): Promise<number> {
  return page.evaluate(async () => {
    const { plan } = lab.kept;
    if (plan === undefined) throw new Error('nothing is kept');
    const from = performance.now();
    const sink = await lab.OpfsSink.reopen(plan, 'recall');
    const { intact } = await lab.recallAll(sink);
    const ms = performance.now() - from;
    await sink.close();
    const pieces = [...lab.layoutOf(plan).allPieces()].length;
    if (intact.length !== pieces) throw new Error(`${intact.length} of ${pieces} pieces were recalled`);
    return ms;
  });
}

/** Milliseconds to hash the same bytes, 1 MiB after the other. */
function measureMemory(page: Page): Promise<number> {
  return page.evaluate(async (pieceBytes) => {
    const from = performance.now();
    for (const bytes of lab.kept.contents?.values() ?? []) {
      for (let at = 0; at < bytes.length; at += pieceBytes) {
        await crypto.subtle.digest('SHA-256', bytes.subarray(at, at + pieceBytes));
      }
    }
    return performance.now() - from;
  }, MIB);
}

export async function run({ pairs, mib, say }: BenchContext): Promise<RecallResult> {
  const disk = await DiskLab.start();
  try {
    const fileMib = mib ?? FILE_MIB;
    const bytes = fileMib * MIB;
    const page = await disk.page();
    await prepare(page, bytes);
    // Not measured: lets the browser compile what it runs.
    await measureMemory(page);
    await measureRecall(page);

    const measured: Pair[] = [];
    for (let i = 0; i < (pairs ?? PAIRS); i++) {
      const first = i % 2 === 0 ? 'memory' : 'recall';
      const before = first === 'memory' ? await measureMemory(page) : 0;
      const recall = mibPerSecond(bytes, await measureRecall(page));
      const memory = mibPerSecond(bytes, first === 'memory' ? before : await measureMemory(page));
      measured.push({ first, memory: rounded(memory), recall: rounded(recall), ratio: rounded(recall / memory, 3) });
      say(
        `pair ${i + 1} (${first} first): in memory ${memory.toFixed(2)} MiB/s, recalled ${recall.toFixed(2)} MiB/s, ` +
          `ratio ${(recall / memory).toFixed(3)}`,
      );
    }
    const ratio = spreadOf(
      measured.map((pair) => pair.ratio),
      3,
    );
    say(`ratio of ${measured.length} pairs of ${fileMib} MiB: ${shown(ratio)} (goal: at least ${GOAL})`);
    return { fileMib, pairs: measured, ratio, goal: GOAL };
  } finally {
    await disk.close();
  }
}

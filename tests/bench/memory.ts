/** Memory stays flat: what a transfer of 512 MiB adds on each side, against one of 64 MiB. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Device } from '../e2e/browser.ts';
import { MIB, writeRandomFile } from '../e2e/files.ts';
import { Offer } from './beeline.ts';
import { MemoryWatch, type Memory } from './processes.ts';
import type { BenchContext } from './report.ts';

const SMALL_MIB = 64;
const LARGE_MIB = 512;
const GOAL_MIB = 100;

/** MiB that one transfer added at its peak, saving included. */
interface Rise {
  readonly mib: number;
  readonly sender: Memory;
  readonly receiver: Memory;
}

export interface MemoryResult {
  readonly rises: readonly [small: Rise, large: Rise];
  /** MiB by which the large transfer's renderers rose more than the small one's. */
  readonly difference: { readonly sender: number; readonly receiver: number };
  readonly goal: number;
}

function inMib({ renderers, browser }: Memory): Memory {
  return { renderers: Math.round(renderers / MIB), browser: Math.round(browser / MIB) };
}

/** Fresh browsers for each size: what one transfer leaves behind must not help the next. */
async function measure({ baseUrl, say }: BenchContext, folder: string, mib: number): Promise<Rise> {
  const file = await writeRandomFile(join(folder, `${mib}.bin`), mib * MIB);
  const [from, to] = await Promise.all([Device.launch(), Device.launch()]);
  try {
    const offer = await Offer.make(from, to, baseUrl, { files: [file.path] });
    const watches = [await MemoryWatch.start(from), await MemoryWatch.start(to)] as const;
    await offer.receiveAndSave();
    const [sender, receiver] = [inMib(await watches[0].stop()), inMib(await watches[1].stop())];
    say(
      `${mib} MiB: renderers rose by ${sender.renderers} MiB on the sender and ${receiver.renderers} MiB on the receiver ` +
        `(main processes: ${sender.browser} and ${receiver.browser} MiB)`,
    );
    return { mib, sender, receiver };
  } finally {
    await Promise.all([from.close(), to.close()]);
    await rm(file.path);
  }
}

export async function run(context: BenchContext): Promise<MemoryResult> {
  const folder = await mkdtemp(join(tmpdir(), 'beeline-bench-'));
  try {
    const small = await measure(context, folder, SMALL_MIB);
    const large = await measure(context, folder, context.mib ?? LARGE_MIB);
    const difference = {
      sender: large.sender.renderers - small.sender.renderers,
      receiver: large.receiver.renderers - small.receiver.renderers,
    };
    context.say(
      `${large.mib} MiB rose more than ${small.mib} MiB by ${difference.sender} MiB on the sender and ` +
        `${difference.receiver} MiB on the receiver (goal: at most ${GOAL_MIB})`,
    );
    return { rises: [small, large], difference, goal: GOAL_MIB };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

import { GIB } from '../core/bytes.ts';
import type { Room } from '../core/ports.ts';
import { MEMORY_CAP } from './memory.ts';
import { prepareOpfsWorker } from './opfs-worker.ts';
import { hasOpfs } from './transfers.ts';

/** The best sink this browser has, made ready, and the bytes it can take. Never throws. */
export async function measureRoom(): Promise<Room> {
  if (!(await hasOpfs())) return { kind: 'memory', freeBytes: MEMORY_CAP };
  prepareOpfsWorker();
  return { kind: 'opfs', freeBytes: await freeBytes() };
}

/**
 * Bytes that Chromium says are free, whatever is: it hides the size of the disk. Measured: 10 GiB where the quota was
 * 151 GiB, and where it was 5 MiB. Trying sizes would tell the truth, but takes the room from other tabs for that time;
 * opening the sink tells it early enough.
 */
const CHROMIUM_SAYS = 10 * GIB;

/** What is left of this origin's quota; null when it cannot be told. */
async function freeBytes(): Promise<number | null> {
  try {
    const estimate = await navigator.storage.estimate();
    const { quota, usage } = estimate;
    if (quota === undefined || usage === undefined) return null;
    const free = Math.max(0, quota - usage);
    // Only Chromium gives details; the same figure from Firefox is its real limit.
    return free === CHROMIUM_SAYS && 'usageDetails' in estimate ? null : free;
  } catch {
    return null;
  }
}

import { CHUNK_BYTES } from './limits.ts';

/**
 * How much each lane may have under way. Chromium gives a socket 64 KiB to receive in, and what overruns that while
 * its process waits for a processor is lost. A lane whose window can grow without bound has more than that under way at once,
 * loses it, and halves its window: in the lab, 48 MiB over 16 lanes, 100 Mbit/s and 50 ms overran it by 2,500 to 3,800 packets
 * of 57,000, with two chunks under way on each lane by 290 to 520 of 49,000, and with three by 4,800 to 6,600. Rule [T9].
 */

/** With one, a lane stands still after each and begins anew: 235 to 450 ms for a chunk at 50 ms (lab). */
const MIN_CHUNKS = 2;
const MAX_CHUNKS = 8;
/** Then sixteen lanes carry 33 MiB/s over any path of up to 240 ms. */
const CHUNK_MS = 30;

/**
 * Payload bytes.
 * @param rttMs the path's round trip without queues; null until known.
 */
export function windowOf(rttMs: number | null): number {
  const chunks = Math.floor((rttMs ?? 0) / CHUNK_MS);
  return CHUNK_BYTES * Math.min(MAX_CHUNKS, Math.max(MIN_CHUNKS, chunks));
}

import type { Clock } from '../core/ports.ts';
import type { IceAnswer } from '../core/signaling.ts';

/** Milliseconds for which one answer serves: lanes are made several at a time, and credentials last ten minutes or more. */
const FRESH_MS = 30_000;

/** Asks for TURN credentials no more often than {@link FRESH_MS}. */
export function cachedIce(clock: Clock, fetch: () => Promise<IceAnswer>): () => Promise<IceAnswer> {
  let answer: Promise<IceAnswer> | null = null;
  let askedAt = 0;
  return () => {
    if (answer === null || clock.now() - askedAt > FRESH_MS) {
      answer = fetch();
      askedAt = clock.now();
    }
    return answer;
  };
}

import type { Clock, PathInfo } from '../core/ports.ts';
import type { IceAnswer } from '../core/signaling.ts';

/** Milliseconds for which one answer serves: lanes are made several at a time, and credentials last ten minutes or more. */
const FRESH_MS = 30_000;

/**
 * The STUN and TURN servers for further lanes: asked for no more often than {@link FRESH_MS}, and without TURN where the
 * first lane needs none, for each would be an allocation on someone's server.
 *
 * @param path of the first lane.
 */
export function furtherIce(
  clock: Clock,
  fetch: () => Promise<IceAnswer>,
  path: () => PathInfo | null,
): () => Promise<IceAnswer> {
  let answer: Promise<IceAnswer> | null = null;
  let askedAt = 0;
  return async () => {
    if (answer === null || clock.now() - askedAt > FRESH_MS) {
      answer = fetch();
      askedAt = clock.now();
    }
    const { iceServers, ttl } = await answer;
    if (path()?.kind === 'relay') return { iceServers, ttl };
    return { iceServers: iceServers.filter(({ urls }) => urls.every((url) => !/^turns?:/u.test(url))), ttl };
  };
}

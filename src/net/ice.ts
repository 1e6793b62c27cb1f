import * as v from 'valibot';
import type { IceAnswer } from '../core/signaling.ts';

const Text = v.pipe(v.string(), v.maxLength(512));

const IceAnswerSchema = v.object({
  iceServers: v.pipe(
    v.array(
      v.union([
        v.object({ urls: v.pipe(v.array(Text), v.maxLength(8)), username: Text, credential: Text }),
        v.object({ urls: v.pipe(v.array(Text), v.maxLength(8)) }),
      ]),
    ),
    v.maxLength(8),
  ),
  ttl: v.pipe(v.number(), v.minValue(0)),
});

/** Without servers. */
export const NO_ICE: IceAnswer = { iceServers: [], ttl: 0 };

/** Null for what is no such answer. */
export function parseIce(value: unknown): IceAnswer | null {
  const parsed = v.safeParse(IceAnswerSchema, value);
  return parsed.success ? parsed.output : null;
}

/** Longest wait for the answer, in milliseconds; without it a LAN still works, so it must not hold up the offer. */
const TIMEOUT_MS = 5_000;

/**
 * Asks the server for STUN and TURN. An answer that cannot be had or read counts as none: the connection is then tried
 * with what there is, and its own failure is the one to report.
 */
export async function fetchIce(base: URL, id: string, token: string): Promise<IceAnswer> {
  const url = new URL('api/ice', base);
  url.searchParams.set('id', id);
  try {
    const response = await fetch(url, {
      headers: { Authorization: `Bearer ${token}` },
      signal: AbortSignal.timeout(TIMEOUT_MS),
    });
    const answer = parseIce(response.ok ? await response.json() : null);
    if (answer !== null) return answer;
    console.warn(`no TURN credentials: status ${response.status}`);
  } catch (error) {
    console.warn('no TURN credentials:', error instanceof Error ? error.name : 'unknown error');
  }
  return NO_ICE;
}

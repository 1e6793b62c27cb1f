import { describe, expect, it } from 'vitest';
import { CHUNK_BYTES } from '../../src/core/limits.ts';
import { StartPace } from '../../src/core/start-pace.ts';

/** Bytes that a path which takes everything has been given by then. */
function sentBy(endMs: number, lanes: number): number {
  const pace = new StartPace(0, lanes);
  let sent = 0;
  for (let nowMs = 0; nowMs < endMs; nowMs += pace.waitMs(nowMs)) {
    pace.sent(CHUNK_BYTES);
    sent += CHUNK_BYTES;
  }
  return sent;
}

describe('the pace of the start', () => {
  it('[T7] begins with 2 Mbit/s for each lane and doubles every half second', () => {
    for (const lanes of [4, 16]) {
      const first = sentBy(500, lanes);
      expect((first * 8) / 500 / 1_000).toBeGreaterThan(lanes * 2);
      expect((first * 8) / 500 / 1_000).toBeLessThan(lanes * 4);
      const second = sentBy(1_000, lanes) - first;
      expect(second / first).toBeGreaterThan(1.7);
      expect(second / first).toBeLessThan(2.3);
    }
  });

  it('[T7] does not make up for a time in which nothing was sent', () => {
    const pace = new StartPace(0, 4);
    let sent = 0;
    while (pace.waitMs(1_000) === 0) {
      pace.sent(CHUNK_BYTES);
      sent += 1;
    }
    expect(sent).toBeLessThanOrEqual(2);
  });

  it('[T7] allows everything in the end', () => {
    const pace = new StartPace(0, 4);
    pace.sent(4_000_000_000);
    expect(pace.waitMs(0)).toBe(0);
  });
});

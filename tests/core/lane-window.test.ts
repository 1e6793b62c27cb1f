import { describe, expect, it } from 'vitest';
import { windowOf } from '../../src/core/lane-window.ts';
import { CHUNK_BYTES } from '../../src/core/limits.ts';

describe('what a lane may have under way', () => {
  it.each([
    [null, 2],
    [0, 2],
    [89.9, 2],
    [90, 3],
    [240, 8],
    [3_000, 8],
  ])('[T9] at a round trip of %s ms is %i chunks', (rttMs, chunks) => {
    expect(windowOf(rttMs)).toBe(chunks * CHUNK_BYTES);
  });
});

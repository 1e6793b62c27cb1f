import type { Bytes } from '../../src/core/bytes.ts';

/**
 * Random-looking numbers, the same for the same seed (mulberry32).
 *
 * @param seed any 32-bit integer.
 * @returns gives the next one, in [0, 2^32).
 */
export function seededNumbers(seed: number): () => number {
  let state = seed | 0;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return (mixed ^ (mixed >>> 14)) >>> 0;
  };
}

/**
 * `length` random-looking bytes, the same for the same seed. Repeated bytes would hide reordering.
 *
 * @param seed any 32-bit integer.
 */
export function seededBytes(length: number, seed: number): Bytes {
  const next = seededNumbers(seed);
  const words = new Uint32Array(Math.ceil(length / 4));
  for (let at = 0; at < words.length; at++) words[at] = next();
  return new Uint8Array(words.buffer, 0, length);
}

import type { Bytes } from '../../src/core/bytes.ts';

/**
 * `length` random-looking bytes, the same for the same seed (mulberry32). Repeated bytes would hide reordering.
 *
 * @param seed any 32-bit integer.
 */
export function seededBytes(length: number, seed: number): Bytes {
  const words = new Uint32Array(Math.ceil(length / 4));
  let state = seed | 0;
  for (let at = 0; at < words.length; at++) {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    words[at] = mixed ^ (mixed >>> 14);
  }
  return new Uint8Array(words.buffer, 0, length);
}

import { describe, expect, it } from 'vitest';
import type { Bytes } from '../../src/core/bytes.ts';
import { decodeArrived } from '../../src/core/frame.ts';
import { CHUNK_BYTES } from '../../src/core/limits.ts';
import { Arrivals } from '../../src/flow/arrivals.ts';

/** A channel that notes what a sender would read from it. */
class Told {
  isOpen = true;
  readonly bytes: number[] = [];

  send(message: Bytes): void {
    if (!this.isOpen) throw new Error('not open');
    this.bytes.push(decodeArrived(message.buffer));
  }
}

describe('[T9] what has arrived over a lane', () => {
  it('is told after each full chunk, or half as many bytes of short ones', () => {
    const told = new Told();
    const arrivals = new Arrivals(told);
    arrivals.add(CHUNK_BYTES);
    arrivals.add(1_792);
    arrivals.add(CHUNK_BYTES / 2 - 1_793);
    expect(told.bytes).toEqual([CHUNK_BYTES]);
    arrivals.add(1);
    expect(told.bytes).toEqual([CHUNK_BYTES, (3 * CHUNK_BYTES) / 2]);
    expect(arrivals.bytes).toBe((3 * CHUNK_BYTES) / 2);
  });

  it('is counted, and told to nobody, once the lane has ended: what was under way still comes', () => {
    const told = new Told();
    const arrivals = new Arrivals(told);
    told.isOpen = false;
    arrivals.add(3 * CHUNK_BYTES);
    expect(told.bytes).toEqual([]);
    expect(arrivals.bytes).toBe(3 * CHUNK_BYTES);
  });
});

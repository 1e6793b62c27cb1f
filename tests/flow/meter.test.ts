import { expect, it } from 'vitest';
import { Ledger } from '../../src/core/ledger.ts';
import { PIECE_BYTES } from '../../src/core/limits.ts';
import { TransferMeter } from '../../src/flow/meter.ts';
import { ManualClock } from '../doubles/clock.ts';
import { makeOffer } from '../doubles/world.ts';

it('[P7] tells no time for what is held back', () => {
  const clock = new ManualClock();
  const meter = new TransferMeter(clock);
  const ledger = new Ledger(makeOffer([4 * PIECE_BYTES, 2 * PIECE_BYTES]).manifest, [0, 1]);
  for (const piece of [0, 1, 2]) {
    meter.sample(ledger.markedBytes);
    ledger.mark(piece);
    clock.advance(1_000);
  }
  const secondsLeft = (): number | null => meter.progress(ledger).secondsLeft;
  expect(secondsLeft()).toBe(3);
  ledger.pause(0);
  expect(secondsLeft()).toBe(2);
  ledger.pause(1);
  expect(secondsLeft()).toBeNull();
  ledger.resume(0);
  expect(secondsLeft()).toBe(1);
});

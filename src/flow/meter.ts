import type { Ledger } from '../core/ledger.ts';
import type { Clock } from '../core/ports.ts';
import { RateMeter } from '../core/progress.ts';
import type { Progress } from './views.ts';

/** Measures one transfer and renders its progress; all bytes are verified bytes. */
export class TransferMeter {
  readonly #rate = new RateMeter();

  constructor(private readonly clock: Clock) {}

  /** @param bytes marked since the start. */
  sample(bytes: number): void {
    this.#rate.sample(this.clock.now(), bytes);
  }

  /** A pause or a new lane: what came before says nothing about the speed now. */
  reset(): void {
    this.#rate.reset();
  }

  progress(ledger: Ledger): Progress {
    const bytesLeft = ledger.unpausedBytesLeft;
    return {
      verifiedBytes: ledger.verifiedBytes,
      totalBytes: ledger.totalBytes,
      verifiedEntries: ledger.verifiedEntries,
      failedEntries: ledger.failedEntries,
      cancelledEntries: ledger.cancelled.size,
      pausedEntries: ledger.paused.size,
      totalEntries: ledger.totalEntries,
      bytesPerSecond: ledger.settled ? null : this.#rate.bytesPerSecond,
      secondsLeft: bytesLeft === 0 ? null : this.#rate.secondsFor(bytesLeft),
      entries: {
        status: (entry) => ledger.status(entry),
        verifiedBytes: (entry) => ledger.verifiedBytesOf(entry),
        failure: (entry) => ledger.failure(entry),
        cancelledBy: (entry) => ledger.cancelled.get(entry) ?? null,
      },
    };
  }
}

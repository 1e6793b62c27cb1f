import { asBeelineError } from '../core/errors.ts';
import type { ShareKeys } from '../core/link.ts';
import type { Receipt, SinkStorage, TransferNote } from '../core/ports.ts';
import type { Acceptance } from '../core/receiver.ts';
import type { Intake } from './intake.ts';
import type { World } from './world.ts';

/** Milliseconds between notes of how far a transfer is. */
const NOTE_MS = 5_000;

/**
 * Keeps what a later page needs to go on with a received transfer, and its line in the list. What does not outlive the page
 * is not kept. Rule [R1].
 */
export class Keeper {
  #receipt: Receipt | null = null;
  #notedAt = 0;
  #kept: Promise<unknown> = Promise.resolve();
  #isDue = false;

  constructor(
    private readonly world: Pick<World, 'archive' | 'clock' | 'sinks'>,
    private readonly keys: Pick<ShareKeys, 'roomId' | 'secret'>,
  ) {}

  /** Goes on with what an earlier page has kept. */
  resume(receipt: Receipt): void {
    this.#receipt = receipt;
  }

  get receipt(): Receipt | null {
    return this.#receipt;
  }

  /** The person has accepted, and a sink is open. */
  accepted({ manifest, accepted }: Acceptance, storage: SinkStorage | null): void {
    if (storage === null) return;
    const { roomId: id, secret } = this.keys;
    this.#keep({ id, secret, manifest, accepted, storage });
  }

  /** What a later page must not fetch again. */
  cancelled({ ledger }: Intake): void {
    if (this.#receipt !== null) this.#keep({ ...this.#receipt, cancelled: ledger.cancelled });
  }

  /** To be called often; notes it now and then. */
  progressed(intake: Intake): void {
    if (this.world.clock.now() - this.#notedAt >= NOTE_MS) this.note('unfinished', intake);
  }

  note(state: TransferNote['state'], { name, ledger, sink }: Intake): void {
    if (sink.storage === null) return;
    const { totalEntries, totalBytes, verifiedBytes } = ledger;
    this.#notedAt = this.world.clock.now();
    const note: TransferNote = {
      id: this.keys.roomId,
      role: 'receiving',
      name,
      files: totalEntries,
      totalBytes,
      verifiedBytes,
      state,
      updatedAt: this.#notedAt,
    };
    this.world.archive.note(note).catch(reportStorage);
  }

  /** Both sides know of the end: the secret is of no more use. */
  confirmed(): void {
    if (this.#receipt !== null) this.#keep({ ...this.#receipt, secret: null });
  }

  /** Its lists may be long: what changes while it is being written is written once, after that. */
  #keep(receipt: Receipt): void {
    this.#receipt = receipt;
    if (this.#isDue) return;
    this.#isDue = true;
    this.#kept = this.#kept
      .then(async () => {
        this.#isDue = false;
        if (this.#receipt !== null) await this.world.archive.keepReceipt(this.#receipt);
      })
      .catch(reportStorage);
  }

  /** The transfer is given up. With `keep`, what is verified stays for an hour. */
  async release(intake: Intake | null, keep: boolean): Promise<void> {
    const receipt = this.#receipt;
    this.#receipt = null;
    try {
      if (keep && intake !== null) this.note('cancelled', intake);
      // First the receipt: a file without one is swept away, a receipt without its file promises too much.
      if (!keep && receipt !== null) await this.world.archive.forget('receiving', this.keys.roomId);
      await intake?.release(keep);
      if (!keep && receipt !== null && intake === null) await this.world.sinks.forget(receipt.storage);
    } catch (error) {
      reportStorage(error);
    }
  }
}

/** Keeping, closing or deleting failed: nothing the person could do; the next start cleans up. */
export function reportStorage(error: unknown): void {
  console.warn('storage:', asBeelineError(error, 'disk-failed').detail);
}

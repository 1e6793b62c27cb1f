import type { Archive, KeptShare, Receipt, TransferNote } from '../../src/core/ports.ts';

/** Keeps what it is given as a database does: a copy, without what a copy cannot hold. */
export class MemoryArchive implements Archive {
  readonly #notes = new Map<string, TransferNote>();
  readonly #receipts = new Map<string, Receipt>();
  readonly #shares = new Map<string, KeptShare>();

  notes(): Promise<TransferNote[]> {
    return Promise.resolve([...this.#notes.values()]);
  }

  note(note: TransferNote): Promise<void> {
    this.#notes.set(note.role + note.id, structuredClone(note));
    return Promise.resolve();
  }

  receipt(id: string): Promise<Receipt | null> {
    return Promise.resolve(this.#receipts.get(id) ?? null);
  }

  mayHaveReceipt(id: string): boolean {
    return this.#receipts.has(id);
  }

  keepReceipt(receipt: Receipt): Promise<void> {
    this.#receipts.set(receipt.id, structuredClone(receipt));
    return Promise.resolve();
  }

  share(id: string): Promise<KeptShare | null> {
    return Promise.resolve(this.#shares.get(id) ?? null);
  }

  keepShare(share: KeptShare): Promise<void> {
    this.#shares.set(share.id, share);
    return Promise.resolve();
  }

  forget(role: TransferNote['role'], id: string): Promise<void> {
    this.#notes.delete(role + id);
    (role === 'receiving' ? this.#receipts : this.#shares).delete(id);
    return Promise.resolve();
  }
}

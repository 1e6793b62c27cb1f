import type { ErrorCode } from './errors.ts';
import { HaveMap, joinRuns, type Run } from './have.ts';
import { type Manifest, PieceTable } from './manifest.ts';

/** `skipped`: not accepted, or cancelled since. */
export type EntryStatus = 'skipped' | 'waiting' | 'moving' | 'paused' | 'verified' | 'failed';

/** What may be done with one entry while others move. */
export type EntryCommand = 'pause' | 'resume' | 'cancel';

/** The entries that were accepted and then cancelled, and by which side. */
export type Cancelled = ReadonlyMap<number, 'me' | 'peer'>;

/**
 * What is verified of one transfer, by piece, by entry and in all. The receiver marks pieces as they become durable, the
 * sender as they are acknowledged, so both count the same bytes. Rule [P3].
 */
export class Ledger {
  readonly table: PieceTable;
  readonly #have: HaveMap;
  readonly #accepted: Uint8Array;
  /** Pieces of each entry that are not here yet. */
  readonly #lacking: Float64Array;
  readonly #bytes: Float64Array;
  readonly #closed: Uint8Array;
  readonly #failures = new Map<number, ErrorCode>();
  readonly #cancelled = new Map<number, 'me' | 'peer'>();
  readonly #paused = new Set<number>();
  #totalBytes: number;
  #markedBytes = 0;
  #verifiedBytes = 0;
  #verifiedEntries = 0;

  /**
   * @param accepted numbers of the accepted entries, ascending.
   * @param cancelled those of them that an earlier page has cancelled.
   */
  constructor(
    readonly manifest: Manifest,
    readonly accepted: readonly number[],
    cancelled: Cancelled = new Map(),
  ) {
    const { entries } = manifest;
    this.table = new PieceTable(entries.map((entry) => entry.size));
    this.#have = new HaveMap(this.table.count);
    this.#accepted = new Uint8Array(entries.length);
    this.#lacking = new Float64Array(entries.length);
    this.#bytes = new Float64Array(entries.length);
    this.#closed = new Uint8Array(entries.length);
    let total = 0;
    for (const entry of accepted) {
      const [from, to] = this.table.range(entry);
      this.#accepted[entry] = 1;
      this.#lacking[entry] = to - from;
      total += entries[entry]?.size ?? 0;
    }
    this.#totalBytes = total;
    for (const [entry, by] of cancelled) this.cancel(entry, by);
  }

  /** Bytes of the accepted entries, without those cancelled. */
  get totalBytes(): number {
    return this.#totalBytes;
  }

  /** Accepted entries, without those cancelled. */
  get totalEntries(): number {
    return this.accepted.length - this.#cancelled.size;
  }

  /** Bytes of all pieces ever marked, whatever became of their entries: what a speed is measured by. */
  get markedBytes(): number {
    return this.#markedBytes;
  }

  get verifiedBytes(): number {
    return this.#verifiedBytes;
  }

  /** Entries that are whole and closed. */
  get verifiedEntries(): number {
    return this.#verifiedEntries;
  }

  get failedEntries(): number {
    return this.#failures.size;
  }

  get cancelled(): Cancelled {
    return this.#cancelled;
  }

  /** Numbers of the entries that are held back. */
  get paused(): ReadonlySet<number> {
    return this.#paused;
  }

  /** True when every accepted entry is verified, failed or cancelled. */
  get settled(): boolean {
    return this.#verifiedEntries + this.#failures.size === this.totalEntries;
  }

  /** True for an accepted entry, also once it is cancelled. */
  wasAccepted(entry: number): boolean {
    return this.#accepted[entry] === 1 || this.#cancelled.has(entry);
  }

  /** True for a piece of an accepted entry that has not failed and is not here. */
  lacks(piece: number): boolean {
    if (piece >= this.table.count || this.#have.has(piece)) return false;
    const { entry } = this.table.span(piece);
    return this.#accepted[entry] === 1 && !this.#failures.has(entry);
  }

  /** Marks a piece; one that was not lacking changes nothing. @returns its entry when it lacks no other, else null. */
  mark(piece: number): number | null {
    if (!this.lacks(piece)) return null;
    this.#have.mark(piece);
    const { entry, length } = this.table.span(piece);
    this.#bytes[entry] = (this.#bytes[entry] ?? 0) + length;
    this.#verifiedBytes += length;
    this.#markedBytes += length;
    const lacking = (this.#lacking[entry] ?? 0) - 1;
    this.#lacking[entry] = lacking;
    return lacking === 0 ? entry : null;
  }

  /** True when an accepted entry has all its pieces; an empty one has from the start. */
  isWhole(entry: number): boolean {
    return this.#accepted[entry] === 1 && this.#lacking[entry] === 0;
  }

  /** A whole entry has got its name: it is verified. */
  close(entry: number): void {
    if (!this.isWhole(entry) || this.#closed[entry] === 1 || this.#failures.has(entry)) return;
    this.#closed[entry] = 1;
    this.#verifiedEntries += 1;
    this.#paused.delete(entry);
  }

  /** Gives up an entry; its bytes no longer count. @returns false when it was not open. */
  fail(entry: number, code: ErrorCode): boolean {
    if (!this.isOpen(entry)) return false;
    this.#failures.set(entry, code);
    this.#giveUp(entry);
    return true;
  }

  /** Takes an entry back, as if it had not been accepted. @returns false when it was not open, or lacks nothing. */
  cancel(entry: number, by: 'me' | 'peer'): boolean {
    if (!this.#isLacking(entry)) return false;
    this.#accepted[entry] = 0;
    this.#cancelled.set(entry, by);
    this.#totalBytes -= this.manifest.entries[entry]?.size ?? 0;
    this.#giveUp(entry);
    return true;
  }

  /** Holds an entry back. @returns false when there is nothing to hold back. */
  pause(entry: number): boolean {
    if (!this.#isLacking(entry) || this.#paused.has(entry)) return false;
    this.#paused.add(entry);
    return true;
  }

  /** @returns false when it was not held back. */
  resume(entry: number): boolean {
    return this.#paused.delete(entry);
  }

  /** True for an accepted entry that is neither verified nor given up. */
  isOpen(entry: number): boolean {
    return this.#accepted[entry] === 1 && this.#closed[entry] === 0 && !this.#failures.has(entry);
  }

  #isLacking(entry: number): boolean {
    return this.isOpen(entry) && !this.isWhole(entry);
  }

  #giveUp(entry: number): void {
    this.#paused.delete(entry);
    this.#verifiedBytes -= this.#bytes[entry] ?? 0;
    this.#bytes[entry] = 0;
  }

  /** Pieces that are still to come, ascending. */
  missing(): Iterable<Run> {
    return joinRuns(this.#missing());
  }

  *#missing(): Generator<Run, void, undefined> {
    for (const entry of this.accepted) {
      if (this.isOpen(entry)) yield* this.#have.missing(...this.table.range(entry));
    }
  }

  /** Bytes still to come, of entries that have not failed. */
  get bytesLeft(): number {
    let left = this.#totalBytes - this.#verifiedBytes;
    for (const entry of this.#failures.keys()) left -= this.manifest.entries[entry]?.size ?? 0;
    return left;
  }

  /** Those of them that belong to no entry that is held back. */
  get unpausedBytesLeft(): number {
    let left = this.bytesLeft;
    for (const entry of this.#paused) left -= (this.manifest.entries[entry]?.size ?? 0) - this.verifiedBytesOf(entry);
    return left;
  }

  status(entry: number): EntryStatus {
    if (this.#accepted[entry] !== 1) return 'skipped';
    if (this.#failures.has(entry)) return 'failed';
    if (this.#closed[entry] === 1) return 'verified';
    if (this.#paused.has(entry)) return 'paused';
    return (this.#bytes[entry] ?? 0) > 0 ? 'moving' : 'waiting';
  }

  verifiedBytesOf(entry: number): number {
    return this.#bytes[entry] ?? 0;
  }

  failure(entry: number): ErrorCode | null {
    return this.#failures.get(entry) ?? null;
  }
}

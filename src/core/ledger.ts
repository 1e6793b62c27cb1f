import type { ErrorCode } from './errors.ts';
import { HaveMap, joinRuns, type Run } from './have.ts';
import { type Manifest, PieceTable } from './manifest.ts';

export type EntryStatus = 'skipped' | 'waiting' | 'moving' | 'verified' | 'failed';

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
  readonly totalBytes: number;
  #verifiedBytes = 0;
  #verifiedEntries = 0;

  /** @param accepted numbers of the accepted entries, ascending. */
  constructor(
    readonly manifest: Manifest,
    readonly accepted: readonly number[],
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
    this.totalBytes = total;
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

  /** True when every accepted entry is verified or has failed. */
  get settled(): boolean {
    return this.#verifiedEntries + this.#failures.size === this.accepted.length;
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
  }

  /** Gives up an entry; its bytes no longer count. @returns false when it was not open. */
  fail(entry: number, code: ErrorCode): boolean {
    if (this.#accepted[entry] !== 1 || this.#closed[entry] === 1 || this.#failures.has(entry)) return false;
    this.#failures.set(entry, code);
    this.#verifiedBytes -= this.#bytes[entry] ?? 0;
    this.#bytes[entry] = 0;
    return true;
  }

  /** Pieces that are still to come, ascending. */
  missing(): Iterable<Run> {
    return joinRuns(this.#missing());
  }

  *#missing(): Generator<Run, void, undefined> {
    for (const entry of this.accepted) {
      if (!this.#failures.has(entry)) yield* this.#have.missing(...this.table.range(entry));
    }
  }

  /** Bytes still to come, of entries that have not failed. */
  get bytesLeft(): number {
    let left = this.totalBytes - this.#verifiedBytes;
    for (const entry of this.#failures.keys()) left -= this.manifest.entries[entry]?.size ?? 0;
    return left;
  }

  status(entry: number): EntryStatus {
    if (this.#accepted[entry] !== 1) return 'skipped';
    if (this.#failures.has(entry)) return 'failed';
    if (this.#closed[entry] === 1) return 'verified';
    return (this.#bytes[entry] ?? 0) > 0 ? 'moving' : 'waiting';
  }

  verifiedBytesOf(entry: number): number {
    return this.#bytes[entry] ?? 0;
  }

  failure(entry: number): ErrorCode | null {
    return this.#failures.get(entry) ?? null;
  }
}

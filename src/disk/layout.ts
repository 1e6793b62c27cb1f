import type { PlannedEntry } from '../core/manifest.ts';

/**
 * Where each accepted entry lies in the one file of a transfer: they stand one behind the other, in the order of the
 * plan, without gaps.
 *
 * ```
 *   0            size of a        a + b                 total
 *   | entry a    | entry b        | entry d  ...        |       (c was not accepted)
 * ```
 *
 * One file means one handle and one flush however many entries there are, and an entry is a slice of it: no copy.
 */
export class Layout {
  readonly totalBytes: number;
  readonly #spans = new Map<number, { readonly start: number; readonly entry: PlannedEntry }>();

  constructor(entries: readonly PlannedEntry[]) {
    let start = 0;
    for (const entry of entries) {
      this.#spans.set(entry.index, { start, entry });
      start += entry.size;
    }
    this.totalBytes = start;
  }

  /**
   * First byte of an entry in the file, and the entry.
   *
   * @throws RangeError for an entry that is not in the plan.
   */
  span(entry: number): { readonly start: number; readonly entry: PlannedEntry } {
    const span = this.#spans.get(entry);
    if (span === undefined) throw new RangeError(`entry ${entry} is not in the plan`);
    return span;
  }

  /**
   * Place in the file of bytes of an entry.
   *
   * @throws RangeError when they do not lie within it.
   */
  position(entry: number, offset: number, length: number): number {
    const { start, entry: planned } = this.span(entry);
    if (offset < 0 || offset + length > planned.size)
      throw new RangeError(`${offset}+${length} of ${planned.size} bytes`);
    return start + offset;
  }
}

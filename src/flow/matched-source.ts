import type { Bytes } from '../core/bytes.ts';
import { BeelineError } from '../core/errors.ts';
import type { Allocate, Source } from '../core/ports.ts';

/** Reads the entries of a share from files that were chosen again, in whatever order that was. */
export class MatchedSource implements Source {
  /** @param found for each entry of the share its number in `source`; null where it was not chosen again. */
  constructor(
    private readonly source: Source,
    private readonly found: readonly (number | null)[],
  ) {}

  async read(entry: number, offset: number, length: number, allocate?: Allocate): Promise<Bytes> {
    const number = this.found[entry] ?? null;
    if (number === null) throw new BeelineError('source-gone', 'not chosen again');
    return this.source.read(number, offset, length, allocate);
  }
}

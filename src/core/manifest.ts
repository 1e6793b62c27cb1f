import { MAX_ENTRIES, MAX_SHARE_BYTES, PIECE_BYTES } from './limits.ts';
import { BeelineError } from './errors.ts';
import { safePaths } from './paths.ts';

/** One file of a share. */
export interface Entry {
  /** Relative, with `/` between folders, as the sender named it. Never used as a name on disk: see {@link planEntries}. */
  readonly path: string;
  /** Bytes. */
  readonly size: number;
  /** Last change, in milliseconds since the epoch. */
  readonly mtime: number;
  /** Media type, or empty. */
  readonly type: string;
}

/** What a share offers. */
export interface Manifest {
  /** Random 128-bit id, 32 hex digits. */
  readonly shareId: string;
  readonly entries: readonly Entry[];
  /** Bytes of all entries. */
  readonly totalBytes: number;
}

/** An entry with the name it gets on the receiver's disk. */
export interface PlannedEntry {
  /** Its number in the manifest. */
  readonly index: number;
  /** Safe, relative, unique within the plan. */
  readonly path: string;
  readonly size: number;
  readonly mtime: number;
  readonly type: string;
  /** True when the sender's name was not usable as it is. */
  readonly madeSafe: boolean;
}

/**
 * @throws BeelineError `too-many-entries` for more than {@link MAX_ENTRIES}, `protocol` when the sizes add up to more
 * than {@link MAX_SHARE_BYTES}.
 */
export function makeManifest(shareId: string, entries: readonly Entry[]): Manifest {
  if (entries.length > MAX_ENTRIES) throw new BeelineError('too-many-entries', `${entries.length}`);
  const totalBytes = entries.reduce((total, entry) => total + entry.size, 0);
  if (totalBytes > MAX_SHARE_BYTES) throw new BeelineError('protocol', 'share too large');
  return { shareId, entries, totalBytes };
}

/** Every entry with the path it may have on disk. Rules [N1] to [N8]. */
export function planEntries(entries: readonly Entry[]): PlannedEntry[] {
  const safe = safePaths(entries.map((entry) => entry.path));
  return entries.map(({ size, mtime, type }, index) => ({ index, size, mtime, type, ...(safe[index] ?? FALLBACK) }));
}
const FALLBACK = { path: 'unnamed', madeSafe: true };

/** Where one piece lies. */
export interface PieceSpan {
  readonly entry: number;
  /** Bytes from the start of the entry. */
  readonly offset: number;
  /** Bytes, 1 to {@link PIECE_BYTES}. */
  readonly length: number;
}

/**
 * The pieces of a share, numbered through: first those of entry 0, then those of entry 1, and so on. An empty entry
 * has none. One number then names a piece everywhere: in frames, in wants, in the have-map.
 */
export class PieceTable {
  /** First piece of each entry, and one last value: the number of pieces. */
  readonly #first: Float64Array;
  readonly #sizes: Float64Array;

  constructor(sizes: readonly number[]) {
    this.#sizes = Float64Array.from(sizes);
    this.#first = new Float64Array(sizes.length + 1);
    sizes.forEach((size, entry) => {
      this.#first[entry + 1] = (this.#first[entry] ?? 0) + Math.ceil(size / PIECE_BYTES);
    });
  }

  /** Pieces of the whole share. */
  get count(): number {
    return this.#first.at(-1) ?? 0;
  }

  /** First piece of an entry and the one after its last. */
  range(entry: number): readonly [from: number, to: number] {
    return [this.#first[entry] ?? this.count, this.#first[entry + 1] ?? this.count];
  }

  /** Number of the piece that starts `offset` bytes into an entry. */
  pieceAt(entry: number, offset: number): number {
    return this.range(entry)[0] + Math.floor(offset / PIECE_BYTES);
  }

  /** @throws RangeError for a number outside 0 to count - 1: callers check what a peer sent first. */
  span(piece: number): PieceSpan {
    if (!Number.isInteger(piece) || piece < 0 || piece >= this.count) throw new RangeError(`piece ${piece}`);
    let low = 0;
    let high = this.#first.length - 1;
    while (high - low > 1) {
      const middle = (low + high) >> 1;
      if ((this.#first[middle] ?? 0) <= piece) low = middle;
      else high = middle;
    }
    const offset = (piece - (this.#first[low] ?? 0)) * PIECE_BYTES;
    return { entry: low, offset, length: Math.min(PIECE_BYTES, (this.#sizes[low] ?? 0) - offset) };
  }
}

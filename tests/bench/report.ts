/** Numbers of a bench: how they are summed up and shown. */
import { MIB } from '../e2e/files.ts';

/** What every bench is given. */
export interface BenchContext {
  /** Address of a running Beeline server, without a slash at the end. */
  readonly baseUrl: string;
  /** Pairs or runs to measure; null for the bench's own number. */
  readonly pairs: number | null;
  /** MiB of one transfer; null for the bench's own number. */
  readonly mib: number | null;
  /** Prints one line for a person. */
  readonly say: (line: string) => void;
}

/** How a figure spreads over the pairs of a run. */
export interface Spread {
  readonly min: number;
  readonly median: number;
  readonly max: number;
}

/** @throws RangeError for no values. */
export function spreadOf(values: readonly number[], digits = 2): Spread {
  return {
    min: rounded(Math.min(...values), digits),
    median: rounded(median(values), digits),
    max: rounded(Math.max(...values), digits),
  };
}

/** Such as `0.95 (0.91 to 0.98)`: the median first. */
export function shown({ min, median, max }: Spread): string {
  return min === max ? `${median}` : `${median} (${min} to ${max})`;
}

/** Lines in which cells of one column stand below each other. */
export function table(rows: readonly (readonly string[])[]): string[] {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  return rows.map((row) =>
    row
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join('  ')
      .trimEnd(),
  );
}

/** @throws RangeError for no values. */
export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const low = sorted[Math.floor((sorted.length - 1) / 2)];
  const high = sorted[Math.ceil((sorted.length - 1) / 2)];
  if (low === undefined || high === undefined) throw new RangeError('median of nothing');
  return (low + high) / 2;
}

/** MiB per second. */
export function mibPerSecond(bytes: number, ms: number): number {
  return (bytes / MIB / ms) * 1000;
}

export function rounded(value: number, digits = 2): number {
  return Number(value.toFixed(digits));
}

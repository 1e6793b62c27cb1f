import type { Entry } from './manifest.ts';

/** How files that were chosen again fit the list of a share. */
export interface Match {
  /** For each entry of the share the number of the chosen file that is the same; null where there is none. */
  readonly found: readonly (number | null)[];
  /** Entries without one. */
  readonly missing: readonly number[];
}

/** The same file has the same path, size and date; whether its bytes are the same too, each piece's hash tells. */
export function matchEntries(wanted: readonly Entry[], chosen: readonly Entry[]): Match {
  const numbers = new Map(chosen.map((entry, number) => [keyOf(entry), number]));
  const found = wanted.map((entry) => numbers.get(keyOf(entry)) ?? null);
  return { found, missing: [...found.keys()].filter((entry) => found[entry] === null) };
}

function keyOf({ path, size, mtime }: Entry): string {
  return `${size} ${mtime} ${path}`;
}

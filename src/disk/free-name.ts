import { BeelineError } from '../core/errors.ts';
import { numbered } from '../core/paths.ts';

/** Tries before giving up: nobody keeps a thousand copies of one name. */
const MAX_TRIES = 1_000;

/** A name nothing has, and its number: 1 for the name that was asked for. */
export interface FreeName {
  readonly name: string;
  readonly number: number;
}

/**
 * Finds names in a chosen folder that nothing has yet. Names that differ only by case or Unicode form count as one, for
 * some disks cannot tell them apart.
 */
export class FreeNames {
  /** Paths given out or meant to be, so that two entries never get the same. */
  readonly #claimed: Set<string>;

  /** @param planned paths of all entries: none of them is given to another. */
  constructor(planned: Iterable<string>) {
    this.#claimed = new Set(Array.from(planned, folded));
  }

  /**
   * `name` if it is free, else `name (2)`, `name (3)` and so on, before the extension.
   *
   * @param path of the folder, with a `/` at its end, or empty for the chosen folder itself.
   * @throws BeelineError `disk-failed` when no name is free.
   */
  async find(folder: FileSystemDirectoryHandle, path: string, name: string): Promise<FreeName> {
    for (let number = 1; number <= MAX_TRIES; number++) {
      const candidate = nameOf(name, number);
      const key = folded(path + candidate);
      if (number > 1 && this.#claimed.has(key)) continue;
      this.#claimed.add(key);
      if (!(await exists(folder, candidate))) return { name: candidate, number };
    }
    throw new BeelineError('disk-failed', 'no free name');
  }
}

/** The form of a name that has this number; 1 is the name itself. */
export function nameOf(name: string, number: number): string {
  return number === 1 ? name : numbered(name, number);
}

/** True for a file or a folder of that name. */
async function exists(folder: FileSystemDirectoryHandle, name: string): Promise<boolean> {
  try {
    await folder.getFileHandle(name);
    return true;
  } catch (thrown) {
    if (thrown instanceof DOMException && thrown.name === 'NotFoundError') return false;
    if (thrown instanceof DOMException && thrown.name === 'TypeMismatchError') return true;
    throw thrown;
  }
}

function folded(path: string): string {
  return path.normalize('NFC').toLowerCase();
}

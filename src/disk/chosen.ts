import { utf8Length } from '../core/bytes.ts';
import { BeelineError } from '../core/errors.ts';
import { MAX_ENTRIES, MAX_PATH_BYTES } from '../core/limits.ts';
import type { ChosenFile } from './file-source.ts';

/** Collects chosen files and holds them to the limits of a share at once, not when a million have been walked. */
export class Chosen {
  readonly files: ChosenFile[] = [];
  /** Paths of what is there but cannot be read. */
  readonly unreadable: string[] = [];
  /** What was chosen itself, files and folders: the browser asks for these, not for what is in them. */
  readonly roots: FileSystemHandle[] = [];

  /** @throws BeelineError `too-many-entries` or `name-too-long`. */
  add(file: ChosenFile): void {
    if (this.files.length >= MAX_ENTRIES) throw new BeelineError('too-many-entries');
    if (utf8Length(file.path) > MAX_PATH_BYTES) throw new BeelineError('name-too-long');
    this.files.push(file);
  }
}

import type { Bytes } from '../core/bytes.ts';
import type { FileReading } from './file-reading.ts';
import type { Entry } from '../core/manifest.ts';
import type { Allocate, Source } from '../core/ports.ts';

/** A chosen file. */
export interface ChosenFile {
  /** Relative, with `/` between folders, as the disk has it. */
  readonly path: string;
  /** As it was when it was chosen. */
  readonly file: File;
  /** Gets it again as it is now, where the browser can: to tell a change from a lost permission. */
  readonly again: (() => Promise<File>) | null;
  /** Can be kept in a database, so that the file is found again after a reload. */
  readonly handle: FileSystemFileHandle | null;
}

/** Reads the files a person has chosen; entry `n` is the file `n`. How, is loaded with the share. */
export class FileSource implements Source {
  readonly files: readonly ChosenFile[];
  #reading: Promise<FileReading> | null = null;

  constructor(files: readonly ChosenFile[]) {
    this.files = files;
  }

  async read(entry: number, offset: number, length: number, allocate?: Allocate): Promise<Bytes> {
    const chosen = this.files[entry];
    if (chosen === undefined) throw new RangeError(`entry ${entry}`);
    this.#reading ??= import('./file-reading.ts').then(({ FileReading }) => new FileReading());
    return (await this.#reading).read(chosen, offset, length, allocate);
  }
}

export function entryOf({ path, file }: ChosenFile): Entry {
  return { path, size: file.size, mtime: file.lastModified, type: file.type };
}

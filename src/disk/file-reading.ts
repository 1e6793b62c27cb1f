import type { Bytes } from '../core/bytes.ts';
import { BeelineError } from '../core/errors.ts';
import type { Allocate } from '../core/ports.ts';
import type { ChosenFile } from './file-source.ts';
import { FileStreams } from './file-stream.ts';
import { readWhole, SMALL_FILE_BYTES, SmallFiles } from './small-files.ts';

/**
 * Only Chromium refuses to read a file that has changed since it was chosen. Elsewhere two that grew and shrank by as much
 * would shift what is between them when they are read together, and in Firefox that is not faster (measured: 0.1 ms for
 * each file of 4 KiB either way, where Chromium takes 0.16 together and 0.27 alone). Nor does Firefox 153 end a stream's
 * read into a buffer when the file is gone.
 */
const IS_CHROMIUM = 'userAgentData' in navigator;

/** Reads parts of chosen files, each in the way that costs its browser least. */
export class FileReading {
  readonly #streams = new FileStreams();
  readonly #smallFiles = new SmallFiles();

  /** As `Source.read`. */
  async read(chosen: ChosenFile, offset: number, length: number, allocate?: Allocate): Promise<Bytes> {
    const { file } = chosen;
    try {
      if (IS_CHROMIUM && file.size <= SMALL_FILE_BYTES) return await this.#smallFiles.read(file, length);
      if (length === file.size) return await readWhole(file, length);
      if (IS_CHROMIUM) return await this.#streams.read(file, offset, length, allocate);
      return await readWhole(file.slice(offset, offset + length), length);
    } catch (thrown) {
      throw await sourceError(chosen, thrown);
    }
  }
}

/**
 * Chromium fails with NotReadableError both for a file that changed since it was chosen and for one it may not read.
 * Where the file cannot be had again to compare, a change is by far the likelier. Firefox fails with AbortError or
 * TypeError whatever happened, and only its FileReader says what.
 */
async function sourceError({ file, again }: ChosenFile, thrown: unknown): Promise<BeelineError> {
  if (thrown instanceof BeelineError) return thrown;
  const name = UNTOLD.has(nameOf(thrown)) ? await toldByReader(file) : nameOf(thrown);
  if (name === 'NotFoundError') return new BeelineError('source-gone', '', { cause: thrown });
  if (name !== 'NotReadableError') return new BeelineError('source-unreadable', name, { cause: thrown });
  if (again === null) return new BeelineError('source-changed', '', { cause: thrown });
  try {
    const now = await again();
    const same = now.size === file.size && now.lastModified === file.lastModified;
    return new BeelineError(same ? 'source-unreadable' : 'source-changed', '', { cause: thrown });
  } catch (second) {
    return new BeelineError(nameOf(second) === 'NotFoundError' ? 'source-gone' : 'source-unreadable', '', {
      cause: second,
    });
  }
}

const UNTOLD = new Set(['AbortError', 'TypeError']);

/** Name of the error of reading a file's start; empty when there is none now. */
function toldByReader(file: File): Promise<string> {
  return new Promise((resolve) => {
    const reader = new FileReader();
    reader.onloadend = () => resolve(reader.error?.name ?? '');
    reader.readAsArrayBuffer(file.slice(0, 1));
  });
}

function nameOf(thrown: unknown): string {
  return thrown instanceof Error ? thrown.name : '';
}

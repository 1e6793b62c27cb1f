import type { Bytes } from '../core/bytes.ts';
import { BeelineError } from '../core/errors.ts';
import { PIECE_BYTES } from '../core/limits.ts';

/**
 * Bytes of a file that one stream covers. A browser compares the file's date when a part is opened, so this is also how
 * much could be read of a file that has changed meanwhile, were it not for the look at the end.
 */
const STREAM_BYTES = 16 * PIECE_BYTES;

/** Several receivers read one share at places of their own; the stream that was not read from for the longest ends. */
const MAX_STREAMS = 8;

/**
 * A part of a file, read from its start to its end into the reader's own buffers. In Chromium that takes half the processor
 * time of as many `Blob.arrayBuffer`, each of which is a Blob, a pipe and a new buffer of its own (2 against 4 ms per
 * MiB, in all its processes), and two thirds of a stream that brings buffers of its own.
 */
class FileStream {
  readonly #file: File;
  readonly #end: number;
  readonly #reader: ReadableStreamBYOBReader;
  /** Where the next read must begin. */
  #next: number;
  #reads = 0;
  #before: Promise<unknown> = Promise.resolve();

  constructor(file: File, offset: number, length: number) {
    this.#file = file;
    this.#next = offset;
    this.#end = Math.min(file.size, offset + Math.max(length, STREAM_BYTES));
    this.#reader = file.slice(offset, this.#end).stream().getReader({ mode: 'byob' });
  }

  continuesAt(file: File, offset: number, length: number): boolean {
    return this.#file === file && this.#next === offset && offset + length <= this.#end;
  }

  /** True while nothing is being read. */
  get isIdle(): boolean {
    return this.#reads === 0;
  }

  get isRead(): boolean {
    return this.#next === this.#end && this.isIdle;
  }

  /** Reads as many bytes as `buffer` has, into its memory. Reads may be asked for before the ones before have ended. */
  async read(buffer: Bytes): Promise<Bytes> {
    this.#next += buffer.length;
    this.#reads += 1;
    const isLast = this.#next === this.#end;
    const reading = this.#before.then(() => this.#fill(buffer));
    // Whoever reads next fails by itself.
    this.#before = reading.catch(() => undefined);
    try {
      const bytes = await reading;
      if (isLast) await touch(this.#file);
      return bytes;
    } finally {
      this.#reads -= 1;
    }
  }

  close(): void {
    this.#reader.cancel().catch(() => undefined);
  }

  async #fill({ buffer, length }: Bytes): Promise<Bytes> {
    let memory = buffer;
    let filled = 0;
    while (filled < length) {
      const { done, value } = await this.#reader.read(new Uint8Array(memory, filled, length - filled));
      if (done) throw new BeelineError('source-changed', `${filled} of ${length} bytes`);
      memory = value.buffer;
      filled += value.length;
    }
    return new Uint8Array(memory);
  }
}

/** Reads parts of files, those that follow each other from one stream. */
export class FileStreams {
  /**
   * The one read last is last. Each is here until its last read has ended: Chromium 156 collects a stream that only a
   * pending read into a buffer still refers to, and that read never ends.
   */
  #open: FileStream[] = [];

  /** Reads `length` bytes from `offset` on. Rejects with what the browser threw, or `source-changed`. */
  async read(file: File, offset: number, length: number, allocate = newBuffer): Promise<Bytes> {
    const found = this.#open.find((stream) => stream.continuesAt(file, offset, length));
    const stream = found ?? new FileStream(file, offset, length);
    const reading = stream.read(allocate(length));
    this.#remove(stream);
    this.#open.push(stream);
    if (this.#open.length > MAX_STREAMS) this.#closeOldest();
    try {
      return await reading;
    } catch (thrown) {
      this.#remove(stream);
      stream.close();
      // A stream of Chromium ends with the same error whatever happened to its file.
      await touch(file);
      throw thrown;
    } finally {
      if (stream.isRead) {
        this.#remove(stream);
        // Nothing is left in it, but until it is collected it keeps its pipe: some 2 MiB for every 14 (`npm run bench -- memory`).
        stream.close();
      }
    }
  }

  /** With more receivers than streams are kept, all may be in use. */
  #closeOldest(): void {
    const oldest = this.#open.find(({ isIdle }) => isIdle);
    if (oldest === undefined) return;
    this.#remove(oldest);
    oldest.close();
  }

  #remove(stream: FileStream): void {
    this.#open = this.#open.filter((other) => other !== stream);
  }
}

function newBuffer(length: number): Bytes {
  return new Uint8Array(length);
}

/** Rejects with the browser's reason when the file is not as it was chosen. */
async function touch(file: File): Promise<void> {
  await file.slice(0, 1).arrayBuffer();
}

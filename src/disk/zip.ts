import type { Bytes } from '../core/bytes.ts';
import { concatBytes } from '../core/bytes.ts';

export const ZIP_TYPE = 'application/zip';

/** A finished entry, ready to be saved. */
export interface Savable {
  /** Safe, relative, with `/` between folders. */
  readonly path: string;
  /** Milliseconds since the epoch. */
  readonly mtime: number;
  /** Its bytes, on disk where the browser has them there. */
  readonly blob: Blob;
}

/** A zip that is made while it is read. */
export interface ZipStream {
  /** Bytes of the whole zip, known beforehand because nothing is compressed. */
  readonly size: number;
  readonly chunks: AsyncGenerator<Bytes, void>;
}

/** The first and the last moment a zip can say, in local time (PKWARE APPNOTE 6.3.10, section 4.4.6). */
const FIRST_DATE = new Date(1980, 0, 1);
const LAST_DATE = new Date(2107, 11, 31, 23, 59, 58);

/** Stored, not compressed; ZIP64 where sizes or counts need it; names in UTF-8. The zip code is loaded on first use. */
export async function zipStream(files: readonly Savable[]): Promise<ZipStream> {
  const { makeZip, predictLength } = await import('client-zip');
  const inputs = files.map(({ path, mtime, blob }) => ({
    name: path,
    lastModified: zipDate(mtime),
    size: blob.size,
    input: blob,
  }));
  const zip = makeZip(inputs, { buffersAreUTF8: true });
  return { size: Number(predictLength(inputs)), chunks: gathered(zip, CHUNK_BYTES) };
}

/** Bytes per message to the service worker: headers of small files alone would be thousands of messages. */
const CHUNK_BYTES = 512 * 1024;

function zipDate(mtime: number): Date {
  return new Date(Math.min(Math.max(mtime, FIRST_DATE.getTime()), LAST_DATE.getTime()));
}

/** The bytes of a stream in chunks of at least `least` bytes, except the last. Each chunk has a buffer of its own. */
export async function* gathered(stream: ReadableStream<Uint8Array>, least: number): AsyncGenerator<Bytes, void> {
  const reader = stream.getReader();
  let parts: Uint8Array[] = [];
  let length = 0;
  try {
    for (let read = await reader.read(); !read.done; read = await reader.read()) {
      parts.push(read.value);
      length += read.value.length;
      if (length < least) continue;
      yield concatBytes(...parts);
      parts = [];
      length = 0;
    }
    if (length > 0) yield concatBytes(...parts);
  } finally {
    await reader.cancel();
  }
}

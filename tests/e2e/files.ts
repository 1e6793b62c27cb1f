/** Test files of random bytes: repeated bytes would hide reordering. Streamed, so that a file may exceed memory. */
import { createHash, randomFillSync } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { mkdir, open } from 'node:fs/promises';
import { basename, dirname } from 'node:path';
import type { Readable } from 'node:stream';
import { crc32 } from 'node:zlib';
import { openPromise } from 'yauzl';

const BLOCK_BYTES = 1 << 20;

export const KIB = 1024;
export const MIB = 1024 * KIB;

export interface TestFile {
  readonly path: string;
  readonly name: string;
  readonly bytes: number;
  /** Hex. */
  readonly sha256: string;
}

/** Writes `bytes` random bytes to `path`, making its folders. */
export async function writeRandomFile(path: string, bytes: number): Promise<TestFile> {
  await mkdir(dirname(path), { recursive: true });
  const hash = createHash('sha256');
  const file = await open(path, 'w');
  try {
    for (let left = bytes; left > 0; left -= BLOCK_BYTES) {
      const block = randomFillSync(Buffer.alloc(Math.min(left, BLOCK_BYTES)));
      hash.update(block);
      await file.writeFile(block);
    }
  } finally {
    await file.close();
  }
  return { path, name: basename(path), bytes, sha256: hash.digest('hex') };
}

async function sumsOf(stream: Readable): Promise<{ readonly sha256: string; readonly crc32: number }> {
  const hash = createHash('sha256');
  let crc = 0;
  for await (const block of stream as AsyncIterable<Buffer>) {
    hash.update(block);
    crc = crc32(block, crc);
  }
  return { sha256: hash.digest('hex'), crc32: crc };
}

export async function sha256OfFile(path: string): Promise<string> {
  return (await sumsOf(createReadStream(path, { highWaterMark: BLOCK_BYTES }))).sha256;
}

/**
 * SHA-256 of every file in a zip, by its path there.
 * @throws Error for a damaged zip: a wrong length or CRC-32, or two files of one path.
 */
export async function sha256OfZip(path: string): Promise<Map<string, string>> {
  const sums = new Map<string, string>();
  const zip = await openPromise(path);
  for await (const entry of zip.eachEntry()) {
    if (entry.fileName.endsWith('/')) continue;
    const found = await sumsOf(await zip.openReadStreamPromise(entry));
    if (found.crc32 !== entry.crc32) throw new Error(`CRC-32 of ${entry.fileName} is wrong`);
    if (sums.has(entry.fileName)) throw new Error(`${entry.fileName} is in the zip twice`);
    sums.set(entry.fileName, found.sha256);
  }
  return sums;
}

import yauzl from 'yauzl';

export interface Unzipped {
  readonly name: string;
  /** Milliseconds since the epoch. */
  readonly mtime: number;
  readonly bytes: Uint8Array;
}

/** Every entry of a zip, its CRC-32 checked by yauzl, in the order of the zip. */
export async function unzip(path: string): Promise<Unzipped[]> {
  const zip = await yauzl.openPromise(path);
  const entries: Unzipped[] = [];
  for await (const entry of zip.eachEntry()) {
    const parts: Buffer[] = [];
    for await (const part of await zip.openReadStreamPromise(entry)) parts.push(part as Buffer);
    entries.push({ name: entry.fileName, mtime: entry.getLastModDate().getTime(), bytes: Buffer.concat(parts) });
  }
  return entries;
}

/** What the tests of recall do to sinks, and to the files under them. */
import type { Sink, SinkPlan } from '../../../../src/core/ports.ts';
import { Layout } from '../../../../src/disk/layout.ts';
import { contentsOf, piecesOf, writePieces } from '../../../disk/sink.suite.ts';

/** A piece by its place in its entry; plain, so that a test can hand it in and get it back. */
export type PieceAt = readonly [entry: number, offset: number];

/** Writes some pieces of a plan and finishes nothing. */
export async function writeSome(sink: Sink, plan: SinkPlan, wanted: readonly PieceAt[]): Promise<void> {
  const isWanted = new Set(wanted.map(String));
  const pieces = piecesOf(contentsOf(plan)).filter(({ entry, offset }) => isWanted.has(String([entry, offset])));
  await writePieces(sink, pieces);
}

/** Writes and finishes some entries of a plan. */
export async function writeEntries(sink: Sink, plan: SinkPlan, entries: readonly number[]): Promise<void> {
  const pieces = piecesOf(contentsOf(plan)).filter(({ entry }) => entries.includes(entry));
  await writePieces(sink, pieces);
  for (const entry of entries) await sink.finish(entry);
}

/** All that a sink recalls. */
export async function recallAll(sink: Sink): Promise<{ bytes: number; intact: PieceAt[] }> {
  let bytes = 0;
  const intact: PieceAt[] = [];
  for await (const step of sink.recall()) {
    bytes += step.bytes;
    intact.push(...step.intact.map(({ entry, offset }) => [entry, offset] as const));
  }
  return { bytes, intact };
}

export function layoutOf(plan: SinkPlan): Layout {
  return new Layout(plan.entries);
}

/** A folder of the root, which a later page finds again by its name. */
export async function folderNamed(name: string): Promise<FileSystemDirectoryHandle> {
  return (await navigator.storage.getDirectory()).getDirectoryHandle(name, { create: true });
}

/** Changes a file behind the sink's back. */
export async function edit(
  folder: FileSystemDirectoryHandle,
  name: string,
  change: (stream: FileSystemWritableFileStream, file: File) => Promise<void>,
): Promise<void> {
  const handle = await folder.getFileHandle(name);
  const stream = await handle.createWritable({ keepExistingData: true });
  await change(stream, await handle.getFile());
  await stream.close();
}

/** Makes one byte of a file another one. */
export function flip(folder: FileSystemDirectoryHandle, name: string, position: number): Promise<void> {
  return edit(folder, name, async (stream, file) => {
    const [byte = 0] = new Uint8Array(await file.slice(position, position + 1).arrayBuffer());
    await stream.write({ type: 'write', position, data: new Uint8Array([byte ^ 1]) });
  });
}

/** The adapters as the shared suite wants them. */
import type { Bytes } from '../../../../src/core/bytes.ts';
import type { Sink, SinkPlan } from '../../../../src/core/ports.ts';
import { FolderSink } from '../../../../src/disk/folder.ts';
import { MemorySink } from '../../../../src/disk/memory.ts';
import { OpfsSink } from '../../../../src/disk/opfs.ts';
import { newFileName } from '../../../../src/disk/transfers.ts';
import type { SinkSubject } from '../../../disk/sink.suite.ts';

export type SubjectName = 'opfs' | 'memory' | 'folder';

export const SUBJECTS: Readonly<Record<SubjectName, () => Promise<SinkSubject>>> = {
  opfs: () => Promise.resolve({ open: (plan) => OpfsSink.open(plan, newFileName(plan.shareId)), contents: clicked }),
  memory: () => Promise.resolve({ open: (plan) => Promise.resolve(new MemorySink(plan)), contents: clicked }),
  folder: folderSubject,
};

/** A folder of the origin private file system has the same interface as one from a picker. */
export async function newFolder(): Promise<FileSystemDirectoryHandle> {
  const root = await navigator.storage.getDirectory();
  return root.getDirectoryHandle(`chosen-${crypto.randomUUID()}`, { create: true });
}

async function folderSubject(): Promise<SinkSubject> {
  const folder = await newFolder();
  let paths = new Map<number, string>();
  return {
    open: (plan: SinkPlan) => {
      paths = new Map(plan.entries.map(({ index, path }) => [index, path]));
      return FolderSink.open(plan, folder);
    },
    contents: (_sink, entry) => readPath(folder, paths.get(entry) ?? ''),
  };
}

export async function readPath(folder: FileSystemDirectoryHandle, path: string): Promise<Bytes> {
  const [first = '', ...rest] = path.split('/');
  if (rest.length > 0) return readPath(await folder.getDirectoryHandle(first), rest.join('/'));
  const file = await (await folder.getFileHandle(first)).getFile();
  return new Uint8Array(await file.arrayBuffer());
}

/** Every path below a folder, sorted. */
export async function pathsIn(folder: FileSystemDirectoryHandle, above = ''): Promise<string[]> {
  const paths: string[] = [];
  for await (const [name, handle] of folder.entries()) {
    if (handle.kind === 'directory') paths.push(...(await pathsIn(handle, `${above}${name}/`)));
    else paths.push(above + name);
  }
  return paths.sort();
}

/** What a person would get: the bytes behind the link that saving clicks. */
async function clicked(sink: Sink, entry: number): Promise<Bytes> {
  const links: string[] = [];
  // `click` is inherited: deleting this one brings it back.
  Object.defineProperty(HTMLAnchorElement.prototype, 'click', {
    configurable: true,
    value(this: HTMLAnchorElement) {
      links.push(this.href);
    },
  });
  try {
    await sink.save([entry], 'files');
  } finally {
    Reflect.deleteProperty(HTMLAnchorElement.prototype, 'click');
  }
  const [link = ''] = links;
  return new Uint8Array(await (await fetch(link)).arrayBuffer());
}

import { BeelineError } from '../core/errors.ts';
import type { Chosen } from './chosen.ts';

/** Files asked for at once: each is a round trip to the browser's process, 0.2 ms that need not be waited for singly. */
const PARALLEL_FILES = 64;

/** One thing in a folder, whichever of the two interfaces of the browsers it comes from. */
export type Node =
  | {
      readonly kind: 'file';
      readonly name: string;
      readonly handle: FileSystemFileHandle | null;
      readonly read: () => Promise<File>;
    }
  | { readonly kind: 'folder'; readonly name: string; readonly list: () => Promise<Node[]> };

/** The usual order of file managers: `2.jpg` before `10.jpg`. */
const byName = new Intl.Collator(undefined, { numeric: true });

/**
 * Adds everything below some nodes, folder by folder, each in the order of its names. Empty folders leave no trace.
 *
 * @param path of the folder they are in, with a `/` at its end, or empty.
 * @throws BeelineError of {@link Chosen.add}; the signal's reason when it is aborted.
 */
export async function walk(nodes: readonly Node[], path: string, chosen: Chosen, signal: AbortSignal): Promise<void> {
  const sorted = nodes.toSorted((a, b) => byName.compare(a.name, b.name));
  const files = sorted.filter((node) => node.kind === 'file');
  for (let at = 0; at < files.length; at += PARALLEL_FILES) {
    signal.throwIfAborted();
    const some = files.slice(at, at + PARALLEL_FILES);
    const read = await Promise.allSettled(some.map((node) => node.read()));
    some.forEach(({ name, handle, read: again }, index) => {
      const result = read[index];
      if (result?.status === 'fulfilled') chosen.add({ path: path + name, file: result.value, again, handle });
      else chosen.unreadable.push(path + name);
    });
  }
  for (const node of sorted) {
    if (node.kind !== 'folder') continue;
    signal.throwIfAborted();
    const inside = await listed(node, path, chosen);
    await walk(inside, `${path}${node.name}/`, chosen, signal);
  }
}

async function listed(folder: Node & { kind: 'folder' }, path: string, chosen: Chosen): Promise<Node[]> {
  try {
    return await folder.list();
  } catch (thrown) {
    if (thrown instanceof BeelineError) throw thrown;
    chosen.unreadable.push(path + folder.name);
    return [];
  }
}

/** Of a FileSystemHandle: Chromium, and what Safari and Firefox have of it. */
export function handleNode(handle: FileSystemHandle): Node {
  const { name } = handle;
  if (isFile(handle)) return { kind: 'file', name, handle, read: () => handle.getFile() };
  const folder = handle as FileSystemDirectoryHandle;
  return {
    kind: 'folder',
    name,
    list: async () => {
      const nodes: Node[] = [];
      for await (const child of folder.values()) nodes.push(handleNode(child));
      return nodes;
    },
  };
}

function isFile(handle: FileSystemHandle): handle is FileSystemFileHandle {
  return handle.kind === 'file';
}

/** Of a FileSystemEntry, the older interface that every browser gives for what is dropped. */
export function entryNode(entry: FileSystemEntry): Node {
  const { name } = entry;
  if (isFileEntry(entry)) {
    return {
      kind: 'file',
      name,
      handle: null,
      read: () => new Promise((resolve, reject) => entry.file(resolve, reject)),
    };
  }
  const reader = (entry as FileSystemDirectoryEntry).createReader();
  return { kind: 'folder', name, list: async () => (await readAll(reader)).map(entryNode) };
}

function isFileEntry(entry: FileSystemEntry): entry is FileSystemFileEntry {
  return entry.isFile;
}

/** A reader gives a part of its folder at a time (Chromium 100 entries), and nothing when it is through. */
export async function readAll(reader: Pick<FileSystemDirectoryReader, 'readEntries'>): Promise<FileSystemEntry[]> {
  const all: FileSystemEntry[] = [];
  for (;;) {
    const some = await new Promise<FileSystemEntry[]>((resolve, reject) => {
      reader.readEntries(resolve, reject);
    });
    if (some.length === 0) return all;
    all.push(...some);
  }
}

/** From what a person chose, dropped or pasted to the entries of a share and the source of their bytes. */
import type { Entry } from '../core/manifest.ts';
import { Chosen } from './chosen.ts';
import { FileSource, entryOf } from './file-source.ts';
import type { ChosenFile } from './file-source.ts';
import { entryNode, handleNode, walk } from './walk.ts';
import type { Node } from './walk.ts';

/** Files a person has chosen. */
export interface PickedFiles {
  readonly entries: readonly Entry[];
  readonly source: FileSource;
  /** For each entry what finds its file in a later page; null unless there is one for each. */
  readonly handles: readonly FileSystemFileHandle[] | null;
  /** Paths of chosen things that could not be read. */
  readonly unreadable: readonly string[];
}

/**
 * Files of a file input, a folder input or the clipboard; anything else is passed over. Files of a folder input keep
 * their folders.
 *
 * @throws BeelineError `too-many-entries` or `name-too-long`.
 */
export function pickFiles(files: Iterable<unknown>): PickedFiles {
  const chosen = new Chosen();
  for (const file of files) {
    if (!(file instanceof File)) continue;
    const path = file.webkitRelativePath === '' ? file.name : file.webkitRelativePath;
    chosen.add({ path, file, again: null, handle: null });
  }
  return picked(chosen);
}

/**
 * Everything dropped, folders walked.
 *
 * @param transfer of the drop event. It is read before this function first waits: it is empty once the event is over.
 * @throws BeelineError `too-many-entries` or `name-too-long`; the signal's reason when it is aborted.
 */
export async function pickDrop(transfer: DataTransfer, signal: AbortSignal): Promise<PickedFiles> {
  const dropped = Array.from(transfer.items)
    .filter(({ kind }) => kind === 'file')
    .map(droppedNode);
  const nodes = await Promise.all(dropped);
  const chosen = new Chosen();
  await walk(
    nodes.filter((node) => node !== null),
    '',
    chosen,
    signal,
  );
  return picked(chosen);
}

/** Takes all it needs of an item at once; null for something without a file behind it. */
function droppedNode(item: DataTransferItem): Promise<Node | null> {
  const entry = item.webkitGetAsEntry();
  const file = item.getAsFile();
  const old = entry === null ? looseFile(file) : entryNode(entry);
  if (!('getAsFileSystemHandle' in item)) return Promise.resolve(old);
  // Resolves with nothing for a file that is on no disk, although its types do not say so.
  return item.getAsFileSystemHandle().then(
    (handle: unknown) => (handle instanceof FileSystemHandle ? handleNode(handle) : old),
    () => old,
  );
}

/** A file that is on no disk, such as an image dragged out of a page. */
function looseFile(file: File | null): Node | null {
  return file === null ? null : { kind: 'file', name: file.name, handle: null, read: () => Promise.resolve(file) };
}

function handlesOf(files: readonly ChosenFile[]): FileSystemFileHandle[] | null {
  const handles = files.map(({ handle }) => handle).filter((handle) => handle !== null);
  return handles.length === files.length ? handles : null;
}

function picked(chosen: Chosen): PickedFiles {
  return {
    entries: chosen.files.map(entryOf),
    source: new FileSource(chosen.files),
    handles: handlesOf(chosen.files),
    unreadable: chosen.unreadable,
  };
}

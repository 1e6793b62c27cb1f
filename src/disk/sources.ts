/** From what a person chose, dropped or pasted to the entries of a share and the source of their bytes. */
import { BeelineError } from '../core/errors.ts';
import type { Entry } from '../core/manifest.ts';
import { Chosen } from './chosen.ts';
import { FileSource, entryOf } from './file-source.ts';
import { entryNode, handleNode, walk } from './walk.ts';
import type { Node } from './walk.ts';

/** Handles can be kept in a database. */
export interface FileHandles {
  /** What was chosen: the person is asked for these. */
  readonly roots: readonly FileSystemHandle[];
  /** One for each entry. */
  readonly files: readonly FileSystemFileHandle[];
}

/** Files a person has chosen. */
export interface PickedFiles {
  readonly entries: readonly Entry[];
  readonly source: FileSource;
  /** What finds the files in a later page; null unless there is a handle for each. */
  readonly handles: FileHandles | null;
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
  const found = await Promise.all(dropped);
  const nodes = found.filter((thing) => thing !== null);
  const chosen = new Chosen();
  for (const { handle } of nodes) if (handle !== null) chosen.roots.push(handle);
  await walk(
    nodes.map(({ node }) => node),
    '',
    chosen,
    signal,
  );
  return picked(chosen);
}

/** True where {@link chooseFiles} works: its files are found again in a later page. */
export const canChooseFiles = 'showOpenFilePicker' in globalThis && 'showDirectoryPicker' in globalThis;

/**
 * Lets the person choose files, or a folder to send with all that is in it. Needs a click.
 *
 * @returns null when they closed the picker.
 * @throws BeelineError `permission-denied`, `too-many-entries` or `name-too-long`; the signal's reason when it is aborted.
 */
export async function chooseFiles(kind: 'files' | 'folder', signal: AbortSignal): Promise<PickedFiles | null> {
  const roots = await chosenHandles(kind);
  if (roots === null) return null;
  const chosen = new Chosen();
  chosen.roots.push(...roots);
  await walk(roots.map(handleNode), '', chosen, signal);
  return picked(chosen);
}

async function chosenHandles(kind: 'files' | 'folder'): Promise<FileSystemHandle[] | null> {
  try {
    if (kind === 'files') return await showOpenFilePicker({ id: 'beeline-send', multiple: true });
    return [await showDirectoryPicker({ id: 'beeline-send', mode: 'read' })];
  } catch (thrown) {
    if (thrown instanceof DOMException && thrown.name === 'AbortError') return null;
    throw new BeelineError('permission-denied', '', { cause: thrown });
  }
}

/** Something dropped, and what finds it in a later page. */
interface Dropped {
  readonly node: Node;
  readonly handle: FileSystemHandle | null;
}

/** Takes all it needs of an item at once; null for something without a file behind it. */
function droppedNode(item: DataTransferItem): Promise<Dropped | null> {
  const entry = item.webkitGetAsEntry();
  const file = item.getAsFile();
  const node = entry === null ? looseFile(file) : entryNode(entry);
  const old = node === null ? null : { node, handle: null };
  if (!('getAsFileSystemHandle' in item)) return Promise.resolve(old);
  // Resolves with nothing for a file that is on no disk, although its types do not say so.
  return item.getAsFileSystemHandle().then(
    (handle: unknown) => (handle instanceof FileSystemHandle ? { node: handleNode(handle), handle } : old),
    () => old,
  );
}

/** A file that is on no disk, such as an image dragged out of a page. */
function looseFile(file: File | null): Node | null {
  return file === null ? null : { kind: 'file', name: file.name, handle: null, read: () => Promise.resolve(file) };
}

function handlesOf({ files, roots }: Chosen): FileHandles | null {
  const handles = files.map(({ handle }) => handle).filter((handle) => handle !== null);
  return handles.length === files.length ? { roots, files: handles } : null;
}

function picked(chosen: Chosen): PickedFiles {
  return {
    entries: chosen.files.map(entryOf),
    source: new FileSource(chosen.files),
    handles: handlesOf(chosen),
    unreadable: chosen.unreadable,
  };
}

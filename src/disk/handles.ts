/** Files found again through handles that outlived their page, where a browser gives such. */
import { BeelineError } from '../core/errors.ts';
import type { Entry } from '../core/manifest.ts';
import { entryOf, FileSource, type ChosenFile } from './file-source.ts';
import type { FileHandles, PickedFiles } from './sources.ts';

const READ = { mode: 'read' } as const;

/** Null for anything else: a database may hold what an older version has left. */
export function asHandles(kept: unknown): FileHandles | null {
  if (typeof kept !== 'object' || kept === null || !('roots' in kept) || !('files' in kept)) return null;
  const { roots, files } = kept;
  if (!Array.isArray(roots) || !Array.isArray(files)) return null;
  const areHandles =
    roots.every((root) => root instanceof FileSystemHandle) &&
    files.every((file) => file instanceof FileSystemFileHandle);
  return areHandles ? { roots, files } : null;
}

/** True when the browser lets this page read all of them without asking. */
export async function areReadable({ roots }: FileHandles): Promise<boolean> {
  for (const root of roots) if ((await root.queryPermission(READ)) !== 'granted') return false;
  return true;
}

/**
 * The files as they are now, without those that are gone. Asks the person where it must: needs a click.
 *
 * @param entries what they were; their paths stay.
 * @throws BeelineError `permission-denied`
 */
export async function filesOf({ roots, files }: FileHandles, entries: readonly Entry[]): Promise<PickedFiles> {
  for (const root of roots) await ask(root);
  const found: ChosenFile[] = [];
  for (const [number, handle] of files.entries()) {
    const again = () => handle.getFile();
    const file = await again().catch(() => null);
    const path = entries[number]?.path;
    if (file !== null && path !== undefined) found.push({ path, file, again, handle });
  }
  return { entries: found.map(entryOf), source: new FileSource(found), handles: null, unreadable: [] };
}

async function ask(root: FileSystemHandle): Promise<void> {
  if ((await root.queryPermission(READ)) === 'granted') return;
  const answer = await root.requestPermission(READ).catch(() => 'denied');
  if (answer !== 'granted') throw new BeelineError('permission-denied');
}

/** Files found again through handles that outlived their page, where a browser gives such. */
import { BeelineError } from '../core/errors.ts';
import type { Entry } from '../core/manifest.ts';
import { entryOf, FileSource, type ChosenFile } from './file-source.ts';
import type { PickedFiles } from './sources.ts';

/** True when the browser lets this page read all of them without asking. */
export async function areReadable(handles: readonly unknown[]): Promise<boolean> {
  for (const handle of handles) {
    if (!(handle instanceof FileSystemFileHandle)) return false;
    if ((await handle.queryPermission({ mode: 'read' })) !== 'granted') return false;
  }
  return true;
}

/**
 * The files as they are now, without those that are gone. Asks the person where it must: needs a click.
 *
 * @param entries what they were; their paths stay.
 * @throws BeelineError `permission-denied`
 */
export async function filesOf(handles: readonly unknown[], entries: readonly Entry[]): Promise<PickedFiles> {
  const files: ChosenFile[] = [];
  for (const [number, handle] of handles.entries()) {
    const path = entries[number]?.path;
    if (path === undefined || !(handle instanceof FileSystemFileHandle)) continue;
    await allowed(handle);
    const again = () => handle.getFile();
    const file = await again().catch(() => null);
    if (file !== null) files.push({ path, file, again, handle });
  }
  return { entries: files.map(entryOf), source: new FileSource(files), handles: null, unreadable: [] };
}

async function allowed(handle: FileSystemFileHandle): Promise<void> {
  const mode = { mode: 'read' } as const;
  if ((await handle.queryPermission(mode)) === 'granted') return;
  const answer = await handle.requestPermission(mode).catch(() => 'denied');
  if (answer !== 'granted') throw new BeelineError('permission-denied');
}

import { BeelineError } from '../core/errors.ts';

/** True where {@link choosePlace} works. */
export const canChoosePlace = 'showDirectoryPicker' in globalThis;

/**
 * Lets the person choose a folder to receive into. Needs a click.
 *
 * @returns null when they closed the picker.
 * @throws BeelineError `permission-denied`
 */
export async function choosePlace(): Promise<FileSystemDirectoryHandle | null> {
  try {
    return await showDirectoryPicker({ id: 'beeline-receive', mode: 'readwrite', startIn: 'downloads' });
  } catch (thrown) {
    if (thrown instanceof DOMException && thrown.name === 'AbortError') return null;
    throw new BeelineError('permission-denied', '', { cause: thrown });
  }
}

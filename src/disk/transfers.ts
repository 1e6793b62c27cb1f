/** The folder of the origin private file system that holds what is being received, and who holds which file of it. */
import { toHex } from '../core/bytes.ts';
import { BeelineError, asBeelineError } from '../core/errors.ts';
import { TRANSFERS_FOLDER } from '../core/opfs-messages.ts';

const ZIP = '.zip';

/** Name of the zip made of a transfer. */
export function zipOf(fileName: string): string {
  return fileName + ZIP;
}

/** A transfer and its zip are held together. */
function lockName(fileName: string): string {
  return `beeline:transfer:${fileName.endsWith(ZIP) ? fileName.slice(0, -ZIP.length) : fileName}`;
}

/** Milliseconds that a tab which is just being closed or reloaded may take to let go of what it holds. */
const CLOSING_MS = 1_000;

/** A name no other transfer has: the share's id and 64 random bits, for one link may be opened in two tabs. */
export function newFileName(shareId: string): string {
  return `${shareId}-${toHex(crypto.getRandomValues(new Uint8Array(8)))}`;
}

/** True where files can be kept: not in the private windows of some browsers, nor without a secure context. */
export async function hasOpfs(): Promise<boolean> {
  try {
    await transfersFolder();
    return true;
  } catch (thrown) {
    // Full is not missing.
    return thrown instanceof DOMException && thrown.name === 'QuotaExceededError';
  }
}

/**
 * Marks a file, or a share, as in use by this tab: no other tab opens it or sweeps it away. Ends with the tab, however
 * that ends.
 *
 * @returns lets go of it.
 * @throws BeelineError `open-elsewhere` when another tab has it.
 */
export function hold(name: string): Promise<() => void> {
  return new Promise((resolve, reject) => {
    const patience = { signal: AbortSignal.timeout(CLOSING_MS) };
    const held = navigator.locks.request(lockName(name), patience, () => new Promise<void>((letGo) => resolve(letGo)));
    held.catch((thrown: unknown) => {
      const waitedInVain = thrown instanceof DOMException && thrown.name === 'TimeoutError';
      reject(waitedInVain ? new BeelineError('open-elsewhere') : asBeelineError(thrown, 'disk-failed'));
    });
  });
}

/** @throws BeelineError `disk-failed` */
export async function readTransfer(fileName: string): Promise<File> {
  try {
    const folder = await transfersFolder();
    return await (await folder.getFileHandle(fileName)).getFile();
  } catch (thrown) {
    throw asBeelineError(thrown, 'disk-failed');
  }
}

/** Deletes a file if it is there. What cannot be deleted now is swept at the next start. */
export async function removeTransfer(fileName: string): Promise<void> {
  try {
    const folder = await transfersFolder();
    await folder.removeEntry(fileName);
  } catch {
    return;
  }
}

/**
 * Deletes what is left of transfers that no open tab holds.
 *
 * @param kept names of files to keep, for a transfer that is to go on later.
 */
export async function sweepTransfers(kept: ReadonlySet<string>): Promise<void> {
  const folder = await transfersFolder();
  const names: string[] = [];
  for await (const name of folder.keys()) names.push(name);
  for (const name of names) {
    if (kept.has(name)) continue;
    await navigator.locks.request(lockName(name), { ifAvailable: true }, async (lock) => {
      if (lock !== null) await removeTransfer(name);
    });
  }
}

async function transfersFolder(): Promise<FileSystemDirectoryHandle> {
  const root = await navigator.storage.getDirectory();
  return root.getDirectoryHandle(TRANSFERS_FOLDER, { create: true });
}

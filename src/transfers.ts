/** The list of transfers that this browser keeps. Loaded when the home screen is shown. */
import { toFragment } from './core/link.ts';
import type { TransferNote } from './core/ports.ts';
import type { Transfers } from './flow/services.ts';
import { openDisk } from './storage.ts';

/** The latest first. */
export async function transfers(): Promise<Transfers> {
  const { archive } = await openDisk();
  const notes = await archive.notes();
  return { notes: notes.sort((a, b) => b.updatedAt - a.updatedAt), usedBytes: await usedBytes() };
}

/** The fragment of the link of a received transfer that can go on; null when there is nothing left to fetch. */
export async function linkOf(id: string): Promise<string | null> {
  const secret = (await (await openDisk()).archive.receipt(id))?.secret ?? null;
  return secret === null ? null : toFragment(secret);
}

/** Forgets a transfer, and deletes what was received of it. */
export async function forget({ role, id }: TransferNote): Promise<void> {
  const { archive, sinks } = await openDisk();
  const receipt = role === 'receiving' ? await archive.receipt(id) : null;
  await archive.forget(role, id);
  if (receipt !== null) await sinks.forget(receipt.storage);
}

async function usedBytes(): Promise<number | null> {
  try {
    return (await navigator.storage.estimate()).usage ?? null;
  } catch {
    return null;
  }
}

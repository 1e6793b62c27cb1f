/** Opens what was received and finished. Loaded when a person asks for it. */
import { Stored } from './flow/stored.ts';
import type { StoredSession } from './flow/views.ts';
import { world } from './world.ts';

/** Null when it is not kept. */
export async function stored(id: string): Promise<StoredSession | null> {
  const receipt = await world.archive.receipt(id);
  return receipt === null ? null : new Stored(world, receipt);
}

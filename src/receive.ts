/** Starts receivers' sessions. Loaded when a link is opened. */
import { deriveShareKeys, parseFragment } from './core/link.ts';
import { Receiving } from './flow/receiving.ts';
import type { ReceivingSession } from './flow/views.ts';
import { requireWebRtc, told, world } from './world.ts';

/** @throws BeelineError `link-incomplete` or `unsupported`. */
export async function receive(fragment: string): Promise<ReceivingSession> {
  const secret = parseFragment(fragment);
  requireWebRtc();
  const keys = await deriveShareKeys(world.subtle, secret);
  return told(new Receiving(world, keys, await world.archive.receipt(keys.roomId)));
}

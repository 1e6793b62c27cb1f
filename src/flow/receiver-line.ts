import { toHex } from '../core/bytes.ts';
import type { Random, Signaling, SignalingFactory } from '../core/ports.ts';

/** A receiver's line to the server, under a random id that it has for one link. */
export interface ReceiverLine {
  readonly id: string;
  readonly signaling: Signaling;
}

/** Dials. In the page's first script, so it imports little. */
export function dialLine(world: { readonly random: Random; readonly signaling: SignalingFactory }): ReceiverLine {
  const [id, token] = [toHex(world.random.bytes(16)), toHex(world.random.bytes(16))] as const;
  return { id, signaling: world.signaling.connect(id, token) };
}

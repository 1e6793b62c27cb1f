import type { Random, Signaling, SignalingFactory } from '../core/ports.ts';
import { randomId } from './random-id.ts';

/** A receiver's line to the server, under a random id that it has for one link. */
export interface ReceiverLine {
  readonly id: string;
  readonly signaling: Signaling;
}

/** Dials. In the page's first script, so it imports little. */
export function dialLine(world: { readonly random: Random; readonly signaling: SignalingFactory }): ReceiverLine {
  const id = randomId(world);
  return { id, signaling: world.signaling.connect(id, randomId(world)) };
}

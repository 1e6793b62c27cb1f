import type { Random, Signaling, SignalingFactory } from '../core/ports.ts';
import type { Dial, MadeOffer } from './handshake.ts';
import { randomId } from './random-id.ts';

/** A receiver's line to the server, under a random id that it has for one link. */
export interface ReceiverLine {
  readonly id: string;
  readonly signaling: Signaling;
  /** The first dial over it, if that has begun. */
  readonly dial: Dial | null;
  /** The offer that the next dial goes on with, if one was made before the line. Rule [C19]. */
  readonly takeOffer: () => MadeOffer | null;
}

export function dialLine(world: { readonly random: Random; readonly signaling: SignalingFactory }): ReceiverLine {
  const id = randomId(world);
  return { id, signaling: world.signaling.connect(id, randomId(world)), dial: null, takeOffer: () => null };
}

import { toHex } from '../core/bytes.ts';
import type { Random } from '../core/ports.ts';

/** A random 128-bit id in hex: share ids, receiver ids and tokens. */
export function randomId({ random }: { readonly random: Random }): string {
  return toHex(random.bytes(16));
}

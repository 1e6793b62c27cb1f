import type { Bytes } from '../core/bytes.ts';
import { deriveShareKeys, secretOf, type ShareKeys } from '../core/link.ts';
import type { Key } from '../core/ports.ts';
import { randomId } from './random-id.ts';
import type { World } from './world.ts';

/** Who a sender is for one share. */
export interface ShareIdentity {
  readonly keys: ShareKeys;
  /** ECDSA P-256, not extractable. */
  readonly privateKey: Key;
  /** 65 bytes, uncompressed point. */
  readonly publicKey: Bytes;
  /** The sender's own token at the signaling server: nobody else gets its id while it is away. */
  readonly token: string;
}

/** Makes a share's keys. Rule [L1]. */
export async function makeIdentity(world: Pick<World, 'random' | 'subtle'>): Promise<ShareIdentity> {
  const { subtle } = world;
  const pair = await subtle.generateKey({ name: 'ECDSA', namedCurve: 'P-256' }, false, ['sign', 'verify']);
  const publicKey = new Uint8Array(await subtle.exportKey('raw', pair.publicKey));
  const keys = await deriveShareKeys(subtle, await secretOf(subtle, publicKey));
  return { keys, privateKey: pair.privateKey, publicKey, token: randomId(world) };
}

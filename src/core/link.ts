import { type Bytes, fromBase64url, toBase64url, toHex, utf8 } from './bytes.ts';
import { BeelineError } from './errors.ts';
import type { Key, Subtle } from './ports.ts';

/** Bytes of a share's secret. */
export const SECRET_BYTES = 16;

/** Characters of a link's fragment, without `#`: the secret in base64url. Rule [L2]. */
export const FRAGMENT_LENGTH = 22;

/** Everything that follows from a share's secret. */
export interface ShareKeys {
  readonly secret: Bytes;
  /** The sender's id at the signaling server, 32 hex digits. */
  readonly roomId: string;
  /** AES-256-GCM, for sealed signaling. */
  readonly seal: Key;
  /** Twenty digits in groups of five, for two people to compare. Tells nothing about the secret. */
  readonly fingerprint: string;
}

/** The secret of a public key: the first 128 bits of its SHA-256, so that it commits to the key. Rule [L1]. */
export async function secretOf(subtle: Subtle, publicKey: Bytes): Promise<Bytes> {
  return new Uint8Array(await subtle.digest('SHA-256', publicKey)).slice(0, SECRET_BYTES);
}

/** The fragment of a share's link, without `#`. */
export function toFragment(secret: Bytes): string {
  return toBase64url(secret);
}

/**
 * @param fragment with or without its `#`.
 * @throws BeelineError `link-incomplete` for anything but the canonical form.
 */
export function parseFragment(fragment: string): Bytes {
  const secret = readFragment(fragment);
  if (secret === null) throw new BeelineError('link-incomplete');
  return secret;
}

/** True for what {@link parseFragment} reads. */
export function isFragment(text: string): boolean {
  return readFragment(text) !== null;
}

/** The secret in a fragment, with or without its `#`; null for anything but the canonical form. */
export function readFragment(fragment: string): Bytes | null {
  const text = fragment.replace(/^#/u, '');
  return text.length === FRAGMENT_LENGTH ? fromBase64url(text) : null;
}

/** Derives room id, seal and fingerprint with HKDF-SHA-256 (RFC 5869). Rules [L3] to [L5]. */
export async function deriveShareKeys(subtle: Subtle, secret: Bytes): Promise<ShareKeys> {
  const base = await subtle.importKey('raw', secret, 'HKDF', false, ['deriveBits', 'deriveKey']);
  const hkdf = (info: string) =>
    ({ name: 'HKDF', hash: 'SHA-256', salt: new Uint8Array(), info: utf8(`beeline/1 ${info}`) }) as const;
  const [room, seal, digits] = await Promise.all([
    subtle.deriveBits(hkdf('room'), base, 128),
    subtle.deriveKey(hkdf('seal'), base, { name: 'AES-GCM', length: 256 }, false, ['encrypt', 'decrypt']),
    subtle.deriveBits(hkdf('fingerprint'), base, 256),
  ]);
  return { secret, roomId: toHex(new Uint8Array(room)), seal, fingerprint: toDigits(digits) };
}

/** Four groups of five digits, each a 64-bit number modulo 100,000: the bias is below 2^-47. */
function toDigits(bits: ArrayBuffer): string {
  const view = new DataView(bits);
  return [0, 8, 16, 24].map((at) => String(view.getBigUint64(at) % 100_000n).padStart(5, '0')).join(' ');
}

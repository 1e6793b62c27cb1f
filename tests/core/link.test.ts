import { createDecipheriv } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { toHex } from '../../src/core/bytes.ts';
import {
  deriveShareKeys,
  FRAGMENT_LENGTH,
  isFragment,
  parseFragment,
  SECRET_BYTES,
  secretOf,
  toFragment,
} from '../../src/core/link.ts';
import { makeIdentity } from '../../src/flow/identity.ts';
import { realRandom } from '../doubles/clock.ts';
import { fromHex, readVectors } from '../vectors/read.ts';
import { refusal } from './refusals.ts';

const { subtle } = crypto;
const vectors = readVectors('link.json');

describe('golden links', () => {
  it.each(vectors)('[L1] the secret of a public key is $secret', async ({ publicKey, secret, fragment }) => {
    expect(toHex(await secretOf(subtle, fromHex(publicKey)))).toBe(secret);
    expect(toFragment(fromHex(secret))).toBe(fragment);
  });

  it.each(vectors)('[L3] [L5] the room is $roomId, the fingerprint $fingerprint', async (vector) => {
    const { roomId, fingerprint } = await deriveShareKeys(subtle, fromHex(vector.secret));
    expect(roomId).toBe(vector.roomId);
    expect(fingerprint).toBe(vector.fingerprint);
  });

  it.each(vectors)('[L4] the sealing key of $secret', async ({ secret, sealKey }) => {
    const { seal } = await deriveShareKeys(subtle, fromHex(secret));
    const iv = realRandom.bytes(12);
    const data = realRandom.bytes(40);
    const additionalData = realRandom.bytes(5);
    const sealed = Buffer.from(await subtle.encrypt({ name: 'AES-GCM', iv, additionalData }, seal as CryptoKey, data));
    const opener = createDecipheriv('aes-256-gcm', fromHex(sealKey), iv);
    opener.setAAD(additionalData).setAuthTag(sealed.subarray(-16));
    expect(Buffer.concat([opener.update(sealed.subarray(0, -16)), opener.final()])).toEqual(Buffer.from(data));
  });
});

describe('keys', () => {
  it('[L1] neither the private key nor the sealing key can be taken out of the browser', async () => {
    const { keys, privateKey, publicKey } = await makeIdentity({ subtle, random: realRandom });
    expect(publicKey).toHaveLength(65);
    expect(keys.secret).toEqual(await secretOf(subtle, publicKey));
    await expect(subtle.exportKey('pkcs8', privateKey as CryptoKey)).rejects.toThrow();
    await expect(subtle.exportKey('raw', keys.seal as CryptoKey)).rejects.toThrow();
  });

  it('[L3] the room id tells nothing of the secret: another secret, another room', async () => {
    const [a, b] = await Promise.all([1, 2].map((last) => deriveShareKeys(subtle, new Uint8Array(16).fill(last))));
    expect(a?.roomId).toMatch(/^[0-9a-f]{32}$/u);
    expect(a?.roomId).not.toBe(b?.roomId);
    expect(a?.fingerprint).not.toBe(b?.fingerprint);
  });
});

describe('fragments', () => {
  function expectRefused(text: string): void {
    expect(refusal(() => parseFragment(text))).toBe('link-incomplete');
    expect(isFragment(text)).toBe(false);
  }

  it('[L2] are 22 characters and read back, with and without the hash sign', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: SECRET_BYTES, maxLength: SECRET_BYTES }), (secret) => {
        const fragment = toFragment(secret);
        expect(fragment).toMatch(/^[\w-]{22}$/u);
        expect(fragment).toHaveLength(FRAGMENT_LENGTH);
        for (const text of [fragment, `#${fragment}`]) {
          expect(isFragment(text)).toBe(true);
          expect(parseFragment(text)).toEqual(secret);
        }
      }),
    );
  });

  it('[L2] are refused when shortened, lengthened or with any letter of another alphabet', () => {
    const [{ fragment } = { fragment: '' }] = vectors;
    for (let length = 0; length < 22; length++) {
      expectRefused(fragment.slice(0, length));
    }
    for (const wrong of [`${fragment}A`, `${fragment}==`, `##${fragment}`, ` ${fragment}`, `${fragment} `]) {
      expectRefused(wrong);
    }
    for (const letter of ['+', '/', '=', '%', 'é', '\n', '٣']) {
      expectRefused(`${fragment.slice(0, 21)}${letter}`);
    }
  });

  it('[L2] only four of the 64 last characters are canonical', () => {
    const letters = Array.from('ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_');
    const accepted = letters.filter((letter) => isFragment('A'.repeat(21) + letter));
    expect(accepted).toEqual(['A', 'Q', 'g', 'w']);
  });
});

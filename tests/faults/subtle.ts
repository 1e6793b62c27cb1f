import {
  createCipheriv,
  createDecipheriv,
  createHash,
  createPublicKey,
  generateKeyPairSync,
  hkdfSync,
  KeyObject,
  sign,
  verify,
} from 'node:crypto';
import type { Bytes } from '../../src/core/bytes.ts';
import type { Key, Subtle } from '../../src/core/ports.ts';

/** Bytes of AES-GCM's tag. */
const TAG = 16;

/** A key of this file: bytes to derive from or to seal with, or one half of a pair. */
class HeldKey implements Key {
  readonly type = 'held';
  constructor(readonly held: Bytes | KeyObject) {}
}

function bytesOf(key: Key): Bytes {
  if (key instanceof HeldKey && key.held instanceof Uint8Array) return key.held;
  throw new TypeError('not a key of bytes');
}

function objectOf(key: Key): KeyObject {
  if (key instanceof HeldKey && key.held instanceof KeyObject) return key.held;
  throw new TypeError('not half of a pair');
}

/** A copy with a buffer of its own. */
function own(bytes: Uint8Array): Bytes {
  return Uint8Array.from(bytes);
}

/** An uncompressed point of P-256, as WebCrypto's raw form has it. */
function toPoint(publicKey: KeyObject): Bytes {
  const { x = '', y = '' } = publicKey.export({ format: 'jwk' });
  return own(Buffer.concat([Buffer.of(4), Buffer.from(x, 'base64url'), Buffer.from(y, 'base64url')]));
}

function fromPoint(point: Bytes): KeyObject {
  const coordinate = (from: number) => Buffer.from(point.subarray(from, from + 32)).toString('base64url');
  return createPublicKey({ format: 'jwk', key: { kty: 'EC', crv: 'P-256', x: coordinate(1), y: coordinate(33) } });
}

/**
 * WebCrypto that is done at once: the machine's own computes in other threads, and which of two results comes first would
 * differ from run to run.
 */
const atOnce: {
  readonly [Name in keyof Subtle]: (...args: Parameters<Subtle[Name]>) => Awaited<ReturnType<Subtle[Name]>>;
} = {
  digest: (_, data) => own(createHash('sha256').update(data).digest()).buffer,
  importKey: (_, data, algorithm) => new HeldKey(algorithm === 'HKDF' ? own(data) : fromPoint(data)),
  exportKey: (_, key) => toPoint(objectOf(key)).buffer,
  generateKey: () => {
    const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    return { privateKey: new HeldKey(privateKey), publicKey: new HeldKey(publicKey) };
  },
  deriveBits: ({ salt, info }, base, bits) => hkdfSync('sha256', bytesOf(base), salt, info, bits / 8),
  deriveKey: ({ salt, info }, base) => new HeldKey(new Uint8Array(hkdfSync('sha256', bytesOf(base), salt, info, 32))),
  encrypt: ({ iv, additionalData }, key, data) => {
    const cipher = createCipheriv('aes-256-gcm', bytesOf(key), iv).setAAD(additionalData);
    return own(Buffer.concat([cipher.update(data), cipher.final(), cipher.getAuthTag()])).buffer;
  },
  decrypt: ({ iv, additionalData }, key, data) => {
    const cipher = createDecipheriv('aes-256-gcm', bytesOf(key), iv).setAAD(additionalData);
    cipher.setAuthTag(data.subarray(data.length - TAG));
    return own(Buffer.concat([cipher.update(data.subarray(0, data.length - TAG)), cipher.final()])).buffer;
  },
  sign: (_, key, data) => own(sign('sha256', data, { key: objectOf(key), dsaEncoding: 'ieee-p1363' })).buffer,
  verify: (_, key, signature, data) =>
    verify('sha256', data, { key: objectOf(key), dsaEncoding: 'ieee-p1363' }, signature),
};

function soon<Parameters extends unknown[], Result>(
  run: (...parameters: Parameters) => Result,
): (...parameters: Parameters) => Promise<Result> {
  return (...parameters) =>
    new Promise((resolve) => {
      resolve(run(...parameters));
    });
}

export const promptSubtle: Subtle = {
  digest: soon(atOnce.digest),
  importKey: soon(atOnce.importKey),
  exportKey: soon(atOnce.exportKey),
  generateKey: soon(atOnce.generateKey),
  deriveBits: soon(atOnce.deriveBits),
  deriveKey: soon(atOnce.deriveKey),
  encrypt: soon(atOnce.encrypt),
  decrypt: soon(atOnce.decrypt),
  sign: soon(atOnce.sign),
  verify: soon(atOnce.verify),
};

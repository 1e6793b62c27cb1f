import { readFileSync } from 'node:fs';

/** Golden vectors, made once by an implementation of SPEC.md in another language. */
export interface Vectors {
  readonly 'frames.json': {
    /** Pieces of one chunk each, and the message that carries them all, in hex. */
    readonly messages: readonly {
      readonly pieces: readonly { readonly piece: number; readonly bytes: string }[];
      readonly message: string;
    }[];
    /**
     * Pieces of `seededBytes(length, seed)`, each chunk in a message of its own, the first first: each message's header and
     * size, and the SHA-256 of all messages.
     */
    readonly large: readonly {
      readonly piece: number;
      readonly length: number;
      readonly seed: number;
      readonly headers: readonly string[];
      readonly sizes: readonly number[];
      readonly sha256: string;
    }[];
  };
  readonly 'link.json': readonly {
    readonly publicKey: string;
    readonly secret: string;
    readonly fragment: string;
    readonly roomId: string;
    readonly fingerprint: string;
    readonly sealKey: string;
  }[];
  readonly 'seal.json': readonly {
    readonly secret: string;
    readonly receiverId: string;
    readonly senderId: string;
    readonly messages: readonly {
      readonly direction: 'to-sender' | 'to-receiver';
      readonly n: number;
      readonly iv: string;
      readonly message: Readonly<Record<string, unknown>>;
      readonly envelope: { readonly c: string; readonly n: number; readonly b: string };
    }[];
  }[];
}

export function readVectors<Name extends keyof Vectors>(name: Name): Vectors[Name] {
  return JSON.parse(readFileSync(new URL(name, import.meta.url), 'utf8')) as Vectors[Name];
}

export function fromHex(hex: string): Uint8Array<ArrayBuffer> {
  return new Uint8Array(Buffer.from(hex, 'hex'));
}

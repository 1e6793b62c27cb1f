/**
 * What the page and the worker that owns a file of the origin private file system say to each other. Each request is
 * answered by one reply, in the order of the requests.
 */
import type { Bytes } from './bytes.ts';
import type { ErrorCode } from './errors.ts';

/** Folder of the origin private file system that holds the transfers. */
export const TRANSFERS_FOLDER = 'transfers';

/** Bytes and the place in the file they belong to. */
export interface OpfsWrite {
  /** Bytes from the start of the file. */
  readonly position: number;
  readonly bytes: Bytes;
}

/** The buffers of some writes, each once: small ones share one. */
export function buffersOf(writes: readonly OpfsWrite[]): ArrayBuffer[] {
  return [...new Set(writes.map(({ bytes }) => bytes.buffer))];
}

/** A piece in the file, and where its hash stands. */
export interface OpfsPiece {
  readonly position: number;
  readonly length: number;
  readonly hashPosition: number;
}

export type OpfsRequest =
  /** Opens or creates a file of {@link TRANSFERS_FOLDER} and gives it `size` bytes, so that its room is reserved. */
  | { readonly kind: 'open'; readonly name: string; readonly size: number }
  /** Writes all and then flushes once. Buffers are transferred. */
  | { readonly kind: 'commit'; readonly writes: readonly OpfsWrite[] }
  /** Hashes these pieces and compares each with its hash in the file. */
  | { readonly kind: 'recall'; readonly pieces: readonly OpfsPiece[] }
  /** Closes the handle until the next `commit`, so that the page reads a file that nobody is changing. */
  | { readonly kind: 'rest' };

export type OpfsReply =
  | { readonly kind: 'done' }
  /** All bytes of a `commit` are durable. Its buffers come back, to be filled again. */
  | { readonly kind: 'committed'; readonly buffers: readonly ArrayBuffer[] }
  /** Whether each piece of a `recall` is intact. */
  | { readonly kind: 'recalled'; readonly intact: readonly boolean[] }
  /** For a `commit`: none of its bytes may be counted on. */
  | { readonly kind: 'failed'; readonly code: ErrorCode; readonly detail: string };

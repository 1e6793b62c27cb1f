import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { toHex } from '../../src/core/bytes.ts';
import { decodeArrived, decodeChunk, encodeArrived, PieceFrames } from '../../src/core/frame.ts';
import { CHUNK_BYTES, CHUNK_HEADER_BYTES, PIECE_BYTES } from '../../src/core/limits.ts';
import { seededBytes } from '../doubles/random.ts';
import { fromHex, readVectors } from '../vectors/read.ts';
import { refusal } from './refusals.ts';

const vectors = readVectors('frames.json');
const sha256 = (bytes: Uint8Array) => new Uint8Array(createHash('sha256').update(bytes).digest());

function messagesOf(piece: number, bytes: Uint8Array): Uint8Array<ArrayBuffer>[] {
  const frames = new PieceFrames(piece, sha256(bytes), bytes);
  return Array.from({ length: frames.count }, (_, chunk) => frames.message(chunk).slice());
}

/** A message as it arrives: a buffer of its own. */
function arrived(message: Uint8Array): ArrayBuffer {
  return Uint8Array.from(message).buffer;
}

/** A message by hand, for what PieceFrames never makes. */
function frame({ type = 1, zeros = 0, piece = 0, offset = 0, size = 1 } = {}): ArrayBuffer {
  const view = new DataView(new ArrayBuffer(CHUNK_HEADER_BYTES + size));
  view.setUint32(0, (type << 24) | zeros);
  view.setUint32(4, piece);
  view.setUint32(8, offset);
  return view.buffer;
}

describe('golden frames', () => {
  it.each(vectors.small)('[F2] piece $piece of $bytes.length hex digits', ({ piece, bytes, messages }) => {
    expect(messagesOf(piece, fromHex(bytes)).map(toHex)).toEqual(messages);
  });

  it.each(vectors.large)(
    '[F2] [F3] piece $piece of $length bytes',
    ({ piece, length, seed, headers, sizes, sha256 }) => {
      const messages = messagesOf(piece, seededBytes(length, seed));
      expect(messages.map((message) => toHex(message.subarray(0, CHUNK_HEADER_BYTES)))).toEqual(headers);
      expect(messages.map((message) => message.length)).toEqual(sizes);
      const all = createHash('sha256');
      for (const message of messages) all.update(message);
      expect(all.digest('hex')).toBe(sha256);
    },
  );
});

describe('frames', () => {
  it('[F2] [F4] say everything needed to put the piece together', () => {
    const lengths = fc.oneof(
      fc.integer({ min: 1, max: 5_000 }),
      fc.constantFrom(CHUNK_BYTES - 1, CHUNK_BYTES, CHUNK_BYTES + 1, PIECE_BYTES - 1, PIECE_BYTES),
    );
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 0xffff_ffff }), lengths, fc.integer(), (piece, length, seed) => {
        const bytes = seededBytes(length, seed);
        const again = new Uint8Array(length);
        let placed = 0;
        for (const message of messagesOf(piece, bytes)) {
          const chunk = decodeChunk(arrived(message));
          expect(chunk.piece).toBe(piece);
          expect(chunk.hash).toEqual(sha256(bytes));
          again.set(chunk.payload, chunk.offset);
          placed += chunk.payload.length;
        }
        expect(placed).toBe(length);
        expect(Buffer.compare(again, bytes)).toBe(0);
      }),
      { numRuns: 40 },
    );
  });

  it('[F2] never make a message over 64 KiB', () => {
    for (const message of messagesOf(0, seededBytes(PIECE_BYTES, 1)))
      expect(message.length).toBeLessThanOrEqual(65_536);
  });

  it('[F1] make no message of an empty piece', () => expect(messagesOf(3, new Uint8Array())).toEqual([]));
});

describe('what arrives on the bulk channel', () => {
  it('[F2] is refused, or is a frame that encodes to the same bytes', () => {
    const header = fc
      .tuple(
        fc.constantFrom(0, 1, 1, 1, 2, 255),
        fc.constantFrom(0, 0, 0, 1, 0xff_ffff),
        fc.nat(0xffff_ffff),
        fc.oneof(
          fc.nat(20).map((chunk) => chunk * CHUNK_BYTES),
          fc.nat(0xffff_ffff),
        ),
        fc.nat(300),
      )
      .map(([type, zeros, piece, offset, size]) => new Uint8Array(frame({ type, zeros, piece, offset, size })));
    fc.assert(
      fc.property(fc.oneof(fc.uint8Array({ maxLength: 400 }), header), (message) => {
        let code: string | null = 'protocol';
        code = refusal(() => {
          const { piece, offset, hash, payload } = decodeChunk(arrived(message));
          const again = new Uint8Array(frame({ piece, offset, size: payload.length }));
          again.set(hash, 12);
          again.set(payload, CHUNK_HEADER_BYTES);
          expect(again).toEqual(message);
        });
        expect([null, 'protocol']).toContain(code);
      }),
      { numRuns: 2_000 },
    );
  });

  it.each([
    ['text', 'text'],
    ['null', null],
    ['nothing', undefined],
    ['a Blob', new Blob(['1'])],
    ['a view instead of a buffer', new Uint8Array(100)],
    ['an empty message', new ArrayBuffer(0)],
    ['a header alone', frame({ size: 0 })],
    ['half a header', new ArrayBuffer(20)],
    ['a byte too many', frame({ size: CHUNK_BYTES + 1 })],
    ['64 KiB and more', new ArrayBuffer(65_537)],
    ['type 0', frame({ type: 0 })],
    ['type 2', frame({ type: 2 })],
    ['bytes that must be zero', frame({ zeros: 1 })],
    ['an offset between chunks', frame({ offset: 1 })],
    ['an offset beyond a piece', frame({ offset: 15 * CHUNK_BYTES })],
    ['bytes beyond a piece', frame({ offset: 14 * CHUNK_BYTES, size: PIECE_BYTES - 14 * CHUNK_BYTES + 1 })],
    ['the largest offset', frame({ offset: 0xffff_ffff })],
  ])('[F2] [F3] is refused when it is %s', (_, message) => {
    expect(refusal(() => decodeChunk(message))).toBe('protocol');
  });

  it.each([
    ['one byte', frame({ size: 1 })],
    ['a full chunk', frame({ size: CHUNK_BYTES })],
    ['the last chunk of a full piece', frame({ offset: 14 * CHUNK_BYTES, size: PIECE_BYTES - 14 * CHUNK_BYTES })],
    ['the largest piece number', frame({ piece: 0xffff_ffff })],
  ])('[F2] is read when it is %s', (_, message) => {
    expect(refusal(() => decodeChunk(message))).toBeNull();
  });
});

describe('what a receiver says of a lane', () => {
  it('[T9] is twelve bytes with the count at the end', () => {
    expect(toHex(encodeArrived(0))).toBe('020000000000000000000000');
    expect(toHex(encodeArrived(65_408))).toBe('02000000000000000000ff80');
    expect(toHex(encodeArrived(2 ** 40))).toBe('020000000000010000000000');
  });

  it('[T9] is read as it was said', () => {
    fc.assert(
      fc.property(fc.maxSafeNat(), (bytes) => {
        expect(decodeArrived(arrived(encodeArrived(bytes)))).toBe(bytes);
      }),
    );
  });

  it.each([
    ['text', 'text'],
    ['nothing', undefined],
    ['a view instead of a buffer', encodeArrived(1)],
    ['an empty message', new ArrayBuffer(0)],
    ['a byte too many', new ArrayBuffer(13)],
    ['file data', frame({ size: 1 })],
    ['type 1', arrived(fromHex('010000000000000000000001'))],
    ['bytes that must be zero', arrived(fromHex('020001000000000000000001'))],
  ])('[T9] is refused when it is %s', (_, message) => {
    expect(refusal(() => decodeArrived(message))).toBe('protocol');
  });
});

import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { toHex } from '../../src/core/bytes.ts';
import {
  type Chunk,
  ChunkMessage,
  chunksOf,
  decodeArrived,
  decodeChunks,
  encodeArrived,
  numberOf,
} from '../../src/core/frame.ts';
import { CHUNK_BYTES, CHUNK_HEADER_BYTES, MESSAGE_BYTES, PIECE_BYTES } from '../../src/core/limits.ts';
import { PieceTable } from '../../src/core/manifest.ts';
import { seededBytes } from '../doubles/random.ts';
import { fromHex, readVectors } from '../vectors/read.ts';
import { refusal } from './refusals.ts';

const vectors = readVectors('frames.json');
const sha256 = (bytes: Uint8Array) => new Uint8Array(createHash('sha256').update(bytes).digest());

function piece(number: number, bytes: Uint8Array<ArrayBuffer>): Chunk[] {
  return [...chunksOf(number, sha256(bytes), bytes)];
}

function messageOf(...chunks: readonly Chunk[]): Uint8Array<ArrayBuffer> {
  const message = new ChunkMessage();
  for (const chunk of chunks) message.add(chunk);
  return message.bytes.slice();
}

/** In as few messages as they fit in, in their order. */
function packed(chunks: readonly Chunk[]): Uint8Array<ArrayBuffer>[] {
  const messages: Uint8Array<ArrayBuffer>[] = [];
  const message = new ChunkMessage();
  const end = () => {
    messages.push(message.bytes.slice());
    message.clear();
  };
  for (const chunk of chunks) {
    if (!message.fits(chunk)) end();
    message.add(chunk);
  }
  if (message.chunks.length > 0) end();
  return messages;
}

/** A message as it arrives: a buffer of its own. */
function arrived(message: Uint8Array): ArrayBuffer {
  return Uint8Array.from(message).buffer;
}

/** A share in which every piece has this length. */
function pieceLength(length: number): Pick<PieceTable, 'count' | 'span'> {
  return { count: 2 ** 32, span: () => ({ entry: 0, offset: 0, length }) };
}

/** One chunk by hand, for what ChunkMessage never makes. */
function frame({ type = 1, zeros = 0, piece = 0, offset = 0, size = 1 } = {}): Uint8Array<ArrayBuffer> {
  const view = new DataView(new ArrayBuffer(CHUNK_HEADER_BYTES + size));
  view.setUint32(0, (type << 24) | zeros);
  view.setUint32(4, piece);
  view.setUint32(8, offset);
  return new Uint8Array(view.buffer);
}

describe('golden frames', () => {
  it.each(vectors.messages)('[F2] $pieces.length pieces', ({ pieces, message }) => {
    const chunks = pieces.flatMap(({ piece: number, bytes }) => piece(number, fromHex(bytes)));
    expect(toHex(messageOf(...chunks))).toBe(message);
    const lengths = new Map(pieces.map(({ piece: number, bytes }) => [number, bytes.length / 2]));
    const span = (number: number) => ({ entry: 0, offset: 0, length: lengths.get(number) ?? 0 });
    expect(decodeChunks(arrived(fromHex(message)), { count: 2 ** 32, span })).toEqual(chunks);
  });

  it.each(vectors.large)(
    '[F2] [F3] piece $piece of $length bytes',
    ({ piece: number, length, seed, headers, sizes, sha256: digest }) => {
      const messages = piece(number, seededBytes(length, seed))
        .reverse()
        .map((chunk) => messageOf(chunk));
      expect(messages.map((message) => toHex(message.subarray(0, CHUNK_HEADER_BYTES)))).toEqual(headers);
      expect(messages.map((message) => message.length)).toEqual(sizes);
      const all = createHash('sha256');
      for (const message of messages) all.update(message);
      expect(all.digest('hex')).toBe(digest);
    },
  );
});

describe('frames', () => {
  const SIZES = fc.oneof(
    fc.integer({ min: 0, max: 5_000 }),
    fc.constantFrom(CHUNK_BYTES - 1, CHUNK_BYTES, CHUNK_BYTES + 1, PIECE_BYTES - 1, PIECE_BYTES),
  );

  it('[F2] [F4] say everything needed to put the pieces of a share together', () => {
    fc.assert(
      fc.property(fc.array(SIZES, { minLength: 1, maxLength: 40 }), fc.integer(), (sizes, seed) => {
        const table = new PieceTable(sizes);
        const pieces = Array.from({ length: table.count }, (_, number) =>
          seededBytes(table.span(number).length, seed + number),
        );
        const chunks = pieces.flatMap((bytes, number) => piece(number, bytes));
        const messages = packed(chunks);
        for (const message of messages) expect(message.length).toBeLessThanOrEqual(65_536);
        const again = messages.flatMap((message) => decodeChunks(arrived(message), table));
        expect(again.map(({ piece: number, offset }) => [number, offset])).toEqual(
          chunks.map(({ piece: number, offset }) => [number, offset]),
        );
        const whole = pieces.map(({ length }) => new Uint8Array(length));
        for (const { piece: number, offset, hash, payload } of again) {
          expect(Buffer.compare(hash, sha256(pieces[number] ?? new Uint8Array()))).toBe(0);
          whole[number]?.set(payload, offset);
        }
        expect(whole.every((bytes, number) => Buffer.compare(bytes, pieces[number] ?? new Uint8Array()) === 0)).toBe(
          true,
        );
      }),
      { numRuns: 40 },
    );
  });

  it('[F1] make no chunk of an empty piece', () => expect(piece(3, new Uint8Array())).toEqual([]));

  it('[F3] [F4] begin with the last chunk of a piece', () => {
    const chunks = piece(3, seededBytes(PIECE_BYTES, 1));
    expect(chunks.map(numberOf)).toEqual([14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0]);
    expect(chunks[0]?.payload.length).toBe(PIECE_BYTES - 14 * CHUNK_BYTES);
  });

  it('[F2] fill a message to its last byte and not beyond', () => {
    const message = new ChunkMessage();
    const [first] = piece(0, seededBytes(1_000, 1));
    const [rest] = piece(1, seededBytes(CHUNK_BYTES - 1_000 - CHUNK_HEADER_BYTES, 2));
    const [more] = piece(2, seededBytes(1, 3));
    if (first === undefined || rest === undefined || more === undefined) throw new Error('three chunks were expected');
    message.add(first);
    expect(message.fits(rest)).toBe(true);
    message.add(rest);
    expect([message.bytes.length, message.payloadBytes]).toEqual([MESSAGE_BYTES, CHUNK_BYTES - CHUNK_HEADER_BYTES]);
    expect(message.fits(more)).toBe(false);
    expect(() => message.add(more)).toThrow(RangeError);
    expect(message.chunks).toEqual([
      { piece: 0, number: 0, bytes: 1_000 },
      { piece: 1, number: 0, bytes: CHUNK_BYTES - 1_000 - CHUNK_HEADER_BYTES },
    ]);
    message.clear();
    expect([message.bytes.length, message.payloadBytes, message.chunks]).toEqual([0, 0, []]);
    expect(message.fits(more)).toBe(true);
  });
});

describe('what arrives on the bulk channel', () => {
  it('[F2] is refused, or is chunks that encode to the same bytes', () => {
    const table = new PieceTable([1, 40, 300, CHUNK_BYTES + 5, 0, 7, 900]);
    const honest = fc.nat(table.count - 1).chain((number) => {
      const chunks = piece(number, new Uint8Array(table.span(number).length));
      return fc.constantFrom(...chunks).map((chunk) => messageOf(chunk));
    });
    const wrong = fc
      .tuple(
        fc.constantFrom(0, 1, 1, 1, 2, 255),
        fc.constantFrom(0, 0, 0, 1, 0xff_ffff),
        fc.oneof(fc.nat(10), fc.nat(0xffff_ffff)),
        fc.oneof(
          fc.nat(20).map((chunk) => chunk * CHUNK_BYTES),
          fc.nat(0xffff_ffff),
        ),
        fc.nat(300),
      )
      .map(([type, zeros, number, offset, size]) => frame({ type, zeros, piece: number, offset, size }));
    const parts = fc.array(fc.oneof({ weight: 6, arbitrary: honest }, wrong, fc.uint8Array({ maxLength: 60 })), {
      maxLength: 6,
    });
    let read = 0;
    fc.assert(
      fc.property(parts, fc.oneof({ weight: 3, arbitrary: fc.constant(0) }, fc.nat(100)), (messages, cut) => {
        const all = Buffer.concat(messages);
        const message = all.subarray(0, Math.max(0, all.length - cut));
        const code = refusal(() => {
          const chunks = decodeChunks(arrived(message), table);
          expect(Buffer.compare(messageOf(...chunks), message)).toBe(0);
          read += chunks.length;
        });
        expect([null, 'protocol']).toContain(code);
      }),
      { numRuns: 2_000 },
    );
    // About a thousand are: were all refused, this would prove little.
    expect(read).toBeGreaterThan(400);
  });

  it.each([
    ['text', 'text'],
    ['null', null],
    ['nothing', undefined],
    ['a Blob', new Blob(['1'])],
    ['a view instead of a buffer', new Uint8Array(100)],
    ['an empty message', new ArrayBuffer(0)],
    ['half a header', new ArrayBuffer(20)],
    ['64 KiB and more', new ArrayBuffer(65_537)],
  ])('[F2] is refused when it is %s', (_, message) => {
    expect(refusal(() => decodeChunks(message, pieceLength(PIECE_BYTES)))).toBe('protocol');
  });

  const WHOLE = frame({ size: CHUNK_BYTES });
  const LAST = PIECE_BYTES - 14 * CHUNK_BYTES;
  it.each([
    ['a header alone', 1, frame({ size: 0 })],
    ['a byte too few', 10, frame({ size: 9 })],
    ['a byte too many', 10, frame({ size: 11 })],
    ['a full chunk with a byte too many', PIECE_BYTES, frame({ size: CHUNK_BYTES + 1 })],
    ['type 0', 1, frame({ type: 0 })],
    ['type 2', 1, frame({ type: 2 })],
    ['bytes that must be zero', 1, frame({ zeros: 1 })],
    ['a piece beyond the share', 1, frame({ piece: 0xffff_ffff })],
    ['an offset between chunks', PIECE_BYTES, frame({ offset: 1, size: CHUNK_BYTES })],
    ['an offset beyond a piece', PIECE_BYTES, frame({ offset: 15 * CHUNK_BYTES, size: LAST })],
    ['an offset at the end of its piece', CHUNK_BYTES, frame({ offset: CHUNK_BYTES })],
    ['bytes beyond a piece', PIECE_BYTES, frame({ offset: 14 * CHUNK_BYTES, size: LAST + 1 })],
    ['the largest offset', PIECE_BYTES, frame({ offset: 0xffff_ffff })],
    ['a chunk and half a header', 10, Buffer.concat([frame({ size: 10 }), frame().subarray(0, 20)])],
    ['a chunk and a header alone', 10, Buffer.concat([frame({ size: 10 }), frame({ size: 0 })])],
    ['a chunk and one of another type', 10, Buffer.concat([frame({ size: 10 }), frame({ type: 2, size: 10 })])],
    ['a chunk and one that is cut short', 10, Buffer.concat([frame({ size: 10 }), frame({ size: 9 })])],
    ['two full chunks', PIECE_BYTES, Buffer.concat([WHOLE, WHOLE])],
  ])('[F2] [F3] is refused when it is %s', (_, length, message) => {
    const table = { ...pieceLength(length), count: 0xffff_ffff };
    expect(refusal(() => decodeChunks(arrived(message), table))).toBe('protocol');
  });

  it.each([
    ['one byte', 1, frame({ size: 1 })],
    ['a full chunk', PIECE_BYTES, WHOLE],
    ['the last chunk of a full piece', PIECE_BYTES, frame({ offset: 14 * CHUNK_BYTES, size: LAST })],
    ['the largest piece number', 1, frame({ piece: 0xffff_ffff })],
    ['one chunk twice', 10, Buffer.concat([frame({ size: 10 }), frame({ size: 10 })])],
  ])('[F2] is read when it is %s', (_, length, message) => {
    expect(refusal(() => decodeChunks(arrived(message), pieceLength(length)))).toBeNull();
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
    ['file data', frame({ size: 1 }).buffer],
    ['type 1', arrived(fromHex('010000000000000000000001'))],
    ['bytes that must be zero', arrived(fromHex('020001000000000000000001'))],
  ])('[T9] is refused when it is %s', (_, message) => {
    expect(refusal(() => decodeArrived(message))).toBe('protocol');
  });
});

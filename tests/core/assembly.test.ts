import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Bytes } from '../../src/core/bytes.ts';
import { Assembler, type AssembledPiece } from '../../src/core/assembly.ts';
import { type Chunk, chunksOf } from '../../src/core/frame.ts';
import { CHUNK_BYTES, PIECE_BYTES } from '../../src/core/limits.ts';
import { seededBytes } from '../doubles/random.ts';
import { refusal } from './refusals.ts';

const HASH = seededBytes(32, 99);

/** The first chunk first. */
function chunksFrom(piece: number, bytes: Bytes, hash: Uint8Array = HASH): Chunk[] {
  return [...chunksOf(piece, hash, bytes)].reverse();
}

function firstOf(chunks: readonly Chunk[]): Chunk {
  const [first] = chunks;
  if (first === undefined) throw new Error('no chunk');
  return first;
}

describe('assembly', () => {
  it('[P1] [F4] gives equal bytes for any order of several pieces with any duplicates', () => {
    const lengths = fc.array(fc.integer({ min: 1, max: PIECE_BYTES }), { minLength: 1, maxLength: 3 });
    fc.assert(
      fc.property(lengths, fc.infiniteStream(fc.nat()), (sizes, picks) => {
        const pieces = sizes.map((size, piece) => seededBytes(size, piece));
        const once = pieces.flatMap((bytes, piece) => chunksFrom(piece, bytes));
        const pick = (below: number) => (picks.next().value ?? 0) % below;
        const bag = [...once, ...once.filter(() => pick(2) === 0)];
        const assembler = new Assembler();
        const whole = new Map<number, AssembledPiece>();
        while (bag.length > 0) {
          const [chunk] = bag.splice(pick(bag.length), 1);
          // Once a piece is whole its duplicates are dropped before they come here.
          if (chunk === undefined || whole.has(chunk.piece)) continue;
          const assembled = assembler.add(chunk, sizes[chunk.piece] ?? 0);
          if (assembled !== null) whole.set(chunk.piece, assembled);
        }
        pieces.forEach((bytes, piece) => {
          expect(Buffer.compare(whole.get(piece)?.bytes ?? new Uint8Array(), bytes)).toBe(0);
          expect(whole.get(piece)?.hash).toEqual(HASH);
        });
      }),
      { numRuns: 30 },
    );
  });

  it('[K2] a short piece does not keep its message in memory, and a longer one is not copied', () => {
    const message = seededBytes(2 * CHUNK_BYTES, 5);
    const assembler = new Assembler();
    const keptBy = (length: number): number => {
      const payload = message.subarray(100, 100 + length);
      const assembled = assembler.add({ piece: 0, offset: 0, hash: message.subarray(0, 32), payload }, length);
      expect(Buffer.compare(assembled?.bytes ?? new Uint8Array(), payload)).toBe(0);
      expect(assembled?.hash.buffer.byteLength).toBe(32);
      return assembled?.bytes.buffer.byteLength ?? 0;
    };
    expect(keptBy(1)).toBe(1);
    expect(keptBy(4_095)).toBe(4_095);
    expect(keptBy(4_096)).toBe(message.length);
  });

  it('[F4] a chunk that is already here changes nothing, whatever it says', () => {
    const bytes = seededBytes(CHUNK_BYTES + 10, 1);
    const [first, last] = chunksFrom(0, bytes);
    if (first === undefined || last === undefined) throw new Error('two chunks were expected');
    const assembler = new Assembler();
    expect(assembler.holds(first)).toBe(false);
    assembler.add(first, bytes.length);
    expect(assembler.holds(first)).toBe(true);
    expect(assembler.holds(last)).toBe(false);
    expect(assembler.add({ ...first, payload: seededBytes(CHUNK_BYTES, 2) }, bytes.length)).toBeNull();
    expect(Buffer.compare(assembler.add(last, bytes.length)?.bytes ?? new Uint8Array(), bytes)).toBe(0);
    expect(assembler.holds(first)).toBe(false);
  });

  it('keeps its own copy of the hash: the message it came in may be reused', () => {
    const bytes = seededBytes(CHUNK_BYTES + 1, 1);
    const hash = HASH.slice();
    const [first, last] = chunksFrom(0, bytes, hash);
    if (first === undefined || last === undefined) throw new Error('two chunks were expected');
    const assembler = new Assembler();
    assembler.add(first, bytes.length);
    hash.fill(0);
    expect(assembler.add({ ...last, hash: HASH }, bytes.length)?.hash).toEqual(HASH);
  });

  it('[F3] refuses two hashes for one piece, also in a duplicate', () => {
    const bytes = seededBytes(CHUNK_BYTES * 2, 1);
    const first = firstOf(chunksFrom(0, bytes));
    const other = seededBytes(32, 5);
    for (const lie of chunksFrom(0, bytes, other)) {
      const assembler = new Assembler();
      assembler.add(first, bytes.length);
      expect(refusal(() => assembler.add(lie, bytes.length))).toBe('protocol');
    }
  });

  it('[K2] says how many bytes it forgets, so that their credit can be given back', () => {
    fc.assert(
      fc.property(fc.integer({ min: 2, max: PIECE_BYTES }), fc.array(fc.nat(16)), (length, picked) => {
        const chunks = chunksFrom(4, seededBytes(length, 1));
        const assembler = new Assembler();
        const here = new Set(picked.filter((number) => number < chunks.length).slice(0, chunks.length - 1));
        let expected = 0;
        for (const number of here) {
          const chunk = chunks[number];
          if (chunk === undefined || assembler.add(chunk, length) !== null) return;
          expected += chunk.payload.length;
        }
        expect(assembler.drop((piece) => piece !== 4)).toBe(0);
        expect(assembler.drop((piece) => piece === 4)).toBe(expected);
        expect(assembler.drop(() => true)).toBe(0);
      }),
      { numRuns: 50 },
    );
  });

  it('[C5] a dropped piece begins anew, with another hash if it changed', () => {
    const bytes = seededBytes(CHUNK_BYTES + 5, 1);
    const assembler = new Assembler();
    assembler.add(firstOf(chunksFrom(0, bytes)), bytes.length);
    assembler.drop(() => true);
    const assembled = chunksFrom(0, bytes, seededBytes(32, 7)).map((chunk) => assembler.add(chunk, bytes.length));
    expect(assembled.map((piece) => piece !== null)).toEqual([false, true]);
  });
});

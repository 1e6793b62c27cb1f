import { describe, expect, it } from 'vitest';
import { headStartOf, HeldMessages } from '../../src/core/head-start.ts';
import { CHUNK_HEADER_BYTES, HEAD_START_BYTES, MESSAGE_BYTES, PIECE_BYTES } from '../../src/core/limits.ts';
import { PieceTable } from '../../src/core/manifest.ts';
import { refusal } from './refusals.ts';

describe('[S10] a head start', () => {
  it.each([
    ['nothing of an empty share', [], 0],
    ['nothing of empty files', [0, 0], 0],
    ['a whole small share', [10, 0, 20], 2],
    ['one full piece', [5 * PIECE_BYTES], 1],
    ['no piece that does not fit beside the first', [10, PIECE_BYTES], 1],
    ['nothing behind a piece that does not fit', [10, PIECE_BYTES, 10], 1],
    ['as many tiny files as fit with their headers', Array.from({ length: 100_000 }, () => 1), 20_403],
  ])('is %s', (_, sizes, pieces) => {
    expect(headStartOf(new PieceTable(sizes))).toBe(pieces);
  });

  it('has 15 chunks, which fit exactly', () => {
    expect(HEAD_START_BYTES).toBe(PIECE_BYTES + 15 * CHUNK_HEADER_BYTES);
  });
});

describe('[S10] what has come of it', () => {
  it('is handed out in order, once', () => {
    const held = new HeldMessages();
    const messages = [new ArrayBuffer(45), new ArrayBuffer(MESSAGE_BYTES)];
    for (const message of messages) held.hold(message);
    expect(held.take()).toEqual(messages);
    expect(held.take()).toEqual([]);
  });

  it.each([
    ['text', 'text'],
    ['nothing', new ArrayBuffer(0)],
    ['a header without a payload', new ArrayBuffer(CHUNK_HEADER_BYTES)],
    ['more than all of it', new ArrayBuffer(HEAD_START_BYTES + 1)],
  ])('is not %s', (_, message) => {
    expect(refusal(() => new HeldMessages().hold(message))).toBe('protocol');
  });

  it('is no more than it may be altogether, even when some was handed out', () => {
    const held = new HeldMessages();
    held.hold(new ArrayBuffer(HEAD_START_BYTES - 45));
    held.take();
    held.hold(new ArrayBuffer(45));
    expect(refusal(() => held.hold(new ArrayBuffer(45)))).toBe('protocol');
  });
});

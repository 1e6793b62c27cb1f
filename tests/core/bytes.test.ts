import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { concatBytes, equalBytes, fromBase64url, toBase64url, toHex, utf8, utf8Length } from '../../src/core/bytes.ts';

const bytes = fc.uint8Array({ maxLength: 100 });
/** Any UTF-16, lone surrogates included. */
const anyText = fc.uint16Array({ maxLength: 100 }).map((units) => String.fromCharCode(...units));

describe('base64url', () => {
  it('[L2] writes what Node writes, and reads it back', () => {
    fc.assert(
      fc.property(bytes, (some) => {
        const text = toBase64url(some);
        expect(text).toBe(Buffer.from(some).toString('base64url'));
        expect(fromBase64url(text)).toEqual(some);
      }),
    );
  });

  it('[L2] has exactly one text for each byte string', () => {
    const letters = [...Array.from('ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_=+/ é😀')];
    fc.assert(
      fc.property(fc.string({ unit: fc.constantFrom(...letters), maxLength: 12 }), (text) => {
        const read = fromBase64url(text);
        if (read !== null) expect(toBase64url(read)).toBe(text);
      }),
      { numRuns: 1_000 },
    );
  });

  it.each(['A', 'AAAAA', 'AB', 'AAB', 'AA==', 'A+AA', 'A/AA', 'AA A', ' AAA', 'AAAA\n', 'ＡAAA', '😀AA'])(
    '[L2] refuses %j',
    (text) => expect(fromBase64url(text)).toBeNull(),
  );

  it('[L2] reads the empty text as no bytes', () => expect(fromBase64url('')).toEqual(new Uint8Array()));
});

describe('UTF-8', () => {
  it('[S2] is what TextEncoder writes, for any string', () => {
    fc.assert(
      fc.property(fc.oneof(anyText, fc.string({ unit: 'binary' })), (text) => {
        const encoded = new TextEncoder().encode(text);
        expect(utf8(text)).toEqual(encoded);
        expect(utf8Length(text)).toBe(encoded.length);
      }),
    );
  });

  it.each([
    '\0',
    '\x7f',
    '\x80',
    '\u07ff',
    '\u0800',
    '\uffff',
    '\u{10000}',
    '\u{10ffff}',
    '\ud800',
    '\udfff',
    '\udc00\ud800',
  ])('[S2] is right at the edge %j', (text) => expect(utf8(text)).toEqual(new TextEncoder().encode(text)));
});

describe('byte strings', () => {
  it('are equal only when every byte is', () => {
    fc.assert(
      fc.property(bytes, fc.nat(), fc.integer({ min: 1, max: 255 }), (some, where, change) => {
        const other = some.slice();
        expect(equalBytes(some, other)).toBe(true);
        expect(equalBytes(some, concatBytes(some, new Uint8Array(1)))).toBe(false);
        if (some.length === 0) return;
        other[where % some.length] = (other[where % some.length] ?? 0) ^ change;
        expect(equalBytes(some, other)).toBe(false);
      }),
    );
  });

  it('join in order and print as Node prints them', () => {
    fc.assert(
      fc.property(fc.array(bytes, { maxLength: 5 }), (parts) => {
        const all = concatBytes(...parts);
        expect(Buffer.compare(all, Buffer.concat(parts))).toBe(0);
        expect(toHex(all)).toBe(Buffer.from(all).toString('hex'));
      }),
    );
  });
});

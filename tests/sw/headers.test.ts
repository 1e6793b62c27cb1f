import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { contentDisposition, mediaType } from '../../sw/headers.ts';

describe('Content-Disposition', () => {
  test('a plain name', () => {
    expect(contentDisposition('report 2.pdf')).toBe(
      `attachment; filename="report 2.pdf"; filename*=UTF-8''report%202.pdf`,
    );
  });

  test('every character that RFC 5987 does not allow as it is', () => {
    expect(contentDisposition(`a'(b)*"c"\\%é;\n.txt`)).toBe(
      `attachment; filename="a'(b)*_c____;_.txt"; filename*=UTF-8''a%27%28b%29%2A%22c%22%5C%25%C3%A9%3B%0A.txt`,
    );
  });

  test('a name beyond the first plane is one placeholder, and exact beside it', () => {
    expect(contentDisposition('🌞')).toBe(`attachment; filename="_"; filename*=UTF-8''%F0%9F%8C%9E`);
  });

  test('half a character does not throw', () => {
    expect(contentDisposition('a\ud83c')).toBe(`attachment; filename="a_"; filename*=UTF-8''a%EF%BF%BD`);
  });

  test('is a header for any name, and gives the name back', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 0xffff }), { maxLength: 40 }), (units) => {
        const name = String.fromCharCode(...units);
        const value = contentDisposition(name);
        expect(new Headers({ 'Content-Disposition': value }).get('Content-Disposition')).toBe(value);
        const [, quoted = '', exact = ''] =
          /^attachment; filename="([^"\\]*)"; filename\*=UTF-8''(\S*)$/.exec(value) ?? [];
        expect(decodeURIComponent(exact)).toBe(name.toWellFormed());
        expect(quoted).toMatch(/^[ -~]*$/);
      }),
    );
  });
});

describe('the media type', () => {
  test.each(['image/png', 'application/vnd.oasis.opendocument.text', 'image/svg+xml'])('%s is kept', (type) => {
    expect(mediaType(type)).toBe(type);
  });

  test.each(['', 'html', 'text/html; charset=utf-8', 'text/html\r\nX-Evil: 1', '*/*', `a/${'b'.repeat(200)}`])(
    '%j is not one',
    (type) => {
      expect(mediaType(type)).toBe('application/octet-stream');
    },
  );
});

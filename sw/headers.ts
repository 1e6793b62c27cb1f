/** Characters a quoted string may hold (RFC 9110, section 5.6.4), less `"`, `\` and `%`, which browsers read differently. */
const NOT_QUOTABLE = /[^ !#$&-[\]-~]/gu;

/** What `encodeURIComponent` leaves alone although it is not an `attr-char` of RFC 5987, section 3.2.1. */
const NOT_ATTR_CHAR = /['()*]/g;

/**
 * The value of Content-Disposition that makes a browser save under `name`: an ASCII form for very old readers, and the
 * exact one as RFC 5987 says (RFC 6266, section 5). Lone surrogates become U+FFFD.
 */
export function contentDisposition(name: string): string {
  const plain = name.replace(NOT_QUOTABLE, '_');
  const exact = encodeURIComponent(name.toWellFormed()).replace(
    NOT_ATTR_CHAR,
    (letter) => `%${letter.charCodeAt(0).toString(16).toUpperCase()}`,
  );
  return `attachment; filename="${plain}"; filename*=UTF-8''${exact}`;
}

/** `type` if it is a bare media type (RFC 6838, section 4.2), else the type of unknown bytes. */
export function mediaType(type: string): string {
  return /^[a-z0-9][\w!#$&^.+-]{0,126}\/[a-z0-9][\w!#$&^.+-]{0,126}$/i.test(type) ? type : 'application/octet-stream';
}

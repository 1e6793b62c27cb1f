import { describe, expect, it } from 'vitest';
import { asBeelineError, BeelineError, ERROR_CODES, explain, isErrorCode } from '../../src/core/errors.ts';

describe('the closed list of errors', () => {
  it.each(ERROR_CODES)('[D4] %s has a sentence and a next step, each a whole one', (code) => {
    const { sentence, next } = explain(code);
    for (const text of [sentence, next]) {
      expect(text).toMatch(/^\p{Lu}[^\n]{5,}\.$/u);
      expect(text).not.toMatch(/\s{2}|\.\.|undefined/u);
    }
    expect(isErrorCode(code)).toBe(true);
  });

  it('[D4] names no code and no sentence twice', () => {
    const sentences = ERROR_CODES.map((code) => explain(code).sentence);
    expect(new Set(ERROR_CODES).size).toBe(ERROR_CODES.length);
    expect(new Set(sentences).size).toBe(sentences.length);
  });

  it.each(['', 'nonsense', 'toString', '__proto__', 'constructor', null, undefined, 3, {}])(
    '[D4] %j is not a code',
    (code) => expect(isErrorCode(code)).toBe(false),
  );
});

describe('what was thrown', () => {
  it('[D4] keeps its own code, or gets the one it is given', () => {
    const own = new BeelineError('no-room', 'detail');
    expect(asBeelineError(own, 'disk-failed')).toBe(own);
    const cause = new TypeError('oops');
    expect(asBeelineError(cause)).toMatchObject({ code: 'internal', detail: 'oops', cause });
    expect(asBeelineError('text', 'disk-failed')).toMatchObject({ code: 'disk-failed', detail: 'text' });
    expect(asBeelineError(undefined)).toMatchObject({ code: 'internal' });
  });

  it('[D4] says its sentence, and the detail only after it', () => {
    expect(new BeelineError('corrupt').message).toBe(explain('corrupt').sentence);
    expect(new BeelineError('corrupt', 'piece 3').message).toBe(`${explain('corrupt').sentence} (piece 3)`);
  });
});

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { utf8Length } from '../../src/core/bytes.ts';
import { numbered, safePath, safePaths } from '../../src/core/paths.ts';

const paths = (...raw: string[]) => safePaths(raw).map(({ path }) => path);

describe('one path', () => {
  it.each([
    ['[N1]', '../../x', 'x'],
    ['[N1]', '/etc/passwd', 'etc/passwd'],
    ['[N1]', '..\\..\\windows\\x', 'windows/x'],
    ['[N1]', 'a/./b//c/', 'a/b/c'],
    ['[N1]', '//server/share/x', 'server/share/x'],
    ['[N1]', 'a/../../../b', 'a/b'],
    ['[N1]', '', 'unnamed'],
    ['[N1]', '..', 'unnamed'],
    ['[N1]', '././/\\..', 'unnamed'],
    ['[N1]', '.. /x', '_/x'],
    ['[N1]', '.../x', '_/x'],
    ['[N1]', '‥/x', '‥/x'],
    ['[N2]', 'C:\\x', 'C_/x'],
    ['[N2]', 'C:x', 'C_x'],
    ['[N2]', 'a\u202Etxt.exe', 'a_txt.exe'],
    ['[N2]', '\u2066a\u2069\u200f\u061c', '_a___'],
    ['[N2]', 'a\u2028b\u2029c\ufeffd', 'a_b_c_d'],
    ['[N2]', 'a\0b\x1f\x7f\x9f.txt', 'a_b___.txt'],
    ['[N2]', 'who? <me>|"you"*.txt', 'who_ _me___you__.txt'],
    ['[N2]', 'file.txt:stream', 'file.txt_stream'],
    ['[N3]', 'e\u0301', '\u00e9'],
    ['[N3]', '\ud800x.txt', '\ufffdx.txt'],
    ['[N3]', '\u212bngstrom', '\u00c5ngstrom'],
    ['[N4]', 'name. . .', 'name'],
    ['[N4]', '  name.txt  ', 'name.txt'],
    ['[N4]', 'folder./ file. ', 'folder/file'],
    ['[N4]', ' ', '_'],
    ['[N4]', 'a/. ./b', 'a/_/b'],
    ['[N4]', '.bashrc', '.bashrc'],
    ['[N5]', 'CON', '_CON'],
    ['[N5]', 'nul.txt', '_nul.txt'],
    ['[N5]', 'COM¹', '_COM¹'],
    ['[N5]', 'lpt9.tar.gz', '_lpt9.tar.gz'],
    ['[N5]', 'aux/x', '_aux/x'],
    ['[N5]', 'con .txt', '_con .txt'],
    ['[N5]', 'CONIN$', '_CONIN$'],
    ['[N5]', 'CON.', '_CON'],
    ['[N5]', 'console', 'console'],
    ['[N5]', 'com10', 'com10'],
    ['[N5]', 'my con', 'my con'],
  ])('%s makes %j into %j', (_, raw, safe) => {
    expect(safePath(raw)).toBe(safe);
    expect(safePaths([raw])).toEqual([{ path: safe, madeSafe: safe !== raw }]);
  });

  it('[N6] keeps the extension of a name of 300 bytes', () => {
    expect(safePath(`${'a'.repeat(300)}.jpeg`)).toBe(`${'a'.repeat(235)}.jpeg`);
    expect(safePath(`${'名'.repeat(100)}.txt`)).toBe(`${'名'.repeat(78)}.txt`);
    expect(safePath('😀'.repeat(100))).toBe('😀'.repeat(60));
    expect(safePath('a'.repeat(240))).toBe('a'.repeat(240));
  });

  it('[N6] leaves a name when nothing but dots would remain', () => {
    expect(safePath(`${'.'.repeat(300)}${'a'.repeat(30)}`)).toBe('_');
    expect(safePath(`x/${'.'.repeat(300)}.txt`)).toBe('x/_.txt');
    expect(safePath(`a${' .'.repeat(300)}b`)).toBe('a.b');
  });

  it('[N6] shortens a path by its folders nearest to the file', () => {
    const deep = Array.from({ length: 100 }, (_, depth) => `d${depth}`).join('/');
    const parts = safePath(`${deep}/file.txt`).split('/');
    expect(parts).toHaveLength(32);
    expect([parts[0], parts[30], parts[31]]).toEqual(['d0', 'd30', 'file.txt']);
    const wide = Array.from({ length: 10 }, (_, depth) => `${depth}`.repeat(200)).join('/');
    expect(utf8Length(safePath(`${wide}/file.txt`))).toBeLessThanOrEqual(900);
    expect(safePath(`${wide}/file.txt`)).toMatch(/^0+\/1+\/.*\/file\.txt$/u);
  });
});

/** Text made of what paths are attacked with. */
const nasty = fc.string({
  unit: fc.oneof(
    fc.constantFrom(
      ...Array.from('/\\./\\.. :*?"<>|aAbcon1'),
      '\0',
      '\x1f',
      '\x85',
      '\u202e',
      '\u2066',
      '\ufeff',
      '\u2028',
    ),
    fc.constantFrom(
      'CON',
      'nul',
      '..',
      'e\u0301',
      'ﬁ',
      'ß',
      'İ',
      'ı',
      'Σ',
      'ς',
      '\u0390',
      '\ud800',
      '\udc00',
      '😀',
      '名',
      ' ',
      '\u3000',
    ),
    fc.string({ unit: 'binary', minLength: 1, maxLength: 1 }),
  ),
  maxLength: 40,
});
const long = fc
  .tuple(nasty, fc.nat(400))
  .map(([text, times]) => text.repeat(1 + (times % (1 + 2_000 / (1 + text.length)))));
const rawPath = fc.oneof(nasty, long, fc.string({ unit: 'binary' }));

describe('any path', () => {
  it('[N1] [N2] [N3] [N4] [N5] [N6] is made safe by itself', () => {
    fc.assert(
      fc.property(rawPath, (raw) => {
        const path = safePath(raw);
        expect(path).toBe(path.normalize('NFC'));
        expect(path.isWellFormed()).toBe(true);
        expect(path).not.toMatch(/[\\<>:"|?*\p{Cc}\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]/u);
        expect(utf8Length(path)).toBeLessThanOrEqual(900);
        const names = path.split('/');
        expect(names.length).toBeLessThanOrEqual(32);
        for (const name of names) {
          expect(name).not.toMatch(/^$|^\.{1,2}$|^\s|[\s.]$/u);
          expect(name.split('.')[0]?.trim()).not.toMatch(/^(?:con|prn|aux|nul|com\d|lpt\d|conin\$|conout\$)$/iu);
          expect(utf8Length(name)).toBeLessThanOrEqual(240);
        }
      }),
      { numRuns: 1_000 },
    );
  });

  it('[N1] that is safe already stays as it is', () => {
    fc.assert(
      fc.property(rawPath, (raw) => {
        const path = safePath(raw);
        expect(safePath(path)).toBe(path);
      }),
      { numRuns: 1_000 },
    );
  });
});

/** How a file system without case or Unicode form sees a path; taken to a point where it no longer changes. */
function seenAs(path: string): string {
  let seen = path;
  for (;;) {
    const next = seen.normalize('NFKC').toUpperCase().toLowerCase().normalize('NFKC');
    if (next === seen) return seen;
    seen = next;
  }
}

function clash(all: readonly string[]): string[] {
  const files = new Map<string, string>();
  const clashes: string[] = [];
  for (const path of all) {
    const seen = seenAs(path);
    if (files.has(seen)) clashes.push(path);
    files.set(seen, path);
  }
  for (const path of all) {
    const parts = path.split('/');
    for (let depth = 1; depth < parts.length; depth++) {
      if (files.has(seenAs(parts.slice(0, depth).join('/')))) clashes.push(path);
    }
  }
  return clashes;
}

describe('several paths', () => {
  it.each([
    ['case', ['Readme', 'README'], ['Readme', 'README (2)']],
    ['Unicode form', ['\u00e9.txt', 'e\u0301.txt'], ['\u00e9.txt', '\u00e9 (2).txt']],
    ['a letter that capitals take apart', ['\u0390', '\u03aa\u0301'], ['\u0390', '\u03aa\u0301 (2)']],
    ['compatible letters', ['ﬁle', 'file', 'FILE'], ['ﬁle', 'file (2)', 'FILE (3)']],
    ['sharp s', ['straße', 'STRASSE'], ['straße', 'STRASSE (2)']],
    ['what was made safe', ['a?.txt', 'a*.txt'], ['a_.txt', 'a_ (2).txt']],
    ['a number that is taken', ['a', 'a (2)', 'a'], ['a', 'a (2)', 'a (3)']],
    ['a file and then a folder', ['a', 'a/b', 'A/c'], ['a', 'a (2)/b', 'A (2)/c']],
    ['a folder and then a file', ['a/b', 'a'], ['a/b', 'a (2)']],
    ['a file in the way of the renamed folder', ['a', 'a (2)', 'a/b'], ['a', 'a (2)', 'a (3)/b']],
    ['deeper', ['x/a', 'x/a/b', 'X/A/B'], ['x/a', 'x/a (2)/b', 'X/A (2)/B (2)']],
    ['nothing left twice', ['..', '/'], ['unnamed', 'unnamed (2)']],
  ])('[N7] that differ by %s get numbers', (_, raw, safe) => expect(paths(...raw)).toEqual(safe));

  it('[N7] never meet on a file system without case or form, and no file is a folder', () => {
    const few = fc.string({
      unit: fc.constantFrom(...Array.from('aAbB/'), 'é', 'e\u0301', 'ß', 'SS', '\u0390', 'ﬁ', ' (2)', '.'),
      maxLength: 6,
    });
    fc.assert(
      fc.property(fc.array(fc.oneof(few, few, rawPath), { maxLength: 40 }), (raw) => {
        const safe = safePaths(raw);
        expect(safe).toHaveLength(raw.length);
        expect(clash(safe.map(({ path }) => path))).toEqual([]);
        safe.forEach(({ path, madeSafe }, at) => {
          expect(madeSafe).toBe(path !== raw[at]);
          for (const name of path.split('/')) {
            expect(name).not.toMatch(/^\.{0,2}$/u);
            // NAME_MAX: what numbers need is left beside the 240 bytes.
            expect(utf8Length(name)).toBeLessThanOrEqual(255);
          }
        });
      }),
      { numRuns: 300 },
    );
  });

  it('[N7] of the longest kind keep room for their number', () => {
    const raw = Array.from({ length: 1_200 }, () => `${'名'.repeat(100)}.txt`);
    const safe = paths(...raw);
    expect(new Set(safe).size).toBe(raw.length);
    for (const path of safe) expect(utf8Length(path)).toBeLessThanOrEqual(255);
  });

  it('[N7] numbers stand before the extension', () => {
    expect(numbered('photo.jpg', 2)).toBe('photo (2).jpg');
    expect(numbered('.bashrc', 3)).toBe('.bashrc (3)');
    expect(numbered('archive.tar.gz', 2)).toBe('archive.tar (2).gz');
  });
});

/** Reads of any map or set made while `run` runs: work that grows with the machine's speed left out. */
function lookups(run: () => void): number {
  const has = Reflect.get(Set.prototype, 'has') as (this: Set<unknown>, value: unknown) => boolean;
  let count = 0;
  Set.prototype.has = function (this: Set<unknown>, value: unknown) {
    count += 1;
    return has.call(this, value);
  };
  try {
    run();
  } finally {
    Set.prototype.has = has;
  }
  return count;
}

describe('100,000 paths that want one name', () => {
  it.each([
    ['equal files', (at: number) => (at >= 0 ? 'same.txt' : '')],
    ['files and a folder in turn', (at: number) => (at % 2 === 0 ? 'same' : `same/${at}`)],
    ['files first, then one folder', (at: number) => (at < 50_000 ? 'same' : `same/${at}`)],
    ['two spellings', (at: number) => (at % 2 === 0 ? 'Same' : 'sAME')],
  ])('[N7] %s take a few steps each', (_, name) => {
    const raw = Array.from({ length: 100_000 }, (_, at) => name(at));
    let safe: ReturnType<typeof safePaths> = [];
    const steps = lookups(() => (safe = safePaths(raw)));
    expect(new Set(safe.map(({ path }) => path)).size).toBe(raw.length);
    expect(steps).toBeLessThan(10 * raw.length);
  });
});

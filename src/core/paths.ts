/**
 * Names from a peer, made safe for any file system. Rules [N1] to [N8] of SPEC.md.
 * Sources: Microsoft, "Naming Files, Paths, and Namespaces"; Unicode TR 36 (bidi controls); POSIX NAME_MAX.
 */
import { utf8Length } from './bytes.ts';

export interface SafePath {
  /** Relative, `/` between folders. */
  readonly path: string;
  /** True when it differs from what the sender wrote. */
  readonly madeSafe: boolean;
}

/** UTF-8 bytes of one name: NAME_MAX is 255; what is left is room for a number such as ` (12)`. */
const MAX_NAME_BYTES = 240;

/** Folders deep, the file included. */
const MAX_DEPTH = 32;

/** UTF-8 bytes of the whole path: macOS allows 1,024 with the folder it is put into. */
const MAX_SAFE_PATH_BYTES = 900;

/** C0, DEL and C1 controls; marks and overrides of writing direction; byte order mark; what Windows forbids. */
const FORBIDDEN = /[\u0000-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff\ufffe\uffff<>:"|?*]/gu;

/** Devices of Windows, with or without an extension; Windows overlooks spaces before the dot. */
const RESERVED = /^(?:con|prn|aux|nul|conin\$|conout\$|(?:com|lpt)[0-9\u00b9\u00b2\u00b3])(?=\s*(?:\.|$))/iu;

const REPLACEMENT = '_';

/**
 * One safe path for each raw one, in order; no two are equal on a file system that ignores case and Unicode form, and
 * none is a folder of another.
 */
export function safePaths(raw: readonly string[]): SafePath[] {
  const taken = new TakenPaths();
  return raw.map((path) => {
    const safe = taken.claim(safePath(path));
    return { path: safe, madeSafe: safe !== path };
  });
}

/** Makes one path safe by itself; it may still collide with another. */
export function safePath(raw: string): string {
  const names = raw.split(/[/\\]/u).filter((name) => name !== '' && name !== '.' && name !== '..');
  const near = names.length > MAX_DEPTH ? [...names.slice(0, MAX_DEPTH - 1), ...names.slice(-1)] : names;
  const kept = near.map(safeName);
  while (kept.length > 1 && utf8Length(kept.join('/')) > MAX_SAFE_PATH_BYTES) kept.splice(-2, 1);
  return kept.join('/') || 'unnamed';
}

function safeName(raw: string): string {
  const clean = raw
    .toWellFormed()
    .normalize('NFC')
    .replace(FORBIDDEN, REPLACEMENT)
    .replace(/^\s+|[\s.]+$/gu, '');
  const named = RESERVED.test(clean) ? REPLACEMENT + clean : clean;
  return shorten(named === '' ? REPLACEMENT : named, MAX_NAME_BYTES);
}

/** Cuts the stem, by whole code points, so that the extension stays. */
function shorten(name: string, maxBytes: number): string {
  if (utf8Length(name) <= maxBytes) return name;
  const { stem, extension } = splitExtension(name);
  const room = maxBytes - utf8Length(extension);
  let kept = '';
  let bytes = 0;
  for (const symbol of stem) {
    bytes += utf8Length(symbol);
    if (bytes > room) break;
    kept += symbol;
  }
  return (kept.replace(/[\s.]+$/u, '') || REPLACEMENT) + extension;
}

function splitExtension(name: string): { stem: string; extension: string } {
  const dot = name.lastIndexOf('.');
  const usable = dot > 0 && name.length - dot <= 20;
  return usable ? { stem: name.slice(0, dot), extension: name.slice(dot) } : { stem: name, extension: '' };
}

/** The paths given out so far, as a file system without case would see them. */
class TakenPaths {
  readonly #files = new Set<string>();
  readonly #folders = new Set<string>();
  /** The last number tried for a path, so that 100,000 equal names do not take 100,000 tries each. */
  readonly #tries = new Map<string, number>();
  /** The number that each renamed folder has. */
  readonly #folderTries = new Map<string, number>();

  claim(path: string): string {
    const parts = path.split('/');
    const name = parts.pop() ?? path;
    const folders = this.#claimFolders(parts);
    const wanted = [...folders, name].join('/');
    let free = wanted;
    let number = this.#tries.get(fold(wanted)) ?? 1;
    while (this.#files.has(fold(free)) || this.#folders.has(fold(free))) {
      number += 1;
      free = [...folders, numbered(name, number)].join('/');
    }
    this.#tries.set(fold(wanted), number);
    this.#files.add(fold(free));
    return free;
  }

  #claimFolders(names: readonly string[]): string[] {
    const path: string[] = [];
    for (const name of names) {
      const wanted = fold([...path, name].join('/'));
      let number = this.#folderTries.get(wanted) ?? 1;
      let free = number === 1 ? name : numbered(name, number);
      while (this.#files.has(fold([...path, free].join('/')))) {
        number += 1;
        free = numbered(name, number);
      }
      if (number > 1) this.#folderTries.set(wanted, number);
      path.push(free);
      this.#folders.add(fold(path.join('/')));
    }
    return path;
  }
}

/** Normal at the end too: upper case takes some letters apart, such as U+0390. */
function fold(path: string): string {
  return path.normalize('NFKC').toLowerCase().toUpperCase().normalize('NFKC');
}

/** `photo.jpg` and 2 give `photo (2).jpg`. */
export function numbered(name: string, number: number): string {
  const { stem, extension } = splitExtension(name);
  return `${stem} (${number})${extension}`;
}

/** What a person would call a path: its outermost folder, or the file itself. */
export function topOf(path: string): string {
  const slash = path.indexOf('/');
  return slash < 0 ? path : path.slice(0, slash);
}

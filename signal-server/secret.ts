import { randomBytes } from 'node:crypto';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** Answers the secret kept in `folder`, or makes and keeps one of 256 bits. Its file is readable by its owner alone. */
export function keptSecret(folder: string): string {
  const path = join(folder, 'secret');
  const kept = read(path);
  if (/^[\x21-\x7e]{32,512}$/.test(kept)) return kept;
  const made = randomBytes(32).toString('base64url');
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  writeFileSync(path, `${made}\n`, { mode: 0o600 });
  return made;
}

function read(path: string): string {
  try {
    return readFileSync(path, 'utf8').trim();
  } catch {
    return '';
  }
}

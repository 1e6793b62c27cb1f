/** The link's program, compiled when its source is new. */
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, readFile, rename } from 'node:fs/promises';
import { join } from 'node:path';
import process from 'node:process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { ensureProgram } from '../programs.mjs';

const SOURCE = fileURLToPath(new URL('link.c', import.meta.url));
const CACHE = fileURLToPath(new URL('../../node_modules/.cache/netlab', import.meta.url));

/** Path of the program of link.c, named after the hash of its source. */
export async function compileLink(): Promise<string> {
  const hash = createHash('sha256')
    .update(await readFile(SOURCE))
    .digest('hex')
    .slice(0, 16);
  const program = join(CACHE, `link-${hash}`);
  if (existsSync(program)) return program;
  await mkdir(CACHE, { recursive: true });
  const compiler = ensureProgram('cc', 'gcc', 'libc6-dev');
  const half = `${program}.${process.pid}`;
  await promisify(execFile)(compiler, ['-O2', '-Wall', '-Wextra', '-o', half, SOURCE]);
  await rename(half, program);
  return program;
}

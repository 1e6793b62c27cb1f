/** The steps of the build that are about the first visit and the offline one. Runs in Node, under Vite. */
import { build, type Plugin, type Rolldown } from 'vite';
import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { join, relative, sep } from 'node:path';
import { gzipSync } from 'node:zlib';

/** Bytes of gzip-compressed JavaScript before the first screen works: about 0.5 s on a 1.6 Mbit/s phone line. */
export const FIRST_LOAD_LIMIT_BYTES = 90_000;

/** Files of the built app that a visitor without a network never needs, and the worker itself. */
const NOT_PRECACHED = /^sw\.js$|\.map$|^robots\.txt$/u;

/**
 * Replaces `self.__WB_MANIFEST` in the service worker by the list of the built app's files and their revisions.
 *
 * @param dir folder of the built app, which must be complete before the service worker is built.
 */
export function precacheManifest(dir: string): Plugin {
  return {
    name: 'beeline:precache-manifest',
    apply: 'build',
    async config() {
      const manifestEntries = await listFiles(dir);
      if (!manifestEntries.some(({ url }) => url === 'index.html')) throw new Error(`no index.html in ${dir}`);
      return {
        define: {
          'self.__WB_MANIFEST': JSON.stringify(manifestEntries),
          // Vite leaves it to the users of a library, and a service worker has no `process`.
          'process.env.NODE_ENV': '"production"',
        },
      };
    },
  };
}

/** Every file of a folder with the revision of its bytes; a name under assets/ has its revision in it. */
async function listFiles(dir: string): Promise<{ url: string; revision: string | null }[]> {
  const found = await readdir(dir, { recursive: true, withFileTypes: true });
  const urls = found
    .filter((file) => file.isFile())
    .map((file) => relative(dir, join(file.parentPath, file.name)).split(sep).join('/'))
    .filter((url) => !NOT_PRECACHED.test(url))
    .sort();
  const revisionOf = async (url: string) =>
    createHash('sha256')
      .update(await readFile(join(dir, url)))
      .digest('hex');
  return Promise.all(
    urls.map(async (url) => ({ url, revision: url.startsWith('assets/') ? null : await revisionOf(url) })),
  );
}

/** What the page loads by itself when it is opened, then at home and with a link. */
const APP_CHUNK = 'app';
const HOME_CHUNK = 'Home';
const LINK_CHUNKS = ['receive', 'lane'];

/**
 * Puts a script and all that it imports into the page itself, where it runs before any other file has come, instead of the tag
 * of the page's first script: it asks for that, and for what that will need, when there is time for it.
 *
 * @param entry file of the script, which finds their paths in `FIRST_FILES`.
 */
export function scriptInPage(entry: string): Plugin {
  return {
    name: 'beeline:script-in-page',
    apply: 'build',
    transformIndexHtml: {
      order: 'post',
      async handler(html, { bundle = {} }) {
        const [tag, first] = /[ \t]*<script type="module"[^>]* src="\/([^"]+)"><\/script>\n/u.exec(html) ?? [];
        if (tag === undefined || first === undefined) throw new Error('the page has no first script');
        const paths = (names: readonly string[]) =>
          filesOf(bundle, names)
            .filter((file) => file !== first)
            .map((file) => `/${file}`);
        const files = { first: `/${first}`, withLink: paths(LINK_CHUNKS), withoutLink: paths([APP_CHUNK]) };
        const built = await build({
          configFile: false,
          logLevel: 'error',
          publicDir: false,
          define: { FIRST_FILES: JSON.stringify(files) },
          build: { write: false, target: 'es2022', lib: { entry, formats: ['iife'], name: 'inPage' } },
        });
        const [script] = [built].flat().flatMap((result) => ('output' in result ? result.output : []));
        if (script?.type !== 'chunk') throw new Error(`nothing came of ${entry}`);
        const tags = [{ tag: 'script', children: script.code.trim(), injectTo: 'body-prepend' as const }];
        return { html: html.replace(tag, ''), tags };
      },
    },
  };
}

/** One file of a bundle, as far as preloading looks at it. */
export type PreloadFile =
  | (Pick<Rolldown.OutputChunk, 'type' | 'imports' | 'name'> & {
      readonly viteMetadata?: { readonly importedCss: ReadonlySet<string> };
    })
  | { type: 'asset' };

/** The files of chunks, in order, and all that they import statically, with their styles. */
export function filesOf(bundle: Readonly<Record<string, PreloadFile>>, names: readonly string[]): string[] {
  const isNamed = (file: string, name: string): boolean => {
    const found = bundle[file];
    return found?.type === 'chunk' && found.name === name;
  };
  const first = names.flatMap((name) => Object.keys(bundle).filter((file) => isNamed(file, name)));
  const files = new Set(first);
  for (const file of files) {
    const chunk = bundle[file];
    if (chunk?.type !== 'chunk') continue;
    for (const other of [...chunk.imports, ...(chunk.viteMetadata?.importedCss ?? [])]) files.add(other);
  }
  return [...files];
}

/**
 * Prints the size of the first load, at home and with a link, and fails the build when one is over
 * {@link FIRST_LOAD_LIMIT_BYTES}.
 */
export function firstLoadBudget(): Plugin {
  return {
    name: 'beeline:first-load-budget',
    apply: 'build',
    applyToEnvironment: ({ name }) => name === 'client',
    writeBundle(_options, bundle) {
      const bytes = firstLoadBytes(bundle, [APP_CHUNK, HOME_CHUNK]);
      const withLink = firstLoadBytes(bundle, [APP_CHUNK, ...LINK_CHUNKS]);
      const said =
        `first load: ${kilobytes(bytes)} KB of compressed JavaScript, ${kilobytes(withLink)} KB with a link ` +
        `(limit ${kilobytes(FIRST_LOAD_LIMIT_BYTES)} KB)`;
      if (Math.max(bytes, withLink) > FIRST_LOAD_LIMIT_BYTES) this.error(said);
      this.info(said);
    },
  };
}

/** One file of a bundle, as far as the budget looks at it. */
export type BundleFile =
  Pick<Rolldown.OutputChunk, 'type' | 'code' | 'imports' | 'isEntry' | 'name'> | { type: 'asset' };

/**
 * Gzip-compressed bytes of the entry chunks, of the chunks of these names, and of everything they import statically, each
 * file compressed alone.
 */
export function firstLoadBytes(bundle: Readonly<Record<string, BundleFile>>, names: readonly string[]): number {
  const waiting = Object.keys(bundle).filter((file) => {
    const found = bundle[file];
    return found?.type === 'chunk' && (found.isEntry || names.includes(found.name));
  });
  const seen = new Set(waiting);
  let bytes = 0;
  for (let file = waiting.pop(); file !== undefined; file = waiting.pop()) {
    const chunk = bundle[file];
    if (chunk?.type !== 'chunk') continue;
    bytes += gzipSync(chunk.code).length;
    for (const imported of chunk.imports) {
      if (seen.has(imported)) continue;
      seen.add(imported);
      waiting.push(imported);
    }
  }
  return bytes;
}

function kilobytes(bytes: number): string {
  return String(Math.round(bytes / 100) / 10);
}

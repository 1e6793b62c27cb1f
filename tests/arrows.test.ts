/** Holds the arrows of the design: who may import whom, and what the rules in core may not touch. */
import { readdirSync, readFileSync } from 'node:fs';
import { join, posix } from 'node:path';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';
import { describe, expect, test } from 'vitest';

type World = 'core' | 'flow' | 'disk' | 'net' | 'workers' | 'ui' | 'main' | 'sw' | 'server' | 'build';

/** Paths from the root of the repository, with `/`, and their text. */
type Files = ReadonlyMap<string, string>;

const SHARED_WITH_SERVER = 'src/core/signaling.ts';
const ONLY_USER_OF_SIMPLE_PEER = 'src/net/lane.ts';
/** Builds the adapters and hands them over: the entry of the page, and what it loads when it is needed. */
const MAIN_FILES = [
  'ahead',
  'app',
  'dial',
  'arrived',
  'home',
  'in-page',
  'line',
  'main',
  'receive',
  'share',
  'storage',
  'stored',
  'transfers',
  'update',
  'world',
].map((name) => `src/${name}.ts`);
/** Run by Node while building, beside the code they build. */
const BUILD_FILES = ['sw/build.ts', 'signal-server/dev.ts'];
const FOLDERS: readonly (readonly [string, World])[] = [
  ['src/core/', 'core'],
  ['src/flow/', 'flow'],
  ['src/disk/', 'disk'],
  ['src/net/', 'net'],
  ['src/workers/', 'workers'],
  ['src/ui/', 'ui'],
  ['sw/', 'sw'],
  ['signal-server/', 'server'],
];

/** Worlds that each world may import beside itself. */
const ARROWS: Readonly<Record<World, readonly World[]>> = {
  core: [],
  flow: ['core'],
  disk: ['core'],
  net: ['core'],
  workers: ['core'],
  sw: ['core'],
  ui: ['core', 'flow'],
  main: ['core', 'flow', 'disk', 'net', 'workers', 'ui'],
  server: ['core'],
  build: ['core', 'server'],
};

/** Globals that would bring a clock, chance, a network or storage into core. */
const IMPURE = new Set([
  ...['setTimeout', 'setInterval', 'setImmediate', 'queueMicrotask', 'performance'],
  ...['fetch', 'WebSocket', 'RTCPeerConnection', 'indexedDB', 'crypto', 'navigator', 'globalThis', 'process'],
]);

/** Null for a file that belongs to no world, such as a type declaration. */
function worldOf(path: string): World | null {
  if (MAIN_FILES.includes(path)) return 'main';
  if (BUILD_FILES.includes(path)) return 'build';
  return FOLDERS.find(([folder]) => path.startsWith(folder))?.[1] ?? null;
}

/** TypeScript of a file: all of it, or the script blocks of a component. */
function scriptOf(path: string, text: string): string {
  if (!path.endsWith('.svelte')) return text;
  return [...text.matchAll(/<script\b[^>]*>(.*?)<\/script>/gs)].map((block) => block[1] ?? '').join('\n');
}

/** What a file imports, types and dynamic imports too, without bundler suffixes such as `?worker`. */
function importsOf(path: string, text: string): string[] {
  const { importedFiles } = ts.preProcessFile(scriptOf(path, text), true, true);
  return importedFiles.map(({ fileName }) => fileName.replace(/\?.*$/, ''));
}

function isRelative(specifier: string): boolean {
  return specifier.startsWith('.') || specifier.startsWith('/');
}

function resolve(from: string, specifier: string): string {
  return specifier.startsWith('/') ? posix.join('src', specifier) : posix.join(posix.dirname(from), specifier);
}

function packageComplaint(path: string, world: World, name: string): string | null {
  if (name === 'simple-peer' || name.startsWith('simple-peer/')) {
    return path === ONLY_USER_OF_SIMPLE_PEER ? null : `only ${ONLY_USER_OF_SIMPLE_PEER} may import simple-peer`;
  }
  if (world === 'core') {
    return name === 'valibot' || name.startsWith('@noble/') ? null : 'core may import valibot and @noble only';
  }
  const isNode = name.startsWith('node:');
  return isNode && world !== 'server' && world !== 'build' ? `${world} runs in a browser` : null;
}

function arrowComplaint(world: World, target: string): string | null {
  const targetWorld = worldOf(target);
  if (targetWorld === null) return 'outside the house';
  if (world === 'server' && targetWorld === 'core') {
    return target === SHARED_WITH_SERVER ? null : `the server may share ${SHARED_WITH_SERVER} only`;
  }
  return targetWorld === world || ARROWS[world].includes(targetWorld) ? null : `${world} may not import ${targetWorld}`;
}

function importComplaints(files: Files): string[] {
  const complaints: string[] = [];
  for (const [path, text] of files) {
    const world = worldOf(path);
    if (world === null) {
      complaints.push(`${path}: belongs to no folder of the design`);
      continue;
    }
    for (const specifier of importsOf(path, text)) {
      const complaint = isRelative(specifier)
        ? arrowComplaint(world, resolve(path, specifier))
        : packageComplaint(path, world, specifier);
      if (complaint !== null) complaints.push(`${path} -> ${specifier}: ${complaint}`);
    }
  }
  return complaints;
}

/** Each cycle once, as the files along it. */
function cycles(files: Files): string[][] {
  const found: string[][] = [];
  const done = new Set<string>();
  const visit = (path: string, trail: readonly string[]): void => {
    const start = trail.indexOf(path);
    if (start >= 0) found.push([...trail.slice(start), path]);
    if (start >= 0 || done.has(path)) return;
    const targets = importsOf(path, files.get(path) ?? '').filter(isRelative);
    for (const target of targets) visit(resolve(path, target), [...trail, path]);
    done.add(path);
  };
  for (const path of files.keys()) visit(path, []);
  return found;
}

/** The name is a member or a key (`port.fetch`, `{ crypto: 1 }`), so it is not the global of that name. */
function isMemberName(node: ts.Identifier): boolean {
  const { parent } = node;
  if (ts.isPropertyAccessExpression(parent)) return parent.name === node;
  if (ts.isQualifiedName(parent)) return parent.right === node;
  return (
    (ts.isPropertyAssignment(parent) ||
      ts.isPropertySignature(parent) ||
      ts.isPropertyDeclaration(parent) ||
      ts.isMethodSignature(parent) ||
      ts.isMethodDeclaration(parent)) &&
    parent.name === node
  );
}

function impurity(node: ts.Node): string | null {
  if (ts.isIdentifier(node)) return IMPURE.has(node.text) && !isMemberName(node) ? node.text : null;
  if (ts.isPropertyAccessExpression(node) && ts.isIdentifier(node.expression)) {
    const name = `${node.expression.text}.${node.name.text}`;
    return name === 'Date.now' || name === 'Math.random' ? name : null;
  }
  const isCall = ts.isNewExpression(node) || ts.isCallExpression(node);
  const isDate = isCall && ts.isIdentifier(node.expression) && node.expression.text === 'Date';
  return isDate && (ts.isCallExpression(node) || (node.arguments?.length ?? 0) === 0) ? 'the present Date' : null;
}

/** Uses of the outside world, found in the syntax tree: words in comments and strings do not count. */
function impurities(path: string, text: string): string[] {
  const found: string[] = [];
  const source = ts.createSourceFile(path, text, ts.ScriptTarget.ES2022, true);
  const visit = (node: ts.Node): void => {
    const name = impurity(node);
    if (name !== null) {
      found.push(`${path}:${source.getLineAndCharacterOfPosition(node.getStart()).line + 1}: ${name}`);
    }
    ts.forEachChild(node, visit);
  };
  visit(source);
  return found;
}

function readHouse(): Files {
  const root = fileURLToPath(new URL('..', import.meta.url));
  const paths = ['src', 'sw', 'signal-server'].flatMap((folder) =>
    readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' }).map((path) =>
      posix.join(folder, path.replaceAll('\\', '/')),
    ),
  );
  const sources = paths.filter((path) => /\.(ts|svelte)$/.test(path) && !path.endsWith('.d.ts'));
  return new Map(sources.map((path) => [path, readFileSync(join(root, path), 'utf8')]));
}

function inCore(files: Files): Files {
  return new Map([...files].filter(([path]) => worldOf(path) === 'core'));
}

describe('the house', () => {
  const house = readHouse();

  test('is there', () => {
    expect(inCore(house).size).toBeGreaterThan(0);
    expect([...house.keys()]).toContain('src/main.ts');
  });
  test('imports along the arrows only', () => {
    expect(importComplaints(house)).toEqual([]);
  });
  test('core has no cycle', () => {
    expect(cycles(inCore(house))).toEqual([]);
  });
  test('core has no clock, chance, network or storage', () => {
    expect([...inCore(house)].flatMap(([path, text]) => impurities(path, text))).toEqual([]);
  });
});

describe('the check of the house', () => {
  const complaintsOf = (path: string, text: string) => importComplaints(new Map([[path, text]]));

  test.each([
    ['src/core/a.ts', `import { b } from '../flow/b.ts';`],
    ['src/core/a.ts', `import type { B } from '../net/b.ts';`],
    ['src/core/a.ts', `import * as idb from 'idb';`],
    ['src/core/a.ts', `import { join } from 'node:path';`],
    ['src/flow/a.ts', `export { b } from '../disk/b.ts';`],
    ['src/flow/a.ts', `const b = await import('../net/b.ts');`],
    ['src/disk/a.ts', `import { b } from '../flow/b.ts';`],
    ['src/disk/a.ts', `import B from '../workers/b.ts?worker';`],
    ['src/net/a.ts', `import { b } from '../disk/b.ts';`],
    ['src/net/signaling.ts', `import Peer from 'simple-peer';`],
    ['src/workers/a.ts', `import { b } from '../disk/b.ts';`],
    ['src/ui/A.svelte', `<script lang="ts">\n  import { b } from '../net/b.ts';\n</script>\n<p>b</p>`],
    ['src/ui/A.svelte', `<script module>let a;</script><script>import B from '../disk/B.ts';</script>`],
    ['src/ui/a.ts', `import { readFile } from 'node:fs/promises';`],
    ['src/ui/a.ts', `import { main } from '../main.ts';`],
    ['src/other/a.ts', `export const a = 1;`],
    ['sw/a.ts', `import { b } from '../src/disk/b.ts';`],
    ['sw/a.ts', `import { b } from './build.ts';`],
    ['signal-server/a.ts', `import { b } from '../src/core/manifest.ts';`],
    ['signal-server/a.ts', `import { b } from '../src/net/signaling.ts';`],
    ['src/core/a.ts', `import { b } from '../../tests/doubles/b.ts';`],
  ])('refuses in %s: %s', (path, text) => {
    expect(complaintsOf(path, text)).toHaveLength(1);
  });

  test.each([
    ['src/core/a.ts', `import * as v from 'valibot'; import { ed } from '@noble/curves/ed25519.js'; import './b.ts';`],
    ['src/core/a.ts', `// import { b } from '../flow/b.ts';\nconst text = "import '../flow/b.ts'";`],
    ['src/flow/a.ts', `import { b } from '../core/b.ts'; import './c.ts';`],
    ['src/disk/a.ts', `new Worker(new URL('../workers/b.ts', import.meta.url)); import { openDB } from 'idb';`],
    ['src/net/lane.ts', `import Peer from 'simple-peer';`],
    ['src/ui/A.svelte', `<script>import { b } from '../flow/b.ts'; import B from './B.svelte';</script>`],
    ['src/main.ts', `import './disk/a.ts'; import './net/a.ts'; import './ui/A.svelte'; import './flow/a.ts';`],
    ['signal-server/a.ts', `import { b } from '../src/core/signaling.ts'; import 'node:http'; import 'ws';`],
    ['sw/build.ts', `import { readFile } from 'node:fs/promises'; import '../src/core/a.ts';`],
  ])('allows in %s: %s', (path, text) => {
    expect(complaintsOf(path, text)).toEqual([]);
  });

  test('finds a cycle of three, through types too', () => {
    const files = new Map([
      ['src/core/a.ts', `import { b } from './b.ts';`],
      ['src/core/b.ts', `import type { C } from './c.ts';`],
      ['src/core/c.ts', `export { a } from './a.ts';`],
      ['src/core/d.ts', `import { a } from './a.ts'; import { c } from './c.ts';`],
    ]);
    expect(cycles(files)).toEqual([['src/core/a.ts', 'src/core/b.ts', 'src/core/c.ts', 'src/core/a.ts']]);
  });

  test.each([
    ...['Date.now()', 'Math.random()', 'setTimeout(run, 1)', 'setInterval(run, 1)', 'fetch(url)', 'new WebSocket(url)'],
    ...['new RTCPeerConnection()', 'indexedDB.open("a")', 'crypto.subtle', 'navigator.onLine', 'performance.now()'],
    ...[
      'new Date()',
      'Date()',
      'globalThis.crypto',
      '`${Date.now()}`',
      'const f = fetch',
      'const { now } = performance',
    ],
  ])('finds in core: %s', (text) => {
    expect(impurities('src/core/a.ts', text)).toHaveLength(1);
  });

  test.each([
    ...['clock.now()', 'port.fetch(url)', 'new Date(ms)', '// Date.now()', '/* fetch( */', '"Math.random()"'],
    ...['`setTimeout(`', 'const a = { crypto: 1 }', 'interface A { fetch(url: string): void }', 'Math.max(1, 2)'],
  ])('allows in core: %s', (text) => {
    expect(impurities('src/core/a.ts', text)).toEqual([]);
  });
});

import { svelte } from '@sveltejs/vite-plugin-svelte';
import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vite';
import type { UserConfig } from 'vite';
import { beelineServer } from './signal-server/dev.ts';
import { firstLoadBudget, precacheManifest, scriptInPage } from './sw/build.ts';

const at = (path: string): string => fileURLToPath(new URL(path, import.meta.url));

/** simple-peer's own bundle needs no Node polyfills; its `main` does. */
const alias = { 'simple-peer': 'simple-peer/simplepeer.min.js' };

/**
 * What a page opened with a link loads, each one file with all that it imports: shared parts would be files of their own.
 * The first holds what the home screen shares with receiving, so that it need not load that. simple-peer is by itself: the
 * list of files can be shown without it.
 */
const FIRST_CHUNKS = [
  { name: 'main', test: /\/src\/(?:main|storage|core\/(?:errors|limits|link))\.ts$/u, priority: 2 },
  { name: 'app', test: /\/src\/app\.ts$/u, priority: 1 },
  { name: 'lane', test: /\/src\/net\/lane\.ts$/u, priority: 1 },
  { name: 'receive', test: /\/src\/receive\.ts$/u, priority: 0 },
];

const app: UserConfig = {
  root: at('src'),
  publicDir: at('static'),
  resolve: { alias },
  plugins: [
    svelte({ configFile: at('svelte.config.js') }),
    beelineServer(),
    scriptInPage(at('src/in-page.ts')),
    firstLoadBudget(),
  ],
  worker: { format: 'es' },
  build: {
    outDir: at('dist/app'),
    emptyOutDir: true,
    target: 'es2022',
    modulePreload: { polyfill: false },
    rolldownOptions: { output: { codeSplitting: { groups: FIRST_CHUNKS } } },
  },
};

/** One classic script: Firefox has no module service workers, and one file updates as one. */
const serviceWorker: UserConfig = {
  publicDir: false,
  plugins: [precacheManifest(at('dist/app'))],
  build: {
    outDir: at('dist/app'),
    emptyOutDir: false,
    target: 'es2022',
    lib: { entry: at('sw/sw.ts'), formats: ['iife'], name: 'sw', fileName: () => 'sw.js' },
  },
};

const server: UserConfig = {
  publicDir: false,
  build: {
    outDir: at('dist/server'),
    ssr: true,
    rolldownOptions: { input: { main: at('signal-server/main.ts'), turn: at('signal-server/turn.ts') } },
    target: 'node20',
    emptyOutDir: true,
  },
};

/** `--mode sw` and `--mode server` choose the other two worlds; everything else is the page. */
export default defineConfig(({ mode }) => (mode === 'sw' ? serviceWorker : mode === 'server' ? server : app));

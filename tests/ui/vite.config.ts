import { svelte } from '@sveltejs/vite-plugin-svelte';
import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vite';

const at = (path: string): string => fileURLToPath(new URL(path, import.meta.url));

/** Serves the gallery: the real screens over fixed views. */
export default defineConfig({
  root: at('.'),
  publicDir: at('../../static'),
  cacheDir: at('../../node_modules/.cache/gallery'),
  plugins: [svelte({ configFile: at('../../svelte.config.js') })],
  server: { host: '127.0.0.1', port: 5199, fs: { allow: [at('../..')] } },
  optimizeDeps: { include: ['uqr', 'valibot'] },
});

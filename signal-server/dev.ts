import { fileURLToPath } from 'node:url';
import type { Plugin } from 'vite';

const FOLDER = fileURLToPath(new URL('.', import.meta.url));

/**
 * `npm run dev`: the server's API and signaling inside Vite's own server, on the same port as `npm start`. Vite serves the page and
 * keeps its hot-reload socket. The server's code is loaded through Vite when it starts, so that a build never loads it, and an edit of
 * it starts both anew.
 */
export function beelineServer(): Plugin {
  return {
    name: 'beeline-server',
    apply: 'serve',
    config: () => ({ server: { host: true, port: Number(process.env['PORT']?.trim() || 8080), strictPort: true } }),
    async configureServer(vite) {
      const { createServerApp } = (await vite.ssrLoadModule(`${FOLDER}app.ts`)) as typeof import('./app.ts');
      const { readConfig } = (await vite.ssrLoadModule(`${FOLDER}env.ts`)) as typeof import('./env.ts');
      const { createLog } = (await vite.ssrLoadModule(`${FOLDER}log.ts`)) as typeof import('./log.ts');
      const config = readConfig(process.env);
      const app = createServerApp(config, createLog(config.logLevel));
      vite.middlewares.use((request, response, next) => app.handle(request, response, next));
      if (vite.httpServer) app.attach(vite.httpServer, 'leave');
      vite.httpServer?.once('close', () => void app.close());
      vite.watcher.add(FOLDER);
      vite.watcher.on('change', (file) => {
        if (file.startsWith(FOLDER)) void vite.restart();
      });
    },
  };
}

import { mkdirSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build, createLogger } from 'vite';

const root = fileURLToPath(new URL('..', import.meta.url));

/** The page, then the service worker, which lists the page's files, then the server. */
const worlds = [
  { mode: 'production', name: 'the page' },
  { mode: 'sw', name: 'the service worker' },
  { mode: 'server', name: 'the server' },
];

/** Warnings, errors, and what this repository's own plugins tell, such as the size of the first load. */
const customLogger = createLogger('info', { allowClearScreen: false });
const { info } = customLogger;
customLogger.info = (message, options) => {
  if (message.includes('[plugin beeline:')) info(message, options);
};

const started = new Date();
process.chdir(root);
for (const { mode, name } of worlds) {
  process.stdout.write(`Building ${name}\n`);
  await build({ configFile: join(root, 'vite.config.ts'), mode, customLogger, logLevel: 'warn' }).catch((error) => {
    process.stderr.write(`${error.message}\n`);
    process.exit(1);
  });
}

/** Dated to the start, so that a source saved during the build counts as newer. */
const stamp = join(root, 'dist', '.built');
mkdirSync(join(root, 'dist'), { recursive: true });
writeFileSync(stamp, '');
utimesSync(stamp, started, started);

import { fileURLToPath } from 'node:url';
import { lanAddresses } from './address.ts';
import { ConfigError } from './env.ts';
import { startRelay } from './turnserver.ts';

/** This file runs as dist/server/turn.js; what is kept lies at the top of the repository. */
const FOLDER = fileURLToPath(new URL('../../.data/turn', import.meta.url));

try {
  const { process: child, urls } = await startRelay(process.env, FOLDER, lanAddresses());
  const secret = process.env['TURN_SECRET'] === undefined ? `what ${FOLDER}/secret holds` : 'the same';
  const said = [
    `The relay is at ${urls.turn.join(', ')}`,
    'Give the server these:',
    `  STUN_URLS=${urls.stun.join()}`,
    `  TURN_URLS=${urls.turn.join()}`,
    `  TURN_SECRET: ${secret}`,
  ];
  process.stdout.write(`${said.join('\n')}\n`);
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, () => child.kill('SIGTERM'));
  child.once('exit', (code) => process.exit(code ?? 0));
} catch (error) {
  if (!(error instanceof ConfigError)) throw error;
  process.stderr.write(`${error.message}\n`);
  process.exit(1);
}

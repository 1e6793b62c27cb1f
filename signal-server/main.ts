import { createServer } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { isIPv6 } from 'node:net';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { lanAddresses } from './address.ts';
import { createServerApp } from './app.ts';
import { ConfigError, readConfig } from './env.ts';
import type { Config } from './env.ts';
import { LIMITS } from './limits.ts';
import { createLog } from './log.ts';
import { serveStatic } from './static.ts';
import { keptCertificate, ownHosts } from './tls.ts';
import { startRelay } from './turnserver.ts';

/** This file runs as dist/server/main.js; the page is built beside it, and what is kept lies at the top of the repository. */
const PAGE = fileURLToPath(new URL('../app', import.meta.url));
const CERTIFICATE = fileURLToPath(new URL('../../.data/tls', import.meta.url));
const RELAY = fileURLToPath(new URL('../../.data/turn', import.meta.url));

/** Milliseconds for answers under way once the sockets are closed; with `LIMITS.closeMs` well under the 5 s to end in. */
const ANSWER_MS = 1_000;
/** Milliseconds after which the process ends whatever happens. */
const END_MS = 4_000;

/** Ends the process with one sentence for a person. */
function fail(sentence: string): never {
  process.stderr.write(`${sentence}\n`);
  process.exit(1);
}

async function orFail<T>(make: () => T | Promise<T>): Promise<T> {
  try {
    return await make();
  } catch (error) {
    if (error instanceof ConfigError) fail(error.message);
    throw error;
  }
}

function readArguments(): { readonly https: boolean; readonly turn: boolean } {
  try {
    const off = { type: 'boolean', default: false } as const;
    return parseArgs({ options: { https: off, turn: off } }).values;
  } catch {
    return fail(
      'The options are --https, which serves over TLS with a certificate that is made and kept here, and --turn, which runs a relay too.',
    );
  }
}

/** The environment, with a relay in it that runs beside the server, unless the environment names another. */
async function withRelay(env: NodeJS.ProcessEnv): Promise<NodeJS.ProcessEnv> {
  const relay = await startRelay(env, RELAY, lanAddresses());
  relay.process.once('exit', () => {
    if (!ending) fail('The relay ended, and so does the server.');
  });
  process.stdout.write(`The relay is at ${relay.urls.turn.join(', ')}\n`);
  const { stun, turn } = relay.urls;
  return { STUN_URLS: stun.join(), TURN_URLS: turn.join(), ...env, TURN_SECRET: relay.secrets.join() };
}

function readPage() {
  try {
    return serveStatic(PAGE);
  } catch {
    return fail(`There is no built page in ${PAGE}: run "npm run build" first.`);
  }
}

let ending = false;
const { https, turn } = readArguments();
const config = await orFail(async () => readConfig(turn ? await withRelay(process.env) : process.env));
const log = createLog(config.logLevel);
const app = createServerApp(config, log, { files: readPage() });
const timeouts = { requestTimeout: LIMITS.requestMs };
const server = https
  ? createTlsServer({ ...(await keptCertificate(CERTIFICATE, ownHosts())), ...timeouts })
  : createServer(timeouts);
server.on('request', (request, response) => app.handle(request, response));
app.attach(server, 'refuse');

server.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code === 'EADDRINUSE')
    fail(`Port ${config.port} is in use: end the other program, or choose a port with PORT=8081.`);
  if (error.code === 'EACCES') fail(`Port ${config.port} needs more rights: choose one from 1024 with PORT=8080.`);
  if (error.code === 'EADDRNOTAVAIL' || error.code === 'ENOTFOUND') fail('HOST must be an address of this machine.');
  throw error;
});
server.listen({ port: config.port, ...(config.host === undefined ? {} : { host: config.host }) }, () => {
  const { port } = server.address() as AddressInfo;
  process.stdout.write(`${introduction(config, https, port).join('\n')}\n`);
  log.info({ port, https, pid: process.pid }, 'listening');
});

/** What a person needs to know: where the page is, from here and from other devices. */
function introduction({ host }: Config, encrypted: boolean, port: number): string[] {
  const url = (name: string) => `http${encrypted ? 's' : ''}://${isIPv6(name) ? `[${name}]` : name}:${port}`;
  if (host !== undefined && !['0.0.0.0', '::'].includes(host)) return [`Beeline is at ${url(host)}`];
  const all = lanAddresses();
  const ipv4 = all.filter((address) => !isIPv6(address));
  const hint = encrypted
    ? 'Other devices will warn once about the certificate, which this machine made itself.'
    : 'Phones and other computers need a secure page: stop this and run "npm start -- --https".';
  return [
    `Beeline is at ${url('localhost')}`,
    ...(ipv4.length > 0 ? ipv4 : all).map((address) => `On this network ${url(address)}`),
    hint,
  ];
}

async function end(signal: string): Promise<void> {
  if (ending) process.exit(1);
  ending = true;
  setTimeout(() => process.exit(0), END_MS);
  log.info({ signal }, 'draining');
  await app.close();
  await new Promise((resolve) => {
    server.close(resolve);
    setTimeout(() => server.closeAllConnections(), ANSWER_MS);
  });
  log.info('ended');
  process.exit(0);
}

for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, () => void end(signal));

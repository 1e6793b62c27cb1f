/** Real coturn on a host of the lab, configured as `npm run turn` configures it. */
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { keptCertificate } from '../../signal-server/tls.ts';
import { readRelay } from '../../signal-server/turn-env.ts';
import { TURNSERVER_READY, writeTurnConfig } from '../../signal-server/turnserver.ts';
import type { Host } from './host.ts';
import { ensureProgram } from '../programs.mjs';

export interface RelayPlace {
  readonly host: Host;
  /** Its own addresses there, by which clients reach it. */
  readonly addresses: readonly string[];
}

export class LabRelay {
  /** What coturn has printed since it was started last. */
  readonly log: string[] = [];
  #child: ChildProcess | null = null;
  #secrets: readonly string[] = [];

  private constructor(
    private readonly place: RelayPlace,
    private readonly env: Readonly<Record<string, string>>,
    private readonly folder: string,
  ) {}

  /** @param env more of what `npm run turn` reads. */
  static async start(
    place: RelayPlace,
    secrets: readonly string[],
    env: Readonly<Record<string, string>> = {},
  ): Promise<LabRelay> {
    const folder = await mkdtemp(join(tmpdir(), 'beeline-relay-'));
    await keptCertificate(folder, place.addresses);
    const relay = new LabRelay(place, { ...env, ...relayEnvironment(place, folder) }, folder);
    await relay.start(secrets);
    return relay;
  }

  /** Its own. */
  get addresses(): readonly string[] {
    return this.place.addresses;
  }

  /** What the server is to be told of it. */
  get serverEnvironment(): Readonly<Record<string, string>> {
    const { urls } = readRelay(this.env, []);
    return { STUN_URLS: urls.stun.join(), TURN_URLS: urls.turn.join(), TURN_SECRET: this.#secrets.join() };
  }

  /** After `stop`: knows nothing of what it did before. */
  async start(secrets: readonly string[] = this.#secrets): Promise<void> {
    this.#secrets = secrets;
    this.log.length = 0;
    const { options } = readRelay(this.env, []);
    const config = writeTurnConfig({ ...options, secrets, folder: this.folder });
    const child = this.place.host.spawn(ensureProgram('turnserver', 'coturn'), ['-v', '-c', config], {
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    this.#child = child;
    if (child.stdout === null) throw new Error('The relay has no standard output.');
    const lines = createInterface({ input: child.stdout });
    lines.on('line', (line) => this.log.push(line));
    await new Promise<void>((resolve, reject) => {
      lines.on('line', (line) => {
        if (TURNSERVER_READY.test(line)) resolve();
      });
      child.once('exit', () => reject(new Error(`The relay ended:\n${this.log.slice(-20).join('\n')}`)));
    });
  }

  /** Adds a secret while it runs: coturn looks into its database for each new allocation. */
  async addSecret(secret: string): Promise<void> {
    const { options } = readRelay(this.env, []);
    const database = join(this.folder, 'turndb');
    await this.place.host.exec('turnadmin', ['-b', database, '-s', secret, '-r', options.realm]);
  }

  /** Ends it at once, without a word to its clients. */
  async stop(): Promise<void> {
    const child = this.#child;
    this.#child = null;
    if (child === null || child.exitCode !== null || child.signalCode !== null) return;
    const ended = once(child, 'exit');
    child.kill('SIGKILL');
    await ended;
  }

  async close(): Promise<void> {
    await this.stop();
    await rm(this.folder, { recursive: true, force: true });
  }
}

function relayEnvironment({ addresses }: RelayPlace, folder: string): Record<string, string> {
  return {
    TURN_ADDRESSES: addresses.join(),
    TURN_CERT: join(folder, 'cert.pem'),
    TURN_KEY: join(folder, 'key.pem'),
    TURN_TLS_PORT: '443',
  };
}

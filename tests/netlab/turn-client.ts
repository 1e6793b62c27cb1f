/** Runs turn-client.mjs in a host of the lab: clients that say one thing each to a relay. */
import process from 'node:process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import type { TurnCredential } from '../../signal-server/ice.ts';
import type { Host } from './host.ts';

const PROGRAM = fileURLToPath(new URL('turn-client.mjs', import.meta.url));

export interface TurnAnswer {
  /** 0 for success, else such as 401. */
  readonly code: number;
  /** The port on the relay that was given. */
  readonly relayed: string | null;
}

export class TurnClients {
  readonly #answers: ((answer: TurnAnswer) => void)[] = [];

  private constructor(
    private readonly say: (line: string) => void,
    readonly close: () => void,
  ) {}

  static start(host: Host, address: string, port: number): TurnClients {
    const args = [PROGRAM, address, String(port)];
    const { stdin, stdout } = host.spawn(process.execPath, args, { stdio: ['pipe', 'pipe', 'inherit'] });
    if (stdin === null || stdout === null) throw new Error('The clients have no pipes.');
    const clients = new TurnClients(
      (line) => stdin.write(`${line}\n`),
      () => stdin.end(),
    );
    createInterface({ input: stdout }).on('line', (line) => {
      clients.#answers.shift()?.(JSON.parse(line) as TurnAnswer);
    });
    return clients;
  }

  /**
   * Lets a client ask for something: `allocate` a port (with `true` one of IPv6), `refresh` that, `permit` a peer, `bind` a
   * channel to a peer's address and port, or `replay` what another client has said last.
   */
  ask(
    client: string,
    credential: TurnCredential,
    ask: 'allocate' | 'refresh' | 'permit' | 'bind' | 'replay',
    ...args: readonly (string | number | boolean)[]
  ): Promise<TurnAnswer> {
    const answered = new Promise<TurnAnswer>((resolve) => this.#answers.push(resolve));
    this.say(JSON.stringify({ client, credential, ask, args }));
    return answered;
  }
}

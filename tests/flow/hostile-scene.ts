import type { Subtle } from '../../src/core/ports.ts';
import { readyToDiagnose } from '../../src/flow/cause.ts';
import { makeIdentity, type ShareIdentity } from '../../src/flow/identity.ts';
import { Receiving } from '../../src/flow/receiving.ts';
import { Sharing } from '../../src/flow/sharing.ts';
import type { World } from '../../src/flow/world.ts';
import { ManualClock } from '../doubles/clock.ts';
import { FakeSignaling, type Relayed } from '../doubles/signaling.ts';
import { makeOffer, makeWorld, type TestWorld } from '../doubles/world.ts';
import { CertificateNetwork } from './certificates.ts';

/** Longest time an attempt may take, in milliseconds; rule [C3]. */
export const ATTEMPT_MS = 20_000;

// While time stands still, nothing would wait for what is being loaded.
await readyToDiagnose(new ManualClock());

/** Time passes in steps of this many milliseconds. */
const STEP_MS = 1_000;

/** WebCrypto that knows whether anything is still being computed. */
export class WatchedCrypto {
  #running = 0;

  readonly subtle: Subtle = new Proxy<Subtle>(crypto.subtle, {
    get: (target, name: keyof Subtle) => {
      const method = Reflect.get(target, name) as (...parameters: unknown[]) => Promise<unknown>;
      return async (...parameters: unknown[]) => {
        this.#running += 1;
        try {
          return await method.apply(target, parameters);
        } finally {
          this.#running -= 1;
        }
      };
    },
  });

  /** Resolves when nothing is computed and nobody has anything left to do without time passing. */
  async quiet(): Promise<void> {
    for (let calm = 0; calm < 8; calm++) {
      await new Promise((resolve) => setImmediate(resolve));
      if (this.#running > 0) calm = 0;
    }
  }
}

/** A signaling server that does with every message what a test tells it, and remembers all of them. */
export class HostileServer extends FakeSignaling {
  /** Tokens and ids it was told. */
  readonly told: string[] = [];

  override connect(id: string, token = ''): ReturnType<FakeSignaling['connect']> {
    this.told.push(id, token);
    return super.connect(id);
  }

  /** Delivers instead of each message what `change` makes of it. */
  alter(change: (message: Relayed) => readonly Relayed[]): void {
    this.relay = (message) => {
      for (const changed of change(message)) this.deliver(changed);
    };
  }
}

/** One share and its receivers, with a server and a network of the test's own, in a time that stands still. */
export class HostileScene {
  readonly clock = new ManualClock();
  readonly crypto = new WatchedCrypto();
  readonly server = new HostileServer();
  readonly network = new CertificateNetwork();
  readonly world: World & Pick<TestWorld, 'sinks'>;
  readonly receivers: Receiving[] = [];
  readonly shares: {
    readonly sharing: Sharing;
    readonly identity: ShareIdentity;
    readonly offer: ReturnType<typeof makeOffer>;
  }[] = [];

  /** @param parts of the world that a test brings itself. */
  constructor(parts: Partial<Pick<World, 'random' | 'nudge'>> = {}) {
    const { clock, server: signaling, network: lanes } = this;
    this.world = { ...makeWorld(), clock, signaling, lanes, subtle: this.crypto.subtle, ...parts };
  }

  async share(sizes: readonly number[] = [3], paths: readonly string[] = []): Promise<ShareIdentity> {
    const identity = await makeIdentity(this.world);
    const offer = makeOffer(sizes, paths);
    this.shares.push({ sharing: new Sharing(this.world, identity, offer, 'https://test.example/'), identity, offer });
    return identity;
  }

  receive({ keys }: ShareIdentity): Receiving {
    const receiving = new Receiving(this.world, keys);
    this.receivers.push(receiving);
    return receiving;
  }

  /** A share and a receiver of it, all calm. */
  async open(): Promise<{ readonly identity: ShareIdentity; readonly receiving: Receiving }> {
    const identity = await this.share();
    const receiving = this.receive(identity);
    await this.crypto.quiet();
    return { identity, receiving };
  }

  /** Lets time pass, and all that follows from it happen. */
  async pass(ms: number): Promise<void> {
    // In steps, so that what one side says is heard before the other's next timer.
    for (let left = ms; left > 0; left -= STEP_MS) {
      this.clock.advance(Math.min(STEP_MS, left));
      await this.crypto.quiet();
    }
  }

  close(): void {
    for (const receiving of this.receivers) receiving.close();
    for (const { sharing } of this.shares) sharing.close();
  }
}

/**
 * Two people, each at the far end of a shaped link of their own, and in the middle Beeline's server and a relay.
 *
 *     left person - left router === link === core === link === right router - right person
 *                                            server
 *                                            relay
 *
 * So the server is half as far as the other person.
 */
import type { Device } from '../e2e/browser.ts';
import { launchOn } from './browser.ts';
import type { Host } from './host.ts';
import { Lab } from './lab.ts';
import type { Link, Shape } from './link.ts';
import { drop, dropNothing } from './nat.ts';
import { LabRelay } from './relay.ts';
import { startServerOn } from './server.ts';

const PORT = 8080;
const SECRET = 'a-secret-of-the-lab';

export type Side = 'left' | 'right';
const PREFIXES: Readonly<Record<Side, string>> = { left: '198.51.100', right: '192.0.2' };

interface Arm {
  readonly link: Link;
  readonly person: Host;
  readonly subnet: string;
}

export class Star {
  private constructor(
    readonly lab: Lab,
    readonly relay: LabRelay,
    readonly core: Host,
    readonly arms: Readonly<Record<Side, Arm>>,
    /** Where the server is, without a slash at the end. */
    readonly baseUrl: string,
  ) {}

  /** Opens it with perfect links, a server and a relay. */
  static async open(shape: Shape): Promise<Star> {
    const lab = Lab.open();
    try {
      const core = await lab.router('core');
      const lan = await lab.lan(core, '203.0.113');
      const [server, place] = [await lan.plug(await lab.host('server')), await lan.plug(await lab.host('relay'))];
      const relay = await LabRelay.start({ host: place.host, addresses: [place.address] }, [SECRET]);
      await startServerOn(server.host, server.address, PORT, relay.serverEnvironment);
      const arms = { left: await openArm(lab, core, 'left', shape), right: await openArm(lab, core, 'right', shape) };
      return new Star(lab, relay, core, arms, `http://${server.address}:${PORT}`);
    } catch (error) {
      await lab.close();
      throw error;
    }
  }

  /** Milliseconds from one person to the other and back. */
  async setRoundTrip(ms: number): Promise<void> {
    for (const { link } of Object.values(this.arms)) await link.shape({ rttMs: ms / 2 });
  }

  /** Whether the two may speak with each other; with server and relay they always may. */
  async setDirect(isAllowed: boolean): Promise<void> {
    const { left, right } = this.arms;
    await dropNothing({ router: this.core });
    if (isAllowed) return;
    await drop(
      { router: this.core },
      `ip saddr ${left.subnet} ip daddr ${right.subnet}`,
      `ip saddr ${right.subnet} ip daddr ${left.subnet}`,
    );
  }

  /** A person's browser; whoever asks for it closes it. */
  device(side: Side): Promise<Device> {
    return launchOn(this.arms[side].person, [this.baseUrl]);
  }

  async close(): Promise<void> {
    await this.relay.close();
    await this.lab.close();
  }
}

async function openArm(lab: Lab, core: Host, side: Side, shape: Shape): Promise<Arm> {
  const router = await lab.router(side);
  const lan = await lab.lan(router, PREFIXES[side]);
  const link = await lab.link(router, core, shape);
  await core.ip('route', 'add', lan.subnet, 'via', link.a.address);
  const { host: person } = await lan.plug(await lab.host(`${side}person`));
  return { link, person, subnet: lan.subnet };
}

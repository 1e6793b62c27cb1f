/**
 * The lab's internet: Beeline's server, a relay, and the networks of people around them.
 *
 *     people - switch - home router --+-- core --+-- server
 *     people - switch - home router - carrier ---+-- relay
 *
 * The server is reached by a name, so that a link of one person is good for another who has only IPv6.
 */
import type { Device } from '../e2e/browser.ts';
import { launchOn, type BrowserOptions } from './browser.ts';
import type { Host } from './host.ts';
import { Lab } from './lab.ts';
import type { Lan, Plug } from './lan.ts';
import { openHome, type Home, type Policy } from './nat.ts';
import { LabRelay } from './relay.ts';
import { startServerOn } from './server.ts';

/** The server is on port 443, because some networks let out nothing else; the relay has an address of its own for the same. */
const PORT = 443;
const SERVER = 'beeline.test';
/** Last number of the relay's other IPv4 address: a STUN server at two of them tells what a NAT does with ports. */
const RELAY_SECOND = 250;
const SECRET = 'a secret of the lab'.replaceAll(' ', '-');

/**
 * How a person is connected.
 *
 * - `open`: a public address of each family, and anything comes in.
 * - `port-restricted`, `symmetric`: see nat.ts.
 * - `carrier`: a home router behind a carrier's, both with one outer port for each inner one (RFC 6888 asks for that).
 * - `no-udp`, `tcp-443`: a home router in front of which UDP, or all but TCP port 443, is dropped.
 * - `ipv6`: nothing but a public IPv6 address.
 */
export type Kind = 'open' | 'port-restricted' | 'symmetric' | 'carrier' | 'no-udp' | 'tcp-443' | 'ipv6';
export const KINDS: readonly Kind[] = ['open', 'port-restricted', 'symmetric', 'carrier', 'no-udp', 'tcp-443', 'ipv6'];

export const POLICIES: Readonly<Record<Kind, Policy>> = {
  open: { nat: 'none', egress: 'all' },
  'port-restricted': { nat: 'port-restricted', egress: 'all' },
  symmetric: { nat: 'symmetric', egress: 'all' },
  carrier: { nat: 'port-restricted', egress: 'all' },
  'no-udp': { nat: 'port-restricted', egress: 'no-udp' },
  'tcp-443': { nat: 'port-restricted', egress: 'tcp-443' },
  ipv6: { nat: 'none', egress: 'all' },
};

/** Where a person is. */
export interface Place {
  readonly home: Home;
  readonly plug: Plug;
  /** Null without a carrier. */
  readonly carrier: Home | null;
  readonly isIpv6: boolean;
}

export class Internet {
  #homes = 0;
  readonly #origins: string[] = [];

  private constructor(
    readonly lab: Lab,
    readonly lan: Lan,
    readonly relay: LabRelay,
    private readonly server: Plug,
    private readonly addresses: Readonly<Record<'v4' | 'v6', Readonly<Record<string, string>>>>,
  ) {}

  /** Opens it with a server and a relay. */
  static async open(): Promise<Internet> {
    const lab = Lab.open();
    try {
      const core = await lab.router('core');
      const lan = await lab.lan(core, '203.0.113', '2001:db8:0:0');
      const plugs = {
        server: await lan.plug(await lab.host('server')),
        relay: await lan.plug(await lab.host('relay')),
      };
      const { address, address6, host, device } = plugs.relay;
      const second = `${lan.prefix}.${RELAY_SECOND}`;
      await host.ip('address', 'add', `${second}/24`, 'dev', device);
      const addresses = [address, ...(address6 === null ? [] : [address6]), second];
      const relay = await LabRelay.start({ host, addresses }, [SECRET]);
      const internet = new Internet(lab, lan, relay, plugs.server, {
        v4: { [SERVER]: plugs.server.address },
        v6: { [SERVER]: `[${plugs.server.address6 ?? ''}]` },
      });
      await internet.serve(PORT, relay.serverEnvironment);
      return internet;
    } catch (error) {
      await lab.close();
      throw error;
    }
  }

  /** Where the server is, without a slash at the end. */
  get baseUrl(): string {
    return `http://${SERVER}:${PORT}`;
  }

  /**
   * Starts another server at the same address, for browsers launched from now on.
   * @param env what it is told of a relay.
   * @returns where it is, without a slash at the end.
   */
  async serve(port: number, env: Readonly<Record<string, string>>): Promise<string> {
    await startServerOn(this.server.host, '::', port, env);
    const origin = `http://${SERVER}:${port}`;
    this.#origins.push(origin);
    return origin;
  }

  /** A new person in a network of their own. */
  async place(kind: Kind): Promise<Place> {
    const policy = POLICIES[kind];
    const carrier = kind === 'carrier' ? await this.home(policy, this.lan) : null;
    const home = await this.home(policy, carrier?.lan ?? this.lan);
    const plug = await this.person(home);
    const isIpv6 = kind === 'ipv6';
    if (isIpv6) await plug.host.ip('-4', 'address', 'flush', 'dev', plug.device);
    return { home, plug, carrier, isIpv6 };
  }

  /** A new router with a network behind it. */
  home(policy: Policy, upstream: Lan): Promise<Home> {
    this.#homes += 1;
    const prefix = policy.nat === 'none' ? `198.51.${this.#homes}` : `192.168.${this.#homes}`;
    const prefix6 = policy.nat === 'none' ? `2001:db8:0:${this.#homes}` : null;
    return openHome(this.lab, `home${this.#homes}`, upstream, prefix, policy, prefix6);
  }

  /** A new person's machine in a network. */
  async person(home: Home): Promise<Plug> {
    const host: Host = await this.lab.host(`person${this.#homes}x${++this.#people}`);
    return home.lan.plug(host);
  }

  /** A person's browser; whoever asks for it closes it. */
  async device(host: Host, isIpv6 = false, options: BrowserOptions = {}): Promise<Device> {
    return launchOn(host, this.#origins, { names: this.addresses[isIpv6 ? 'v6' : 'v4'], ...options });
  }

  async close(): Promise<void> {
    await this.relay.close();
    await this.lab.close();
  }

  #people = 0;
}

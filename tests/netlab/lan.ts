/** A switch: a bridge in a router, and the hosts that are plugged into it. Fast, and without loss. */
import type { Host } from './host.ts';
import type { LinkEnd } from './link.ts';

/** Given, because a bridge otherwise takes a new one when hosts are plugged in, and those there send to the old one. */
const GATEWAY_MAC = '02:00:00:00:00:01';

/** A host's end of its cable. */
export interface Plug extends LinkEnd {
  readonly address6: string | null;
  /** The other end's device, in the switch. */
  readonly port: string;
}

export class Lan {
  readonly #bridge: string;
  #hosts = 1;

  private constructor(
    readonly router: Host,
    /** First three numbers of its addresses, a /24; the router has number 1. */
    readonly prefix: string,
    /** First half of its IPv6 addresses, a /64, of which the router has number 1; null without any. */
    readonly prefix6: string | null,
  ) {
    this.#bridge = router.nextDevice('bridge');
  }

  /** @param prefix such as `192.168.1`. @param prefix6 such as `2001:db8:0:1`. */
  static async open(router: Host, prefix: string, prefix6: string | null = null): Promise<Lan> {
    const lan = new Lan(router, prefix, prefix6);
    await router.ip('link', 'add', lan.#bridge, 'address', GATEWAY_MAC, 'type', 'bridge');
    await router.ip('address', 'add', `${lan.gateway}/24`, 'dev', lan.#bridge);
    if (prefix6 !== null) await addIpv6(router, lan.#bridge, prefix6, 1);
    await router.ip('link', 'set', lan.#bridge, 'up');
    return lan;
  }

  /** The router's device here. */
  get device(): string {
    return this.#bridge;
  }

  /** The router's own address. */
  get gateway(): string {
    return `${this.prefix}.1`;
  }

  /** Such as `192.168.1.0/24`. */
  get subnet(): string {
    return `${this.prefix}.0/24`;
  }

  /** Gives a host the next free address here, and a default route over the router. */
  async plug(host: Host): Promise<Plug> {
    this.#hosts += 1;
    const port = this.router.nextDevice('lan');
    const end: Plug = {
      host,
      device: host.nextDevice('lan'),
      address: `${this.prefix}.${this.#hosts}`,
      address6: this.prefix6 === null ? null : `${this.prefix6}::${this.#hosts}`,
      port,
    };
    const peer = ['peer', 'name', end.device, 'netns', host.netns];
    await this.router.ip('link', 'add', port, 'type', 'veth', ...peer);
    await this.router.ip('link', 'set', port, 'master', this.#bridge, 'up');
    await host.ip('address', 'add', `${end.address}/24`, 'dev', end.device);
    if (this.prefix6 !== null) await addIpv6(host, end.device, this.prefix6, this.#hosts);
    await host.ip('link', 'set', end.device, 'up');
    await this.route(end);
    return end;
  }

  /** Leads a plugged host to the router by default; what it had is gone after its device was down. */
  async route({ host }: Plug): Promise<void> {
    await host.ip('route', 'replace', 'default', 'via', this.gateway);
    if (this.prefix6 !== null) await host.ip('-6', 'route', 'replace', 'default', 'via', `${this.prefix6}::1`);
  }

  /** Lets none of these speak with another of them but over the router, as a guest network does. */
  async isolate(...guests: readonly Plug[]): Promise<void> {
    for (const { port } of guests) {
      await this.router.exec('bridge', ['link', 'set', 'dev', port, 'isolated', 'on']);
    }
  }
}

/** Also a link-local address, from which a router asks for its neighbors. Known to be free, so not asked for first. */
async function addIpv6(host: Host, device: string, prefix: string, number: number): Promise<void> {
  for (const half of [prefix, 'fe80']) {
    await host.ip('address', 'add', `${half}::${number}/64`, 'dev', device, 'nodad');
  }
}

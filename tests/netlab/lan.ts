/** A switch: a bridge in a router, and the hosts that are plugged into it. Fast, and without loss. */
import type { Host } from './host.ts';
import type { LinkEnd } from './link.ts';

/** Given, because a bridge otherwise takes a new one when hosts are plugged in, and those there send to the old one. */
const GATEWAY_MAC = '02:00:00:00:00:01';

export class Lan {
  readonly #bridge: string;
  #hosts = 1;

  private constructor(
    readonly router: Host,
    /** First three numbers of its addresses, a /24; the router has number 1. */
    readonly prefix: string,
  ) {
    this.#bridge = router.nextDevice('bridge');
  }

  /** @param prefix such as `192.168.1`. */
  static async open(router: Host, prefix: string): Promise<Lan> {
    const lan = new Lan(router, prefix);
    await router.ip('link', 'add', lan.#bridge, 'address', GATEWAY_MAC, 'type', 'bridge');
    await router.ip('address', 'add', `${lan.gateway}/24`, 'dev', lan.#bridge);
    await router.ip('link', 'set', lan.#bridge, 'up');
    return lan;
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
  async plug(host: Host): Promise<LinkEnd> {
    this.#hosts += 1;
    const end: LinkEnd = { host, device: host.nextDevice('lan'), address: `${this.prefix}.${this.#hosts}` };
    const port = this.router.nextDevice('lan');
    const peer = ['peer', 'name', end.device, 'netns', host.netns];
    await this.router.ip('link', 'add', port, 'type', 'veth', ...peer);
    await this.router.ip('link', 'set', port, 'master', this.#bridge, 'up');
    await host.ip('address', 'add', `${end.address}/24`, 'dev', end.device);
    await host.ip('link', 'set', end.device, 'up');
    await host.ip('route', 'add', 'default', 'via', this.gateway);
    return end;
  }
}

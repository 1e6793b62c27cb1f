/** Hosts and the links between them, none of which the machine itself can reach or notice; all gone after `close`. */
import process from 'node:process';
import { Host } from './host.ts';
import { Lan } from './lan.ts';
import { Link, type LinkEnd, type Shape } from './link.ts';
import { ownPrefix, removeNamespace, sweep } from './namespaces.ts';

let labs = 0;

export class Lab {
  readonly #prefix = `${ownPrefix()}${++labs}-`;
  readonly #hosts: Host[] = [];
  readonly #links: Link[] = [];

  private constructor() {
    process.once('exit', this.#abandon);
  }

  /** Also removes what labs of killed processes left. */
  static open(): Lab {
    sweep();
    return new Lab();
  }

  /** A machine without any network yet. @param name letters and digits, unique in the lab. */
  host(name: string): Promise<Host> {
    return this.#add(name, false);
  }

  /** A machine that forwards packets of others. */
  router(name: string): Promise<Host> {
    return this.#add(name, true);
  }

  /** A switch in a router. @param prefix such as `192.168.1`. @param prefix6 such as `2001:db8:0:1`. */
  lan(router: Host, prefix: string, prefix6: string | null = null): Promise<Lan> {
    return Lan.open(router, prefix, prefix6);
  }

  /**
   * A shaped link, for which `a` gets a default route to `b`: `b` is nearer to the core of the network.
   * Its addresses are 198.18.n.1 and .2, of the network for benchmarks (RFC 2544).
   */
  async link(a: Host, b: Host, shape: Shape): Promise<Link> {
    const prefix = `198.18.${this.#links.length}`;
    const end = (host: Host, number: number): LinkEnd => ({
      host,
      device: host.nextDevice('link'),
      address: `${prefix}.${number}`,
    });
    const link = await Link.open(end(a, 1), end(b, 2), shape);
    this.#links.push(link);
    await a.ip('route', 'add', 'default', 'via', link.b.address);
    return link;
  }

  /** Ends what runs in its hosts, and removes them. */
  async close(): Promise<void> {
    process.off('exit', this.#abandon);
    await Promise.all(this.#links.map((link) => link.close()));
    await Promise.all(this.#hosts.map((host) => host.close()));
  }

  async #add(name: string, isRouter: boolean): Promise<Host> {
    const host = await Host.make(name, `${this.#prefix}${name}`, isRouter);
    this.#hosts.push(host);
    return host;
  }

  /** When the process ends before `close`: only what can be done at once. */
  readonly #abandon = (): void => {
    for (const { netns } of this.#hosts) removeNamespace(netns);
  };
}

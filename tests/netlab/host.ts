/** One machine of the lab: a network namespace. */
import { execFile, spawn, type ChildProcess, type SpawnOptions } from 'node:child_process';
import { once } from 'node:events';
import { promisify } from 'node:util';
import { addNamespace, pathOf, removeNamespace } from './namespaces.ts';

const run = promisify(execFile);

/**
 * Set before any device is there. A device gets no IPv6 address by itself, so that what a browser gathers is what the lab
 * gave it; packets are not refused for coming back on another device than they would leave by.
 */
const SETTINGS = ['echo 1 >ipv6/conf/default/addr_gen_mode', 'echo 0 >ipv4/conf/all/rp_filter'];
/** A kernel with br_netfilter would show a switch's frames to a router's rules, as if they were packets it forwards. */
const ROUTER_SETTINGS = [
  'echo 1 >ipv4/ip_forward',
  'echo 1 >ipv6/conf/all/forwarding',
  'for hook in bridge/bridge-nf-call-ip*tables; do if [ -e $hook ]; then echo 0 >$hook; fi; done',
];

export class Host {
  readonly #children = new Set<ChildProcess>();
  #devices = 0;

  private constructor(
    readonly name: string,
    /** Name of its namespace, as `ip netns` has it. */
    readonly netns: string,
  ) {}

  /** @param isRouter whether it forwards packets of others. */
  static async make(name: string, netns: string, isRouter: boolean): Promise<Host> {
    await addNamespace(netns);
    const host = new Host(name, netns);
    const commands = ['cd /proc/sys/net', ...SETTINGS, ...(isRouter ? ROUTER_SETTINGS : [])];
    await host.exec('sh', ['-ec', commands.join('\n')]);
    await host.ip('link', 'set', 'lo', 'up');
    return host;
  }

  /** Such as `/run/netns/x`. */
  get path(): string {
    return pathOf(this.netns);
  }

  /** A name for its next network device; the kernel allows 15 characters. */
  nextDevice(kind: 'lan' | 'link' | 'bridge'): string {
    return `${kind}${this.#devices++}`;
  }

  /** Runs `ip` here. */
  async ip(...args: string[]): Promise<string> {
    return (await run('ip', ['-netns', this.netns, ...args])).stdout;
  }

  /**
   * Runs a program here to its end.
   * @returns what it printed.
   * @throws Error with what it printed on standard error, when it fails.
   */
  async exec(program: string, args: readonly string[] = []): Promise<string> {
    return (await run('ip', ['netns', 'exec', this.netns, program, ...args])).stdout;
  }

  /** Starts a program here; it ends with the lab at the latest. */
  spawn(program: string, args: readonly string[] = [], options: SpawnOptions = {}): ChildProcess {
    const child = spawn('ip', ['netns', 'exec', this.netns, program, ...args], options);
    this.#children.add(child);
    child.once('exit', () => this.#children.delete(child));
    return child;
  }

  /** Ends what runs here, and removes the host. */
  async close(): Promise<void> {
    const ended = [...this.#children].map((child) => once(child, 'exit'));
    removeNamespace(this.netns);
    await Promise.all(ended);
  }
}

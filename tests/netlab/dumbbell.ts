/**
 * The usual lab: people on both sides of one shaped link, and Beeline's server on the right router.
 *
 *     left people - switch - left router === link === right router - switch - right people
 *                                                       server
 */
import type { Device } from '../e2e/browser.ts';
import { launchOn } from './browser.ts';
import type { Host } from './host.ts';
import { Lab } from './lab.ts';
import type { Lan } from './lan.ts';
import type { Link, Shape } from './link.ts';
import { startServerOn } from './server.ts';

const PORT = 8080;

export type Side = 'left' | 'right';

export class Dumbbell {
  #people = 0;

  private constructor(
    readonly lab: Lab,
    /** Its `ab` is from left to right. */
    readonly link: Link,
    readonly lans: Readonly<Record<Side, Lan>>,
  ) {}

  static async open(shape: Shape): Promise<Dumbbell> {
    const lab = Lab.open();
    try {
      const [left, right] = [await lab.router('left'), await lab.router('right')];
      const lans = { left: await lab.lan(left, '198.51.100'), right: await lab.lan(right, '203.0.113') };
      const link = await lab.link(left, right, shape);
      await right.ip('route', 'add', lans.left.subnet, 'via', link.a.address);
      return new Dumbbell(lab, link, lans);
    } catch (error) {
      await lab.close();
      throw error;
    }
  }

  /** Where the server is once it runs, without a slash at the end. */
  get baseUrl(): string {
    return `http://${this.lans.right.gateway}:${PORT}`;
  }

  /** Starts the built server, which ends with the lab. */
  async startServer(): Promise<void> {
    await startServerOn(this.lans.right.router, this.lans.right.gateway, PORT);
  }

  /** A new host on one side. */
  async host(side: Side): Promise<Host> {
    const host = await this.lab.host(`person${++this.#people}`);
    await this.lans[side].plug(host);
    return host;
  }

  /** The browser of a new person; whoever asks for it closes it. */
  async device(side: Side): Promise<Device> {
    return launchOn(await this.host(side), [this.baseUrl]);
  }

  async close(): Promise<void> {
    await this.lab.close();
  }
}

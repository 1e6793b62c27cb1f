/**
 * A shaped link between two hosts; link.c moves its packets. The kernel's netem is not used where there is one: many
 * kernels lack it, and figures of two machines compare only over the same link.
 */
import { spawn, type ChildProcessByStdio } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import type { Readable, Writable } from 'node:stream';
import { compileLink } from './compile.ts';
import type { Host } from './host.ts';

/** How a link treats packets, in each direction by itself. */
export interface Shape {
  /** 10^6 bits of IP packets per second; 0 is no limit. */
  readonly rateMbit: number;
  /** Milliseconds there and back over an empty queue; half of it each way. */
  readonly rttMs: number;
  /** Milliseconds by which a packet's delay is more or less at most; packets stay in order. */
  readonly jitterMs: number;
  /** Fraction of packets lost by chance, from 0 to less than 1. */
  readonly loss: number;
  /** Mean length of a run of lost packets; up to 1 each is lost by itself. */
  readonly burst: number;
  /** Bytes that wait for the rate; what comes to a full queue is dropped. */
  readonly queueBytes: number;
}

export const PERFECT: Shape = { rateMbit: 0, rttMs: 0, jitterMs: 0, loss: 0, burst: 1, queueBytes: 1 << 20 };

/** `ab` is what the first host sends. */
export type Direction = 'ab' | 'ba';

/** What became of the packets of one direction. */
export interface Traffic {
  /** Delivered; bytes are of IP packets. */
  readonly packets: number;
  readonly bytes: number;
  /** By chance, on the wire. */
  readonly lost: number;
  /** By a full queue, or because the link was down. */
  readonly dropped: number;
}

const BOTH: readonly Direction[] = ['ab', 'ba'];
/** Packets the kernel keeps while the link's process waits for a processor: 0.5 s at 100 Mbit/s. */
const DEVICE_QUEUE = 4096;

type Forwarder = ChildProcessByStdio<Writable, Readable, null>;

export class Link {
  readonly #answers: ((line: string) => void)[] = [];

  private constructor(
    readonly a: LinkEnd,
    readonly b: LinkEnd,
    readonly forwarder: Forwarder,
  ) {
    createInterface({ input: forwarder.stdout }).on('line', (line) => this.#answers.shift()?.(line));
  }

  /** @throws Error when its process ends instead of being ready. */
  static async open(a: LinkEnd, b: LinkEnd, shape: Shape): Promise<Link> {
    const args = [a.host.path, a.device, b.host.path, b.device];
    const link = new Link(a, b, spawn(await compileLink(), args, { stdio: ['pipe', 'pipe', 'inherit'] }));
    await link.#answer();
    await Promise.all([setUp(a), setUp(b)]);
    await link.shape(shape);
    return link;
  }

  /** Changes what is named; from now on, for packets that come after it. */
  async shape(change: Partial<Shape>, directions: readonly Direction[] = BOTH): Promise<void> {
    const words = [
      ...word('rate', change.rateMbit, 1e6),
      ...word('delay', change.rttMs, 0.5e-3),
      ...word('jitter', change.jitterMs, 1e-3),
      ...word('loss', change.loss),
      ...word('burst', change.burst),
      ...word('queue', change.queueBytes),
    ];
    for (const direction of directions) await this.#command([direction, ...words].join(' '));
  }

  /** Cuts it: what is under way is lost, and so is what comes. */
  async down(directions: readonly Direction[] = BOTH): Promise<void> {
    for (const direction of directions) await this.#command(`${direction} up=0`);
  }

  async up(directions: readonly Direction[] = BOTH): Promise<void> {
    for (const direction of directions) await this.#command(`${direction} up=1`);
  }

  /** Since it was opened. */
  async traffic(): Promise<Readonly<Record<Direction, Traffic>>> {
    return JSON.parse(await this.#command('stats')) as Record<Direction, Traffic>;
  }

  /** Ends its process, whose devices go with it. */
  async close(): Promise<void> {
    if (this.forwarder.exitCode !== null || this.forwarder.signalCode !== null) return;
    const ended = once(this.forwarder, 'exit');
    this.forwarder.stdin.end();
    await ended;
  }

  #command(line: string): Promise<string> {
    const answer = this.#answer();
    this.forwarder.stdin.write(`${line}\n`);
    return answer;
  }

  /** The next line of its process that nobody else waits for. */
  #answer(): Promise<string> {
    return new Promise((resolve, reject) => {
      const failed = () => reject(new Error('The process of a link ended.'));
      this.forwarder.once('exit', failed);
      this.#answers.push((line) => {
        this.forwarder.off('exit', failed);
        resolve(line);
      });
    });
  }
}

/** One end of a link or a cable. */
export interface LinkEnd {
  readonly host: Host;
  /** Name of the network device. */
  readonly device: string;
  /** IPv4, without a prefix length. */
  readonly address: string;
}

async function setUp({ host, device, address }: LinkEnd): Promise<void> {
  await host.ip('address', 'add', `${address}/30`, 'dev', device);
  await host.ip('link', 'set', device, 'txqueuelen', String(DEVICE_QUEUE), 'up');
}

function word(key: string, value: number | undefined, unit = 1): string[] {
  return value === undefined ? [] : [`${key}=${value * unit}`];
}

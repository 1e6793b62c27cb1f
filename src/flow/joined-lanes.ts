import { BeelineError } from '../core/errors.ts';
import { MAX_LANES } from '../core/limits.ts';
import type { ControlMessage } from '../core/messages.ts';
import type { PathInfo } from '../core/ports.ts';
import type { IceAnswer } from '../core/signaling.ts';
import { Arrivals } from './arrivals.ts';
import { furtherIce } from './further-ice.ts';
import { LaneMaking } from './lane-making.ts';
import type { World } from './world.ts';

export interface JoinedLanesOptions {
  readonly world: Pick<World, 'clock' | 'lanes'>;
  readonly ice: () => Promise<IceAnswer>;
  /** How the first lane's bytes travel. */
  readonly path: () => PathInfo | null;
  readonly say: (message: ControlMessage) => void;
  /** A bulk message, of which the arrivals are to be told. */
  readonly take: (message: unknown, arrivals: Arrivals) => void;
  /** Another number of them is open. */
  readonly onchange: () => void;
}

interface JoinedLane {
  readonly making: LaneMaking;
  /** Null until it is open. */
  arrivals: Arrivals | null;
}

/** The receiver's end of all lanes but the first: it joins what the sender makes, and counts. Rules [A1] to [A5]. */
export class JoinedLanes {
  readonly #lanes = new Map<number, JoinedLane>();
  readonly #ice: () => Promise<IceAnswer>;
  /** Numbers that were offered, in whatever order the sender's browser had the offers made. */
  readonly #offered = new Set<number>();

  constructor(private readonly options: JoinedLanesOptions) {
    this.#ice = furtherIce(options.world.clock, options.ice, options.path);
  }

  /** Lanes that are open, the first among them. */
  get open(): number {
    return 1 + [...this.#lanes.values()].filter(({ arrivals }) => arrivals !== null).length;
  }

  /** @throws BeelineError `protocol` */
  receive(message: Extract<ControlMessage, { t: 'lane' | 'lane-end' }>): void {
    if (message.t === 'lane-end') this.#end(message.lane);
    else if (message.signal.kind === 'offer') {
      this.#join(message.lane);
      this.#lanes.get(message.lane)?.making.signal(message.signal);
    } else if (!this.#offered.has(message.lane))
      throw new BeelineError('protocol', `lane ${message.lane} has no offer`);
    else this.#lanes.get(message.lane)?.making.signal(message.signal);
  }

  /** The first lane is gone, or the transfer is over. */
  close(): void {
    for (const { making } of this.#lanes.values()) making.close();
    this.#lanes.clear();
  }

  #join(id: number): void {
    if (this.#offered.has(id)) throw new BeelineError('protocol', `lane ${id} offered again`);
    if (this.#lanes.size >= MAX_LANES - 1) throw new BeelineError('protocol', 'too many lanes');
    this.#offered.add(id);
    const { world, say, take, onchange } = this.options;
    const making = new LaneMaking(world, id, false, this.#ice, say, {
      onopen: ({ bulk }) => {
        const arrivals = new Arrivals(bulk);
        joined.arrivals = arrivals;
        bulk.onmessage = (message) => {
          if (this.#lanes.has(id)) take(message, arrivals);
        };
        onchange();
      },
      onend: () => this.#end(id),
    });
    const joined: JoinedLane = { making, arrivals: null };
    this.#lanes.set(id, joined);
  }

  /** Nothing more is read from it. */
  #end(id: number): void {
    const joined = this.#lanes.get(id);
    if (joined === undefined) return;
    this.#lanes.delete(id);
    joined.making.close();
    this.options.say({ t: 'lane-ended', lane: id, received: joined.arrivals?.bytes ?? 0 });
    this.options.onchange();
  }
}

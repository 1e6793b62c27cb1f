import { LaneCount } from '../core/lane-count.ts';
import { MAX_LANE_NUMBER, MAX_LANES } from '../core/limits.ts';
import type { ControlMessage } from '../core/messages.ts';
import type { BulkChannel, PathInfo } from '../core/ports.ts';
import type { IceAnswer } from '../core/signaling.ts';
import { furtherIce } from './further-ice.ts';
import { LaneMaking } from './lane-making.ts';
import type { PieceSender } from './send.ts';
import type { World } from './world.ts';

/** Milliseconds between two looks at what the lanes deliver. */
const TICK_MS = 250;
/**
 * Milliseconds for which a transfer holds back until its first lanes are all open, except between neighbours: the others
 * would fill the queue by then, and their losses keep the rest from opening.
 */
const HOLD_MS = 2_000;

/** What the transfer looks like now. */
export interface Pace {
  readonly verifiedBytes: number;
  readonly leftBytes: number;
  readonly path: PathInfo | null;
}

export interface FurtherLanesOptions {
  readonly world: Pick<World, 'clock' | 'lanes'>;
  readonly ice: () => Promise<IceAnswer>;
  readonly say: (message: ControlMessage) => void;
  /** What came over a lane's bulk channel. */
  readonly hear: (lane: number, message: unknown) => void;
  readonly pace: () => Pace;
  /** Some may be made before anything is wanted, between neighbours. Rule [A6]. */
  readonly mayPrepare: () => boolean;
  /** Another number of them is open. */
  readonly onchange: () => void;
}

interface FurtherLane {
  readonly making: LaneMaking;
  /** Null until it is open. */
  bulk: BulkChannel | null;
  /** `ending`: the receiver was told, and has not answered yet. */
  use: 'used' | 'retired' | 'ending';
}

/**
 * The sender's end of all lanes to one receiver but the first: as many as pay, made over the control channel of the first,
 * so that no server is needed and nobody else can read or alter what they say. Between neighbours they are there when the
 * receiver's person has read the list. Rules [A1] to [A6].
 */
export class FurtherLanes {
  #count = new LaneCount();
  readonly #lanes = new Map<number, FurtherLane>();
  readonly #ice: () => Promise<IceAnswer>;
  /** What they carry; null while nothing is wanted. */
  #sender: PieceSender | null = null;
  /** When they began to. */
  #sinceMs = 0;
  #last = 0;
  #wanted = 1;
  #cancelTick: () => void = () => undefined;

  constructor(private readonly options: FurtherLanesOptions) {
    this.#ice = furtherIce(options.world.clock, options.ice, () => options.pace().path);
    this.#waitForTick();
  }

  /** From now on they carry what this sends: what there is to send, and the path, may not be what they were made for. */
  carry(sender: PieceSender): void {
    this.#sender = sender;
    this.#count = new LaneCount();
    this.#sinceMs = this.options.world.clock.now();
    for (const [id, { bulk }] of this.#used) if (bulk !== null) sender.addLane(id, bulk);
    this.#tick();
  }

  /** Lanes that are open, the first among them. */
  get open(): number {
    return 1 + this.#used.filter(([, { bulk }]) => bulk !== null).length;
  }

  /** @throws BeelineError `protocol` */
  receive(message: Extract<ControlMessage, { t: 'lane' | 'lane-ended' }>): void {
    const further = this.#lanes.get(message.lane);
    if (message.t === 'lane') {
      further?.making.signal(message.signal);
      return;
    }
    if (further === undefined) return;
    if (further.bulk === null && further.use === 'used') this.#count.laneFailed();
    this.#lanes.delete(message.lane);
    further.making.close();
    this.#sender?.removeLane(message.lane, message.received);
    this.options.onchange();
  }

  /** The first lane is gone, or the transfer is over. */
  close(): void {
    this.#cancelTick();
    for (const { making } of this.#lanes.values()) making.close();
    this.#lanes.clear();
  }

  get #used(): [number, FurtherLane][] {
    return [...this.#lanes].filter(([, { use }]) => use === 'used');
  }

  #waitForTick(): void {
    this.#cancelTick = this.options.world.clock.after(TICK_MS, () => {
      this.#waitForTick();
      this.#tick();
    });
  }

  #tick(): void {
    const { world, pace, mayPrepare } = this.options;
    const sender = this.#sender;
    const { verifiedBytes, leftBytes, path } = pace();
    if (sender === null && (path?.kind !== 'lan' || !mayPrepare())) return;
    this.#wanted = this.#count.sample({
      nowMs: world.clock.now(),
      verifiedBytes,
      leftBytes,
      lanes: this.open,
      kind: path?.kind ?? null,
      rttMs: path?.rttMs ?? null,
      limited: sender?.isLimited ?? true,
    });
    this.#adjust(this.#wanted - 1);
    this.#hold();
    sender?.setPath(path?.kind === 'lan', this.#count.minRttMs);
    sender?.sendLate();
    for (const [id, { use }] of this.#lanes) if (use === 'retired' && sender?.isDrained(id) !== false) this.#end(id);
  }

  #hold(): void {
    const { world, pace } = this.options;
    const isOpening = this.open < this.#wanted && world.clock.now() - this.#sinceMs < HOLD_MS;
    this.#sender?.setHeld(isOpening && pace().path?.kind !== 'lan');
  }

  #adjust(wanted: number): void {
    const used = this.#used;
    for (let count = used.length; count < wanted && this.#hasRoom; count++) this.#make();
    for (const [id, further] of used.slice(wanted)) {
      further.use = 'retired';
      this.#sender?.retireLane(id);
      this.options.onchange();
    }
  }

  /** The receiver counts retired ones as well, until it is told that they end. */
  get #hasRoom(): boolean {
    const known = [...this.#lanes.values()].filter(({ use }) => use !== 'ending');
    return known.length < MAX_LANES - 1 && this.#last < MAX_LANE_NUMBER;
  }

  #make(): void {
    const { world, say, hear, onchange } = this.options;
    const id = ++this.#last;
    const making = new LaneMaking(world, id, true, this.#ice, say, {
      onopen: ({ bulk }) => {
        further.bulk = bulk;
        bulk.onmessage = (message) => hear(id, message);
        this.#sender?.addLane(id, bulk);
        if (further.use === 'retired') this.#sender?.retireLane(id);
        this.#hold();
        onchange();
      },
      onend: () => {
        if (further.bulk === null) this.#count.laneFailed();
        this.#end(id);
      },
    });
    const further: FurtherLane = { making, bulk: null, use: 'used' };
    this.#lanes.set(id, further);
  }

  /** Nothing more is sent over it; the receiver answers what has arrived. */
  #end(id: number): void {
    const further = this.#lanes.get(id);
    if (further === undefined || further.use === 'ending') return;
    further.use = 'ending';
    this.#sender?.retireLane(id);
    this.options.say({ t: 'lane-end', lane: id });
  }
}

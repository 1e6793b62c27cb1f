import { LaneCount } from '../core/lane-count.ts';
import { MAX_LANE_NUMBER, MAX_LANES } from '../core/limits.ts';
import type { ControlMessage } from '../core/messages.ts';
import type { PathInfo } from '../core/ports.ts';
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
  readonly sender: PieceSender;
  readonly ice: () => Promise<IceAnswer>;
  readonly say: (message: ControlMessage) => void;
  /** What came over a lane's bulk channel. */
  readonly hear: (lane: number, message: unknown) => void;
  readonly pace: () => Pace;
  /** Another number of them is open. */
  readonly onchange: () => void;
}

interface FurtherLane {
  readonly making: LaneMaking;
  isOpen: boolean;
  /** `ending`: the receiver was told, and has not answered yet. */
  use: 'used' | 'retired' | 'ending';
}

/**
 * The sender's end of all lanes to one receiver but the first: as many as pay, made over the control channel of the first,
 * so that no server is needed and nobody else can read or alter what they say. Rules [A1] to [A5].
 */
export class FurtherLanes {
  readonly #count = new LaneCount();
  readonly #lanes = new Map<number, FurtherLane>();
  readonly #ice: () => Promise<IceAnswer>;
  readonly #sinceMs: number;
  #last = 0;
  #wanted = 1;
  #cancelTick: () => void = () => undefined;

  constructor(private readonly options: FurtherLanesOptions) {
    this.#ice = furtherIce(options.world.clock, options.ice, () => options.pace().path);
    this.#sinceMs = options.world.clock.now();
    this.#waitForTick();
    this.#tick();
  }

  /** Lanes that are open, the first among them. */
  get open(): number {
    return 1 + this.#used.filter(([, { isOpen }]) => isOpen).length;
  }

  /** @throws BeelineError `protocol` */
  receive(message: Extract<ControlMessage, { t: 'lane' | 'lane-ended' }>): void {
    const further = this.#lanes.get(message.lane);
    if (message.t === 'lane') {
      further?.making.signal(message.signal);
      return;
    }
    if (further === undefined) return;
    if (!further.isOpen && further.use === 'used') this.#count.laneFailed();
    this.#lanes.delete(message.lane);
    further.making.close();
    this.options.sender.removeLane(message.lane, message.received);
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
    const { world, sender, pace } = this.options;
    const { verifiedBytes, leftBytes, path } = pace();
    this.#wanted = this.#count.sample({
      nowMs: world.clock.now(),
      verifiedBytes,
      leftBytes,
      lanes: this.open,
      kind: path?.kind ?? null,
      rttMs: path?.rttMs ?? null,
      limited: sender.isLimited,
    });
    this.#adjust(this.#wanted - 1);
    this.#hold();
    sender.setPath(path?.kind === 'lan', this.#count.minRttMs);
    sender.sendLate();
    for (const [id, { use }] of this.#lanes) if (use === 'retired' && sender.isDrained(id)) this.#end(id);
  }

  #hold(): void {
    const { world, sender, pace } = this.options;
    const isOpening = this.open < this.#wanted && world.clock.now() - this.#sinceMs < HOLD_MS;
    sender.setHeld(isOpening && pace().path?.kind !== 'lan');
  }

  #adjust(wanted: number): void {
    const used = this.#used;
    for (let count = used.length; count < wanted && this.#hasRoom; count++) this.#make();
    for (const [id, further] of used.slice(wanted)) {
      further.use = 'retired';
      this.options.sender.retireLane(id);
      this.options.onchange();
    }
  }

  /** The receiver counts retired ones as well, until it is told that they end. */
  get #hasRoom(): boolean {
    const known = [...this.#lanes.values()].filter(({ use }) => use !== 'ending');
    return known.length < MAX_LANES - 1 && this.#last < MAX_LANE_NUMBER;
  }

  #make(): void {
    const { world, say, hear, sender, onchange } = this.options;
    const id = ++this.#last;
    const making = new LaneMaking(world, id, true, this.#ice, say, {
      onopen: ({ bulk }) => {
        further.isOpen = true;
        bulk.onmessage = (message) => hear(id, message);
        sender.addLane(id, bulk);
        if (further.use === 'retired') sender.retireLane(id);
        this.#hold();
        onchange();
      },
      onend: () => {
        if (!further.isOpen) this.#count.laneFailed();
        this.#end(id);
      },
    });
    const further: FurtherLane = { making, isOpen: false, use: 'used' };
    this.#lanes.set(id, further);
  }

  /** Nothing more is sent over it; the receiver answers what has arrived. */
  #end(id: number): void {
    const further = this.#lanes.get(id);
    if (further === undefined || further.use === 'ending') return;
    further.use = 'ending';
    this.options.sender.retireLane(id);
    this.options.say({ t: 'lane-end', lane: id });
  }
}

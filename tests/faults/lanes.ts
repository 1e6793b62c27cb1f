import { BeelineError } from '../../src/core/errors.ts';
import { CHUNK_HEADER_BYTES } from '../../src/core/limits.ts';
import type { Lane, PathInfo } from '../../src/core/ports.ts';
import { FakeChannel } from '../doubles/lanes.ts';
import type { MessageTrouble, Way } from './schedule.ts';
import type { Page, Timeline } from './timeline.ts';

/** Milliseconds until ICE gives up a peer that it no longer hears. */
const ICE_MS = 15_000;

/** Milliseconds until SCTP gives up a message that does not get through, and with it the association. */
const GIVE_UP_MS = 3_000;

/** What carries messages between two pages, and how. */
export interface Cable {
  readonly timeline: Timeline;
  readonly latencyMs: number;
  /** What the pages think of it; their number of lanes depends on that. */
  readonly kind: 'lan' | 'direct';
  readonly bytesPerMs: number;
  /** The fault that hits the next message of this way, if one waits. */
  readonly takeTrouble: (way: Way) => MessageTrouble | null;
  /** File data reached a receiver. @param bytes of payload. */
  readonly oncarried: (bytes: number) => void;
}

/** Two lanes joined to each other. */
export class Link {
  carries = true;
  /** The receiver's end is first. */
  readonly ends: readonly [SimLane, SimLane];

  constructor(
    readonly cable: Cable,
    receiver: Page,
    sender: Page,
  ) {
    this.ends = [new SimLane(this, receiver, 'control-to-sender'), new SimLane(this, sender, 'control-to-receiver')];
    this.ends[0].join(this.ends[1]);
    this.ends[1].join(this.ends[0]);
  }

  get isOver(): boolean {
    return this.ends.every((end) => end.isClosed);
  }

  /** Nothing gets through any more. ICE finds out by itself, unless it gets its answers from a peer that hangs. */
  fallSilent(isAlive = false): void {
    this.carries = false;
    if (!isAlive) this.cable.timeline.after(ICE_MS, () => this.break());
  }

  /** A page stands still. Whoever is not heard for long is given up. */
  stall(page: Page): void {
    this.cable.timeline.after(ICE_MS, () => {
      if (!page.isAlive) this.break();
    });
  }

  /** Both ends hear that it is over. */
  break(): void {
    this.carries = false;
    for (const end of this.ends) end.hearEnd();
  }
}

class SimLane implements Lane {
  onclose: ((reason: Error) => void) | null = null;
  isClosed = false;
  readonly control: SimChannel<string>;
  readonly bulk: SimChannel<Uint8Array<ArrayBuffer>>;
  #other: SimLane | null = null;

  constructor(
    readonly link: Link,
    readonly page: Page,
    control: Way,
  ) {
    this.control = new SimChannel(this, control);
    this.bulk = new SimChannel(this, 'bulk');
  }

  join(other: SimLane): void {
    this.#other = other;
    this.control.peer = other.control;
    this.bulk.peer = other.bulk;
  }

  path(): Promise<PathInfo | null> {
    const { kind, latencyMs } = this.link.cable;
    return Promise.resolve(this.isClosed ? null : { kind, relayProtocol: null, rttMs: 2 * latencyMs });
  }

  close(): void {
    const { link } = this;
    const { timeline, latencyMs } = link.cable;
    this.hearEnd();
    timeline.after(link.carries ? latencyMs : ICE_MS, () => this.#other?.hearEnd());
  }

  hearEnd(): void {
    if (this.isClosed) return;
    this.isClosed = true;
    this.link.cable.timeline.after(0, () => {
      this.page.task(() => this.onclose?.(new BeelineError('connection-lost', 'lane is closed')));
    });
  }
}

type Message = string | ArrayBuffer;

/** One direction of one channel: in order, at the cable's speed, and never before somebody reads. */
class SimChannel<Sent extends string | Uint8Array<ArrayBuffer>> extends FakeChannel<Sent> {
  /** When the last message handed over has left. */
  #leftAt = 0;
  /** When the last message that left has arrived. */
  #arrivedAt = 0;
  #isStuck = false;

  constructor(
    private readonly lane: SimLane,
    private readonly way: Way,
  ) {
    super();
  }

  override get isOpen(): boolean {
    return !this.lane.isClosed;
  }

  override send(message: Sent): void {
    if (this.lane.isClosed) throw new BeelineError('connection-lost', 'lane is closed');
    const { timeline, bytesPerMs } = this.lane.link.cable;
    this.bufferedAmount += message.length;
    this.#leftAt = Math.max(timeline.now, this.#leftAt) + message.length / bytesPerMs;
    const copy = typeof message === 'string' ? message : message.slice().buffer;
    timeline.at(this.#leftAt, () => this.#left(copy, message.length));
  }

  override arrive(message: Message): void {
    const { link, page, isClosed } = this.lane;
    if (isClosed) return;
    if (typeof message !== 'string') link.cable.oncarried(Math.max(0, message.byteLength - CHUNK_HEADER_BYTES));
    page.task(() => {
      if (!this.lane.isClosed) super.arrive(message);
    });
  }

  #left(message: Message, bytes: number): void {
    const before = this.bufferedAmount;
    this.bufferedAmount -= bytes;
    if (before > this.lowWatermark && this.bufferedAmount <= this.lowWatermark)
      this.lane.page.task(() => this.ondrain?.());
    if (this.lane.isClosed || this.#isStuck) return;
    const trouble = this.lane.link.cable.takeTrouble(this.way);
    switch (trouble?.kind) {
      case undefined:
        this.#carry(message);
        return;
      case 'drop':
        this.#stick();
        return;
      case 'duplicate':
        this.#carry(message);
        this.#carry(message);
        return;
      case 'delay':
        this.#carry(message, trouble.ms);
        return;
      case 'corrupt':
        this.#carry(corrupted(message));
        return;
      case 'truncate':
        this.#carry(message.slice(0, bytes - 1));
    }
  }

  #carry(message: Message, delayMs = 0): void {
    const { link } = this.lane;
    const { timeline, latencyMs } = link.cable;
    this.#arrivedAt = Math.max(this.#arrivedAt, timeline.now + latencyMs + delayMs);
    timeline.at(this.#arrivedAt, () => {
      if (link.carries) this.peer?.arrive(message);
    });
  }

  /**
   * A reliable channel never loses one message and goes on: what cannot be delivered blocks all that follows, until SCTP
   * gives the association up. A peer that swallowed a single message would be waited for without end, for it answers
   * pings all the while.
   */
  #stick(): void {
    this.#isStuck = true;
    this.lane.link.cable.timeline.after(GIVE_UP_MS, () => this.lane.link.break());
  }
}

/** Turns one bit of the first payload; a text, which no fault corrupts, stays as it is. */
function corrupted(message: Message): Message {
  if (typeof message === 'string') return message;
  const bytes = new Uint8Array(message.slice(0));
  bytes[CHUNK_HEADER_BYTES] = (bytes[CHUNK_HEADER_BYTES] ?? 0) ^ 1;
  return bytes.buffer;
}

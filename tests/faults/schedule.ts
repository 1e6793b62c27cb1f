/**
 * Fault schedules: what is shared, what of it is accepted, and what goes wrong at which byte. Pure data, the same for the
 * same seed, for every runner: `engine.ts` runs them in one process in a time of its own.
 */
import { KIB, MIB } from '../../src/core/bytes.ts';
import { CHUNK_BYTES, CREDIT_BYTES, PIECE_BYTES } from '../../src/core/limits.ts';
import { seededNumbers } from '../doubles/random.ts';

export const SIDES = ['sender', 'receiver'] as const;
export type Side = (typeof SIDES)[number];

/** Whom a fault hits. */
export type Hit = Side | 'both';

/** Which messages a fault waits for: those of one channel in one direction. A receiver sends nothing on `bulk`. */
export type Way = 'bulk' | 'control-to-receiver' | 'control-to-sender';

/** When a fault begins. */
export interface Moment {
  /** `verified`: accepted bytes that are durable; `carried`: payload bytes that reached the receiver, repeated ones too. */
  readonly counted: 'verified' | 'carried';
  /** Bytes; 0 is before the link is opened. */
  readonly bytes: number;
  /** Milliseconds after that, so that a fault can meet what another one has begun. */
  readonly thenMs: number;
}

/** What goes wrong. Times are in milliseconds. */
export type Trouble =
  /** The next message is lost, with all that follow it on its channel. */
  | { readonly kind: 'drop'; readonly way: Way }
  /** The next message comes twice. */
  | { readonly kind: 'duplicate'; readonly way: Way }
  /** The next message comes late, and so do those behind it: a channel keeps its order. */
  | { readonly kind: 'delay'; readonly way: Way; readonly ms: number }
  /** A bit of the next bulk message's payload is turned. */
  | { readonly kind: 'corrupt' }
  /** The next message loses its end. */
  | { readonly kind: 'truncate'; readonly way: Way }
  /** The lane is closed, and both sides hear of it. */
  | { readonly kind: 'close' }
  /** The lane carries nothing more and nobody is told; with `alive`, not even ICE finds out, as with a page that hangs. */
  | { readonly kind: 'silence'; readonly alive: boolean }
  /** A page ends, with a goodbye or as in a crash, and is opened again. */
  | { readonly kind: 'page-dies'; readonly hit: Hit; readonly bye: boolean; readonly ms: number }
  | { readonly kind: 'signaling-down'; readonly ms: number }
  /** Timers and messages stand still, as on a machine that sleeps. */
  | { readonly kind: 'freeze'; readonly hit: Hit; readonly ms: number }
  /** The next write fails. */
  | { readonly kind: 'disk-fails' }
  /** There is no room for some time; then the person resumes. */
  | { readonly kind: 'disk-full'; readonly ms: number }
  /** From now on the entry cannot be read. */
  | { readonly kind: 'source-changed'; readonly entry: number }
  /** The clock goes on by this much at once, and the timers with it. */
  | { readonly kind: 'clock-jump'; readonly hit: Hit; readonly byMs: number }
  /** The person pauses, and later resumes. */
  | { readonly kind: 'pause'; readonly hit: Hit; readonly ms: number }
  /** The receiver cancels, keeps what is verified, and later opens the link again. */
  | { readonly kind: 'cancel'; readonly ms: number };

/** What hits one message. */
export type MessageTrouble = Extract<Trouble, { kind: 'drop' | 'duplicate' | 'delay' | 'corrupt' | 'truncate' }>;

export type FaultKind = Trouble['kind'];
export type Fault = Trouble & { readonly at: Moment };

export interface Schedule {
  readonly seed: number;
  /** Bytes of each entry. */
  readonly sizes: readonly number[];
  /** Numbers of the accepted entries, ascending; at least one. */
  readonly accepted: readonly number[];
  /** In the order of their moments, as far as one can tell. */
  readonly faults: readonly Fault[];
}

/** Chance in a schedule: everything is drawn from one stream of numbers. */
class Draw {
  readonly #next: () => number;

  constructor(seed: number) {
    this.#next = seededNumbers(seed);
  }

  /** Both ends included. */
  whole(from: number, to: number): number {
    return from + (this.#next() % (to - from + 1));
  }

  chance(probability: number): boolean {
    return this.#next() / 2 ** 32 < probability;
  }

  oneOf<Value>(first: Value, ...others: readonly Value[]): Value {
    return others[this.whole(0, others.length) - 1] ?? first;
  }
}

const seconds = (draw: Draw, from: number, to: number) => draw.whole(from * 1000, to * 1000);

const hit = (draw: Draw): Hit => draw.oneOf<Hit>('sender', 'receiver', 'sender', 'receiver', 'both');

const way = (draw: Draw): Way => draw.oneOf<Way>('bulk', 'bulk', 'control-to-receiver', 'control-to-sender');

/** How each kind is drawn. Times reach past the heartbeat's ten seconds and ICE's fifteen. */
const KINDS: { readonly [Kind in FaultKind]: (draw: Draw, schedule: Shared) => Extract<Trouble, { kind: Kind }> } = {
  drop: (draw) => ({ kind: 'drop', way: way(draw) }),
  duplicate: (draw) => ({ kind: 'duplicate', way: way(draw) }),
  delay: (draw) => ({ kind: 'delay', way: way(draw), ms: draw.whole(5, draw.oneOf(100, 3_000, 30_000)) }),
  corrupt: () => ({ kind: 'corrupt' }),
  truncate: (draw) => ({ kind: 'truncate', way: way(draw) }),
  close: () => ({ kind: 'close' }),
  silence: (draw) => ({ kind: 'silence', alive: draw.chance(0.5) }),
  'page-dies': (draw) => ({ kind: 'page-dies', hit: hit(draw), bye: draw.chance(0.3), ms: seconds(draw, 0, 30) }),
  'signaling-down': (draw) => ({ kind: 'signaling-down', ms: seconds(draw, 1, 40) }),
  freeze: (draw) => ({ kind: 'freeze', hit: hit(draw), ms: draw.whole(100, draw.oneOf(5_000, 20_000, 60_000)) }),
  'disk-fails': () => ({ kind: 'disk-fails' }),
  'disk-full': (draw) => ({ kind: 'disk-full', ms: seconds(draw, 1, 10) }),
  'source-changed': (draw, { accepted }) => ({
    kind: 'source-changed',
    entry: accepted[draw.whole(0, accepted.length - 1)] ?? 0,
  }),
  'clock-jump': (draw) => ({ kind: 'clock-jump', hit: hit(draw), byMs: seconds(draw, 1, draw.oneOf(10, 60, 7_200)) }),
  pause: (draw) => ({ kind: 'pause', hit: hit(draw), ms: seconds(draw, 0, 20) }),
  cancel: (draw) => ({ kind: 'cancel', ms: seconds(draw, 0, 10) }),
};

export const FAULT_KINDS = Object.keys(KINDS) as [FaultKind, ...FaultKind[]];

type Shared = Pick<Schedule, 'sizes' | 'accepted'>;

/** Most shares are small, for there are thousands; one in this many is larger than the credit window. */
const LARGE_EVERY = 40;

/** The schedule of a seed. @param seed any whole number from 0 to 2^32 - 1. */
export function makeSchedule(seed: number): Schedule {
  const draw = new Draw(seed);
  const sizes = drawSizes(draw);
  const accepted = drawAccepted(draw, sizes.length);
  const faults: Fault[] = [];
  for (let left = draw.whole(1, 6); left > 0; left--) faults.push(drawFault(draw, { sizes, accepted }, faults.at(-1)));
  return { seed, sizes, accepted, faults: faults.sort((a, b) => a.at.bytes - b.at.bytes) };
}

/** Bytes of the accepted entries. */
export function acceptedBytes({ sizes, accepted }: Shared): number {
  return accepted.reduce((total, entry) => total + (sizes[entry] ?? 0), 0);
}

function drawSizes(draw: Draw): number[] {
  if (draw.chance(1 / LARGE_EVERY)) return [CREDIT_BYTES + draw.whole(0, 4 * MIB), draw.whole(0, MIB)];
  const sizes = Array.from({ length: draw.whole(1, 5) }, () => drawSize(draw));
  // Without a byte there is no moment for a fault to begin at.
  if (!sizes.some((size) => size > 0)) sizes.push(1);
  return sizes;
}

/** Edges of chunks and pieces, and what lies between. */
function drawSize(draw: Draw): number {
  const edge = draw.oneOf<number>(CHUNK_BYTES, PIECE_BYTES) + draw.whole(-1, 1);
  return draw.oneOf<number>(
    0,
    draw.whole(1, 300),
    draw.whole(1, 400 * KIB),
    draw.whole(1, 400 * KIB),
    edge,
    drawLong(draw),
  );
}

function drawLong(draw: Draw): number {
  return draw.whole(MIB, draw.oneOf(2 * MIB, 3 * MIB, 4 * MIB));
}

function drawAccepted(draw: Draw, entries: number): number[] {
  const all = Array.from({ length: entries }, (_, entry) => entry);
  const some = all.filter(() => draw.chance(0.8));
  return some.length > 0 ? some : all;
}

function drawFault(draw: Draw, shared: Shared, before: Fault | undefined): Fault {
  const trouble = KINDS[draw.oneOf(...FAULT_KINDS)](draw, shared);
  const isSequel = before !== undefined && draw.chance(0.4);
  return { ...trouble, at: isSequel ? drawSequel(draw, before.at) : drawMoment(draw, acceptedBytes(shared)) };
}

/** Anywhere, and a little more often before the first byte and after the last one. */
function drawMoment(draw: Draw, total: number): Moment {
  const bytes = draw.whole(0, total);
  return {
    counted: draw.oneOf('verified', 'carried'),
    bytes: draw.oneOf(bytes, bytes, bytes, bytes, bytes, bytes, bytes, bytes, 0, total),
    thenMs: draw.oneOf(0, 0, 0, draw.whole(1, 50), draw.whole(50, 1_000), draw.whole(1_000, 20_000)),
  };
}

/** Into the midst of what another fault began: it would seldom happen by itself. */
function drawSequel(draw: Draw, { counted, bytes, thenMs }: Moment): Moment {
  return {
    counted,
    bytes,
    thenMs: thenMs + draw.oneOf(0, draw.whole(1, 300), draw.whole(1, 3_000), draw.whole(1, 30_000)),
  };
}

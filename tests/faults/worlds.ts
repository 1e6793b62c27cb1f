import { KIB, MIB } from '../../src/core/bytes.ts';
import { CHUNK_BYTES, CREDIT_BYTES, PIECE_BYTES } from '../../src/core/limits.ts';
import type { Draw } from './draw.ts';
import type { Moment } from './schedule.ts';

/** Where a schedule can run: both sides in one process in a time of its own, or in real browsers. */
export type World = 'engine' | 'browsers';

/** What differs between the worlds in what is drawn. Durations are in milliseconds. */
export interface Terms {
  /** Most faults of one schedule. */
  readonly faults: number;
  /** True where schedules are few: the first fault's kind goes round with the seed, so that each kind has its turn. */
  readonly inTurn: boolean;
  /** Bytes of each entry; not all are 0. */
  readonly sizes: (draw: Draw) => number[];
  /** How likely an entry is accepted. */
  readonly acceptChance: (entry: number) => number;
  /** The part of the bytes at which faults begin. */
  readonly reach: number;
  readonly counted: readonly [Moment['counted'], ...Moment['counted'][]];
  /** From the byte to the fault. */
  readonly thenMs: (draw: Draw) => number;
  /** From a fault to one that hits what it began. */
  readonly sequelMs: (draw: Draw) => number;
  /** How likely a lane that fell silent still answers ICE. */
  readonly aliveChance: number;
  readonly delayMs: (draw: Draw) => number;
  readonly awayMs: (draw: Draw) => number;
  readonly downMs: (draw: Draw) => number;
  readonly freezeMs: (draw: Draw) => number;
  readonly fullMs: (draw: Draw) => number;
  readonly jumpMs: (draw: Draw) => number;
  readonly pauseMs: (draw: Draw) => number;
  readonly cancelMs: (draw: Draw) => number;
}

/** A clock may be hours off. */
const jumpMs = (draw: Draw) => draw.seconds(1, draw.oneOf(10, 60, 7_200));

export const TERMS: Readonly<Record<World, Terms>> = {
  /** Time costs nothing here: things last past the heartbeat's ten seconds and ICE's fifteen. */
  engine: {
    faults: 6,
    inTurn: false,
    sizes: engineSizes,
    acceptChance: () => 0.8,
    reach: 1,
    counted: ['verified', 'carried'],
    thenMs: (draw) => draw.oneOf(0, 0, 0, draw.whole(1, 50), draw.whole(50, 1_000), draw.whole(1_000, 20_000)),
    sequelMs: (draw) => draw.oneOf(0, draw.whole(1, 300), draw.whole(1, 3_000), draw.whole(1, 30_000)),
    aliveChance: 0.5,
    delayMs: (draw) => draw.whole(5, draw.oneOf(100, 3_000, 30_000)),
    awayMs: (draw) => draw.seconds(0, 30),
    downMs: (draw) => draw.seconds(1, 40),
    freezeMs: (draw) => draw.whole(100, draw.oneOf(5_000, 20_000, 60_000)),
    fullMs: (draw) => draw.seconds(1, 10),
    jumpMs,
    pauseMs: (draw) => draw.seconds(0, 20),
    cancelMs: (draw) => draw.seconds(0, 10),
  },
  /**
   * Everybody waits here, so most things are short, and some reach past the heartbeat's ten seconds. ICE answers for a
   * page that says nothing: only a network that is cut would silence it.
   */
  browsers: {
    faults: 3,
    inTurn: true,
    sizes: browserSizes,
    // The long one is always wanted.
    acceptChance: (entry) => (entry === 0 ? 1 : 0.8),
    // What is left takes longer than to see how far it is, and to act.
    reach: 0.8,
    counted: ['verified'],
    thenMs: (draw) => draw.oneOf(0, 0, draw.whole(1, 300)),
    sequelMs: (draw) => draw.oneOf(0, draw.whole(1, 300), draw.whole(1, 1_000)),
    aliveChance: 1,
    delayMs: (draw) => draw.whole(5, draw.oneOf(100, 1_000, 3_000)),
    awayMs: (draw) => draw.seconds(0, 1),
    downMs: (draw) => draw.whole(200, draw.oneOf(1_000, 1_000, 4_000)),
    freezeMs: (draw) => draw.whole(1_000, draw.oneOf(2_000, 2_000, 2_000, 2_000, 2_000, 2_000, 14_000, 60_000)),
    fullMs: (draw) => draw.whole(100, 2_000),
    jumpMs,
    pauseMs: (draw) => draw.whole(100, 2_000),
    cancelMs: (draw) => draw.seconds(0, 1),
  },
};

/** Most shares are small, for there are thousands; one in this many is larger than the credit window. */
const LARGE_EVERY = 40;

function engineSizes(draw: Draw): number[] {
  if (draw.chance(1 / LARGE_EVERY)) return [CREDIT_BYTES + draw.whole(0, 4 * MIB), draw.whole(0, MIB)];
  const sizes = Array.from({ length: draw.whole(1, 5) }, () => engineSize(draw));
  // Without a byte there is no moment for a fault to begin at.
  if (!sizes.some((size) => size > 0)) sizes.push(1);
  return sizes;
}

/** Edges of chunks and pieces, and what lies between. */
function engineSize(draw: Draw): number {
  const edge = draw.oneOf<number>(CHUNK_BYTES, PIECE_BYTES) + draw.whole(-1, 1);
  return draw.oneOf<number>(
    0,
    draw.whole(1, 300),
    draw.whole(1, 400 * KIB),
    draw.whole(1, 400 * KIB),
    edge,
    draw.whole(MIB, draw.oneOf(2 * MIB, 3 * MIB, 4 * MIB)),
  );
}

/** Long enough to be hit under way, and now and then larger than the credit window; small files beside it. */
function browserSizes(draw: Draw): number[] {
  const long = draw.whole(4 * MIB, draw.oneOf(10 * MIB, 10 * MIB, CREDIT_BYTES + 12 * MIB));
  return [long, ...Array.from({ length: draw.oneOf(0, 1, 2) }, () => draw.whole(1, 3 * MIB))];
}

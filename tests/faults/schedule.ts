/**
 * Fault schedules: what is shared, what of it is accepted, and what goes wrong at which byte. Pure data, the same for the
 * same seed and world: `engine.ts` runs them in one process in a time of its own, `browsers.ts` in real browsers.
 */
import type { ErrorCode } from '../../src/core/errors.ts';
import { Draw } from './draw.ts';
import { type Terms, TERMS, type World } from './worlds.ts';

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
  /** All processes of a browser are killed at once, and it is started again with what is on its disk. */
  | { readonly kind: 'browser-dies'; readonly hit: Hit; readonly ms: number }
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

const hit = (draw: Draw): Hit => draw.oneOf<Hit>('sender', 'receiver', 'sender', 'receiver', 'both');

const way = (draw: Draw): Way => draw.oneOf<Way>('bulk', 'bulk', 'control-to-receiver', 'control-to-sender');

/** A kind of fault, of all there are. */
interface Kind<Name extends FaultKind> {
  /** Where it can be made to happen. */
  readonly worlds: readonly World[];
  /** Codes that a transfer may fail with because of it; a person presses retry then. */
  readonly excuses: readonly ErrorCode[];
  readonly draw: (draw: Draw, shared: Shared, terms: Terms) => Extract<Trouble, { kind: Name }>;
}

const BOTH: readonly World[] = ['engine', 'browsers'];

const KINDS: { readonly [Name in FaultKind]: Kind<Name> } = {
  drop: { worlds: BOTH, excuses: [], draw: (draw) => ({ kind: 'drop', way: way(draw) }) },
  duplicate: {
    worlds: BOTH,
    excuses: ['protocol', 'corrupt'],
    draw: (draw) => ({ kind: 'duplicate', way: way(draw) }),
  },
  delay: {
    worlds: BOTH,
    excuses: [],
    draw: (draw, _, terms) => ({ kind: 'delay', way: way(draw), ms: terms.delayMs(draw) }),
  },
  corrupt: { worlds: BOTH, excuses: ['corrupt'], draw: () => ({ kind: 'corrupt' }) },
  truncate: { worlds: BOTH, excuses: ['protocol'], draw: (draw) => ({ kind: 'truncate', way: way(draw) }) },
  close: { worlds: BOTH, excuses: [], draw: () => ({ kind: 'close' }) },
  silence: {
    worlds: BOTH,
    excuses: [],
    draw: (draw, _, { aliveChance }) => ({ kind: 'silence', alive: draw.chance(aliveChance) }),
  },
  'page-dies': {
    worlds: BOTH,
    excuses: [],
    draw: (draw, _, terms) => ({
      kind: 'page-dies',
      hit: hit(draw),
      bye: draw.chance(0.3),
      ms: terms.awayMs(draw),
    }),
  },
  // To the engine a browser is its page.
  'browser-dies': {
    worlds: ['browsers'],
    excuses: [],
    draw: (draw, _, terms) => ({ kind: 'browser-dies', hit: hit(draw), ms: terms.awayMs(draw) }),
  },
  'signaling-down': {
    worlds: BOTH,
    excuses: [],
    draw: (draw, _, terms) => ({ kind: 'signaling-down', ms: terms.downMs(draw) }),
  },
  freeze: {
    worlds: BOTH,
    excuses: [],
    draw: (draw, _, terms) => ({ kind: 'freeze', hit: hit(draw), ms: terms.freezeMs(draw) }),
  },
  'disk-fails': { worlds: BOTH, excuses: ['disk-failed'], draw: () => ({ kind: 'disk-fails' }) },
  'disk-full': {
    worlds: BOTH,
    excuses: [],
    draw: (draw, _, terms) => ({ kind: 'disk-full', ms: terms.fullMs(draw) }),
  },
  'source-changed': {
    worlds: BOTH,
    excuses: [],
    draw: (draw, { accepted }) => ({
      kind: 'source-changed',
      entry: accepted[draw.whole(0, accepted.length - 1)] ?? 0,
    }),
  },
  'clock-jump': {
    worlds: BOTH,
    excuses: [],
    draw: (draw, _, terms) => ({ kind: 'clock-jump', hit: hit(draw), byMs: terms.jumpMs(draw) }),
  },
  pause: {
    worlds: BOTH,
    excuses: [],
    draw: (draw, _, terms) => ({ kind: 'pause', hit: hit(draw), ms: terms.pauseMs(draw) }),
  },
  cancel: { worlds: BOTH, excuses: [], draw: (draw, _, terms) => ({ kind: 'cancel', ms: terms.cancelMs(draw) }) },
};

/** The kinds of fault that a world can make happen. */
export function kindsOf(world: World): [FaultKind, ...FaultKind[]] {
  const kinds = Object.keys(KINDS) as FaultKind[];
  return kinds.filter((kind) => KINDS[kind].worlds.includes(world)) as [FaultKind, ...FaultKind[]];
}

/** True when one of these faults explains that a transfer failed with this code. */
export function isExcused(code: ErrorCode, met: Iterable<FaultKind>): boolean {
  return [...met].some((kind) => KINDS[kind].excuses.includes(code));
}

type Shared = Pick<Schedule, 'sizes' | 'accepted'>;

/** The schedule of a seed. @param seed any whole number from 0 to 2^32 - 1. */
export function makeSchedule(seed: number, world: World = 'engine'): Schedule {
  const draw = new Draw(seed);
  const terms = TERMS[world];
  const kinds = kindsOf(world);
  const sizes = terms.sizes(draw);
  const accepted = drawAccepted(draw, sizes.length, terms);
  const faults: Fault[] = [];
  for (let left = draw.whole(1, terms.faults); left > 0; left--) {
    const shared = { sizes, accepted };
    const drawn = draw.oneOf(...kinds);
    const kind = terms.inTurn && faults.length === 0 ? kinds[seed % kinds.length] : drawn;
    const trouble = KINDS[kind ?? drawn].draw(draw, shared, terms);
    faults.push({ ...trouble, at: drawMoment(draw, acceptedBytes(shared), terms, faults.at(-1)?.at) });
  }
  return { seed, sizes, accepted, faults: faults.sort((a, b) => a.at.bytes - b.at.bytes) };
}

/** Bytes of the accepted entries. */
export function acceptedBytes({ sizes, accepted }: Shared): number {
  return accepted.reduce((total, entry) => total + (sizes[entry] ?? 0), 0);
}

function drawAccepted(draw: Draw, entries: number, { acceptChance }: Terms): number[] {
  const all = Array.from({ length: entries }, (_, entry) => entry);
  const some = all.filter((entry) => draw.chance(acceptChance(entry)));
  return some.length > 0 ? some : all;
}

/**
 * Anywhere within reach, and a little more often before the first byte and after the last one; or in the midst of what the
 * fault before began, for that would seldom happen by itself.
 */
function drawMoment(draw: Draw, total: number, terms: Terms, before: Moment | undefined): Moment {
  if (before !== undefined && draw.chance(0.4)) return { ...before, thenMs: before.thenMs + terms.sequelMs(draw) };
  const last = Math.floor(total * terms.reach);
  const bytes = draw.whole(0, last);
  return {
    counted: draw.oneOf(...terms.counted),
    bytes: draw.oneOf(bytes, bytes, bytes, bytes, bytes, bytes, bytes, bytes, 0, last),
    thenMs: terms.thenMs(draw),
  };
}

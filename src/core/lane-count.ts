import { MIB } from './bytes.ts';
import type { PathInfo } from './ports.ts';

/**
 * How many lanes carry one transfer: it tries more and fewer, and keeps what pays. Times in milliseconds from any clock
 * that only rises. Rules [G1] to [G9]; tests/core/path-simulation.ts is where "simulated" was found.
 */

/** What the sender saw, every 100 to 250 ms. */
export interface LaneSample {
  readonly nowMs: number;
  /** Payload bytes verified since the start. A count of bytes arrived, finer than pieces, is judged sooner on a slow path. */
  readonly verifiedBytes: number;
  /** Payload bytes that are still to be verified. */
  readonly leftBytes: number;
  /** Lanes open now, the first included. More than wanted is no harm. */
  readonly lanes: number;
  /** How the bytes travel; null until known. */
  readonly kind: PathInfo['kind'] | null;
  /** The path's round trip as ICE measures it, queues included; null until known. */
  readonly rttMs: number | null;
  /** Something other than the network holds the transfer up: nothing is accepted yet, a pause, the receiver's credit, or nothing left to send. */
  readonly limited: boolean;
}

/** The counts that are tried: a step that adds less than as many again gains too little to tell from noise. */
const STEPS = [1, 2, 4, 8, 16] as const;
const MAX_LANES = 16;
/** Each is an allocation on a server that someone pays for. */
const MAX_RELAYED_LANES = 4;

/**
 * Share of goodput that a step to this many lanes must gain. Twice the lanes against one TCP download on a full link
 * gain 0.20, 0.11 and 0.06 by robbing it alone, so from 4 on each asks for more. Measured gains without random loss
 * (100 Mbit/s, 50 ms): 8 lanes to 16 0.11.
 */
const WORTHWHILE: Readonly<Record<number, number>> = { 2: 0.2, 4: 0.25, 8: 0.18, 16: 0.12 };
/**
 * The same where a queue stands before the link, which is full then: two transfers with as many lanes would gain 0.33
 * from each other, one with half the lanes of the other 0.5. So equals rest, and the lesser catches up.
 */
const WORTHWHILE_IN_QUEUE = 0.4;
/** What fewer lanes may lose and still do as well: noise of a measurement, simulated. */
const AS_WELL = 0.1;
/** The same where the queue stands in spite of fewer: 16, 8 and 4 lanes beside one download give up 0.06, 0.11 and 0.17. */
const AS_WELL_IN_QUEUE = 0.2;

/** A round trip this much longer than the least one seen is a queue; the 5 ms are a busy page's. */
const QUEUE_FACTOR = 1.4;
const QUEUE_MS = 5;

/**
 * A path this short that carries 40 Mbit/s on a lane is bound by the processor: 1 % of loss at 3 ms still allows 38. More
 * lanes would only cost. Between neighbours the round trip may be longer: a busy machine answers ICE late (10 ms seen on
 * loopback).
 */
const SHORT_RTT_MS = 3;
const LAN_RTT_MS = 10;
const LAN_BYTES_PER_SECOND = 5_000_000;

/**
 * Except on a LAN, where a long round trip is a busy machine's, a path of 10 ms or more gets 4 lanes unmeasured, one of 40
 * ms or more 16. A lost packet costs a lane time that grows with the square of the round trip. And slow start fills the
 * queue until as many packets are lost at once as are under way, more than one lane can repair (start-pace.ts).
 */
const BLIND_RTT_MS = 10;
const BLIND_LANES = 4;
const BLIND_LANES_RELAYED = 2;
const LONG_RTT_MS = 40;
/** For each of them there must be so much to send: a small file would have arrived by the time they are open. */
const BLIND_BYTES = 2 * MIB;

/**
 * Neighbours on a LAN get 8: little is under way on each there ([T9]), and all together keep both pages busy. Between two
 * browsers on two cores 64 MiB went at 0.68 of a raw channel's rate with 1 lane and [T9], 0.79 with 1 and without, 0.82
 * with 2, 0.90 and 0.96 with 4, 1.00 and 1.02 with 8, and 1.00 with 16.
 */
const NEAR_LANES = 8;
const NEAR_BYTES = 4 * MIB;

/** New lanes reach their share in about five round trips of slow start. */
const RAMP_RTTS = 5;
const RAMP_MS: Range = [300, 2_000];
/** Time measured: several of Reno's teeth, or else a trial would see one. The start may err, and is put right later. */
const SPAN_RTTS = 12;
const SPAN_MS: Range = [2_500, 4_000];
const START_SPAN_MS: Range = [800, 2_000];
/** Times that the count must have risen: with fewer, pieces of 896 KiB say nothing on a slow path. */
const MIN_RISES = 3;
/** A path that has not brought three pieces by then is judged by what it brought. */
const MAX_MEASURE_MS = 20_000;
/** A trial below this share of what it needs after the shorter time is not worth the longer. */
const HOPELESS = 0.75;
/** A round trip across a continent, until the path's is known. */
const UNKNOWN_RTT_MS = 100;

/** As long as an attempt to connect may take, nearly ([C3]). */
const OPEN_MS = 15_000;
/** A trial that pauses, credit or lost lanes keep from being judged is given up. */
const TRIAL_MS = 60_000;
/** Between trials, doubled by each that fails. One with more lanes costs little; one with fewer a second's goodput. */
const GROW_AFTER_MS: Range = [5_000, 160_000];
const SHRINK_AFTER_MS: Range = [20_000, 160_000];
/** Where fewer lanes did as well, still fewer may. */
const AFTER_SHRINKING_MS = 10_000;
/** What a settled count delivers is known from this long. */
const WATCH_MS = 5_000;
/** Below this share of what it was, the path has changed and back-off starts anew. */
const CHANGED = 0.6;
/** A longer time between two samples was sleep, and does not count. */
const MAX_GAP_MS = 1_000;

type Range = readonly [floor: number, ceiling: number];

type Phase =
  /** Lanes are being made. */
  | { readonly at: 'opening'; readonly sinceMs: number }
  /** They are open, and not yet at their pace. */
  | { readonly at: 'ramping'; readonly untilMs: number }
  | { readonly at: 'measuring'; readonly sinceMs: number; readonly goodput: Goodput }
  /** Nothing is being tried. */
  | { readonly at: 'settled'; readonly goodput: Goodput };

interface Trial {
  /** The count to go back to. */
  readonly from: number;
  /** What it delivered, bytes per second. */
  readonly before: number;
  /** What the new count must deliver, at least. */
  readonly needed: number;
  readonly sinceMs: number;
}

export class LaneCount {
  #wanted = 1;
  #phase: Phase = { at: 'ramping', untilMs: 0 };
  #trial: Trial | null = null;
  /** Until a first trial fails, or there is nothing more to try. */
  #starting = true;
  /** Time in which the network was what set the pace; all times below are of this clock. */
  #nowMs = 0;
  #settledMs = 0;
  #growDueMs = 0;
  #growAfterMs = GROW_AFTER_MS[0];
  #shrinkAfterMs = SHRINK_AFTER_MS[0];
  /** Bytes per second of the settled count at its best. */
  #settledRate = 0;
  #sampledMs: number | null = null;
  #open = 1;
  #cap = MAX_LANES;
  /** Goodput has fallen, and nothing has been tried since. */
  #isWorse = false;
  #isNear: boolean | null = null;
  #leftBytes = 0;
  #rttMs: number | null = null;
  #minRttMs: number | null = null;

  /** Lanes there should be, 1 to 16. */
  get wanted(): number {
    return this.#wanted;
  }

  /** The least round trip seen: without queues. Null until one is known. */
  get minRttMs(): number | null {
    return this.#minRttMs;
  }

  /** @returns the lanes there should be from now on. */
  sample(sample: LaneSample): number {
    this.#observe(sample);
    if (this.#wanted > this.#cap) this.#goBack(this.#cap, this.#settledRate);
    else if (this.#starting && this.#wanted < this.#blind) this.#wantUnmeasured();
    else if (sample.limited) this.#ramp();
    else this.#step(sample.verifiedBytes);
    return this.#wanted;
  }

  /** A wanted lane could not be made: those that are open must do, until the back-off is over. */
  laneFailed(): void {
    const open = Math.max(1, this.#open);
    if (this.#wanted <= open) return;
    this.#delayGrowth();
    this.#goBack(open, this.#trial?.before ?? this.#settledRate);
  }

  #observe({ nowMs, leftBytes, lanes, kind, rttMs, limited }: LaneSample): void {
    if (!limited) this.#nowMs += Math.min(MAX_GAP_MS, nowMs - (this.#sampledMs ?? nowMs));
    this.#sampledMs = nowMs;
    this.#open = lanes;
    this.#cap = kind === 'relay' ? MAX_RELAYED_LANES : MAX_LANES;
    this.#isNear = kind === null ? null : kind === 'lan';
    this.#leftBytes = leftBytes;
    this.#rttMs = rttMs;
    if (rttMs !== null) this.#minRttMs = Math.min(rttMs, this.#minRttMs ?? rttMs);
  }

  #step(bytes: number): void {
    const phase = this.#phase;
    const trial = this.#trial;
    if (trial !== null && this.#nowMs - trial.sinceMs >= TRIAL_MS) this.#judge(0);
    else if (phase.at === 'opening') {
      if (this.#open >= this.#wanted) this.#ramp();
      else if (this.#nowMs - phase.sinceMs >= OPEN_MS) this.laneFailed();
    } else if (this.#open < this.#wanted) this.#phase = { at: 'opening', sinceMs: this.#nowMs };
    else if (phase.at === 'ramping') {
      if (this.#nowMs >= phase.untilMs) this.#phase = this.#begin(bytes);
    } else {
      phase.goodput.add(this.#nowMs, bytes);
      if (phase.at === 'settled') this.#watch(phase.goodput);
      else this.#measure(phase.goodput, this.#nowMs - phase.sinceMs);
    }
  }

  #begin(bytes: number): Phase {
    if (this.#trial === null && !this.#starting)
      return { at: 'settled', goodput: new Goodput(this.#nowMs, bytes, WATCH_MS) };
    return { at: 'measuring', sinceMs: this.#nowMs, goodput: new Goodput(this.#nowMs, bytes, MAX_MEASURE_MS) };
  }

  #measure(goodput: Goodput, forMs: number): void {
    const rate =
      goodput.rate(this.#rtts(SPAN_RTTS, this.#starting ? START_SPAN_MS : SPAN_MS)) ?? this.#hopeless(goodput);
    if (rate !== null) this.#judge(rate);
    else if (forMs >= MAX_MEASURE_MS) this.#judge(goodput.averageRate(this.#nowMs));
  }

  /** A rate so far below what is needed that the rest of the time would be lost; else null. */
  #hopeless(goodput: Goodput): number | null {
    const rate = goodput.rate(this.#rtts(SPAN_RTTS, START_SPAN_MS));
    return rate !== null && rate < (this.#trial?.needed ?? 0) * HOPELESS ? rate : null;
  }

  #judge(rate: number): void {
    const trial = this.#trial;
    this.#trial = null;
    if (trial === null && this.#wanted > 1) this.#settleFirst(rate);
    else if (trial === null) this.#grow(rate);
    else if (trial.from < this.#wanted) {
      if (rate >= trial.needed) {
        this.#growAfterMs = GROW_AFTER_MS[0];
        this.#grow(rate);
      } else {
        this.#delayGrowth();
        this.#goBack(trial.from, trial.before);
      }
    } else if (rate >= trial.before * (1 - (this.#queueStands ? AS_WELL_IN_QUEUE : AS_WELL))) {
      this.#shrinkAfterMs = AFTER_SHRINKING_MS;
      this.#growDueMs = this.#nowMs + this.#growAfterMs;
      this.#settle(rate);
    } else {
      this.#shrinkAfterMs = Math.min(2 * this.#shrinkAfterMs, SHRINK_AFTER_MS[1]);
      this.#goBack(trial.from, trial.before);
    }
  }

  /** Looks for a reason to try another count. */
  #watch(goodput: Goodput): void {
    const rate = goodput.rate(WATCH_MS / 2);
    if (rate === null) return;
    if (rate < this.#settledRate * CHANGED) {
      [this.#growAfterMs] = GROW_AFTER_MS;
      [this.#shrinkAfterMs] = SHRINK_AFTER_MS;
      this.#growDueMs = this.#nowMs;
      this.#isWorse = true;
      this.#settledRate = rate;
    }
    this.#settledRate = Math.max(rate, this.#settledRate);
    const unhurried = this.#queueStands ? 2 : 1;
    const hurry = this.#isLan(rate) ? 4 : unhurried;
    if (this.#wanted > this.#fewest && this.#nowMs - this.#settledMs >= this.#shrinkAfterMs / hurry) this.#shrink(rate);
    else if (this.#wanted < this.#cap && this.#nowMs >= this.#growDueMs && !this.#isFull) this.#grow(rate);
  }

  /** @param rate what the present count delivers. */
  #grow(rate: number): void {
    const next = STEPS.find((lanes) => lanes > this.#wanted && lanes <= this.#cap);
    if (next === undefined || this.#isLan(rate)) {
      this.#growDueMs = this.#nowMs + this.#growAfterMs;
      this.#settle(rate);
    } else this.#try(next, rate, rate * (1 + this.#worthwhile(next)));
  }

  #shrink(rate: number): void {
    const fewer = this.#isLan(rate) ? this.#fewest : STEPS.findLast((lanes) => lanes < this.#wanted);
    this.#try(fewer ?? 1, rate, rate * (1 - AS_WELL_IN_QUEUE));
  }

  #try(lanes: number, before: number, needed: number): void {
    this.#trial = { from: this.#wanted, before, needed, sinceMs: this.#nowMs };
    this.#want(lanes);
  }

  #wantUnmeasured(): void {
    this.#trial = null;
    this.#want(this.#blind);
  }

  #want(lanes: number): void {
    this.#wanted = lanes;
    this.#phase = { at: 'opening', sinceMs: this.#nowMs };
  }

  /** Lanes that such a path gets unmeasured. */
  get #ofPath(): number {
    if (this.#isNear === true) return NEAR_LANES;
    if (this.#isNear === null || (this.#minRttMs ?? 0) < BLIND_RTT_MS) return 1;
    if (this.#cap < MAX_LANES) return BLIND_LANES_RELAYED;
    return (this.#minRttMs ?? 0) >= LONG_RTT_MS ? MAX_LANES : BLIND_LANES;
  }

  /** The same if there is enough to send. */
  get #blind(): number {
    const each = this.#isNear ? NEAR_BYTES : BLIND_BYTES;
    return STEPS.findLast((lanes) => lanes <= this.#ofPath && lanes * each <= this.#leftBytes) ?? 1;
  }

  /** Fewer stand still for seconds when the queue overflows, and between neighbours they are slower. */
  get #fewest(): number {
    return this.#isNear ? NEAR_LANES : Math.min(BLIND_LANES, this.#ofPath);
  }

  #worthwhile(lanes: number): number {
    if (this.#queueStands && lanes > 2) return WORTHWHILE_IN_QUEUE;
    return WORTHWHILE[lanes] ?? 0;
  }

  get #queueStands(): boolean {
    return this.#rttMs !== null && this.#rttMs > QUEUE_FACTOR * (this.#minRttMs ?? 0) + QUEUE_MS;
  }

  /** More lanes than the path needs would only rob others, unless others have begun to. */
  get #isFull(): boolean {
    return this.#queueStands && this.#fewest > 1 && this.#wanted >= this.#fewest && !this.#isWorse;
  }

  #isLan(rate: number): boolean {
    const limitMs = this.#isNear ? LAN_RTT_MS : SHORT_RTT_MS;
    return this.#minRttMs !== null && this.#minRttMs <= limitMs && rate >= LAN_BYTES_PER_SECOND;
  }

  /** A full link has nothing to give, so there it takes twice as long. */
  #delayGrowth(): void {
    this.#isWorse = false;
    this.#growDueMs = this.#nowMs + this.#growAfterMs * (this.#queueStands ? 2 : 1);
    this.#growAfterMs = Math.min(2 * this.#growAfterMs, GROW_AFTER_MS[1]);
  }

  /** Unmeasured lanes are what there is for now: whether a queue stands is not known before. */
  #settleFirst(rate: number): void {
    this.#growDueMs = this.#nowMs + this.#growAfterMs;
    this.#settle(rate);
  }

  #goBack(lanes: number, rate: number): void {
    this.#wanted = lanes;
    this.#settle(rate);
  }

  #settle(rate: number): void {
    this.#trial = null;
    this.#starting = false;
    this.#settledRate = rate;
    this.#settledMs = this.#nowMs;
    this.#ramp();
  }

  #ramp(): void {
    this.#phase = { at: 'ramping', untilMs: this.#nowMs + this.#rtts(RAMP_RTTS, RAMP_MS) };
  }

  #rtts(count: number, [floor, ceiling]: Range): number {
    return Math.min(ceiling, Math.max(floor, count * (this.#minRttMs ?? UNKNOWN_RTT_MS)));
  }
}

/** Goodput from one rise of the count to another, so that pieces of 896 KiB do not make it a matter of luck. */
class Goodput {
  readonly #rises: { readonly atMs: number; readonly bytes: number }[] = [];
  #last: number;

  constructor(
    private readonly sinceMs: number,
    private readonly from: number,
    private readonly keepMs: number,
  ) {
    this.#last = from;
  }

  add(atMs: number, bytes: number): void {
    if (bytes <= this.#last) return;
    this.#last = bytes;
    this.#rises.push({ atMs, bytes });
    while (this.#rises.length > MIN_RISES && (this.#rises[1]?.atMs ?? atMs) <= atMs - this.keepMs) this.#rises.shift();
  }

  /** Bytes per second; null until it was measured over this long. */
  rate(spanMs: number): number | null {
    const first = this.#rises[0];
    const last = this.#rises.at(-1);
    if (first === undefined || last === undefined || this.#rises.length < MIN_RISES) return null;
    const measuredMs = last.atMs - first.atMs;
    return measuredMs < spanMs ? null : ((last.bytes - first.bytes) * 1_000) / measuredMs;
  }

  /** Bytes per second over all of the time. */
  averageRate(nowMs: number): number {
    return ((this.#last - this.from) * 1_000) / Math.max(1, nowMs - this.sinceMs);
  }
}

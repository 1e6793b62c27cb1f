import { MIB } from '../../src/core/bytes.ts';
import { LaneCount } from '../../src/core/lane-count.ts';

/**
 * A path as a person would measure it, and flows over it that behave like an SCTP association of Chromium or a TCP
 * download, in steps of one millisecond. Deterministic: all chance comes from a seed.
 */
export interface Path {
  readonly mbitPerSecond: number;
  readonly rttMs: number;
  /** Share of packets lost at random, 0 to 1. */
  readonly loss: number;
  /** Bytes that the queue before the bottleneck holds; it drops from its tail. */
  readonly queueBytes: number;
}

/** Wire bytes of a full packet (1,200 of DTLS and 28 of UDP and IP) and what of it is payload: 0.93, as measured. */
const PACKET_BYTES = 1_228;
const PAYLOAD_BYTES = 1_142;

/** Packets: first window of dcSCTP and of TCP; the least threshold of slow start. */
const INITIAL_WINDOW = 10;
const LEAST_THRESHOLD = 4;
/** Of dcSCTP: 5 MiB, in packets. */
const MAX_WINDOW = 4_500;
/**
 * A burst of more losses than this in one round trip makes dcSCTP wait for its retransmission timer several times over.
 * The three numbers are fitted to single raw channels: 37 of 100 Mbit/s at 50 ms, and 0.68 of 20 Mbit/s at 20 ms.
 */
const BURST_LOST = 150;
const BURST_SILENT_MS = 2_500;
const BURST_CUT = 16;
/** CUBIC (RFC 9438): its constant in packets per s^3, and what a loss leaves of the window. */
const CUBIC_C = 0.4;
const CUBIC_BETA = 0.7;

/** Small and quick; a test needs no better. */
export function randomOf(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** One congestion window. Sizes in packets, times in milliseconds of the simulation. */
class Flow {
  window = INITIAL_WINDOW;
  inFlight = 0;
  delivered = 0;
  sending = true;
  #threshold = Infinity;
  #recoveringUntil = 0;
  #silentUntil = 0;
  #lostInEpisode = 0;
  #windowOfEpisode = 0;
  #cubicSince = 0;

  constructor(private readonly kind: 'sctp' | 'cubic') {}

  /** Packets that may leave now. */
  room(nowMs: number): number {
    return this.sending && nowMs >= this.#silentUntil ? Math.floor(this.window) - this.inFlight : 0;
  }

  acked(packets: number, nowMs: number): void {
    this.inFlight -= packets;
    this.delivered += packets;
    if (nowMs < this.#recoveringUntil) return;
    if (this.window < this.#threshold) this.window += packets;
    else if (this.kind === 'cubic') this.#growCubic(packets, nowMs);
    else this.window += packets / this.window;
    this.window = Math.min(this.window, MAX_WINDOW);
  }

  lost(packets: number, nowMs: number, rttMs: number): void {
    this.inFlight -= packets;
    if (nowMs >= this.#recoveringUntil) this.#beginEpisode(nowMs, rttMs);
    this.#lostInEpisode += packets;
    if (this.kind === 'sctp' && this.#lostInEpisode > BURST_LOST && nowMs >= this.#silentUntil) {
      this.#threshold = Math.max(LEAST_THRESHOLD, this.#threshold / BURST_CUT);
      this.window = LEAST_THRESHOLD;
      this.#silentUntil = nowMs + BURST_SILENT_MS;
      this.#recoveringUntil = this.#silentUntil;
    }
  }

  #beginEpisode(nowMs: number, rttMs: number): void {
    this.#windowOfEpisode = this.window;
    this.#lostInEpisode = 0;
    const left = this.kind === 'cubic' ? CUBIC_BETA : 0.5;
    this.#threshold = Math.max(LEAST_THRESHOLD, this.window * left);
    this.window = this.#threshold;
    this.#recoveringUntil = nowMs + rttMs;
    this.#cubicSince = nowMs;
  }

  #growCubic(packets: number, nowMs: number): void {
    const seconds = (nowMs - this.#cubicSince) / 1_000;
    const back = Math.cbrt((this.#windowOfEpisode * (1 - CUBIC_BETA)) / CUBIC_C);
    const target = this.#windowOfEpisode + CUBIC_C * (seconds - back) ** 3;
    const reno = (packets * 0.53) / this.window;
    const wanted = target > this.window ? ((target - this.window) * packets) / this.window : 0;
    this.window += Math.max(reno, Math.min(wanted, packets / 2));
  }
}

/** Milliseconds: longer than any round trip with its queue. */
const SLOTS = 8_192;

/** A bottleneck that all its flows share. */
class Network {
  nowMs = 0;
  readonly flows: Flow[] = [];
  readonly #queue: Flow[] = [];
  #head = 0;
  #tokens = 0;
  /** What comes back at a time: a slot for each millisecond, round and round. */
  readonly #acks: Flow[][] = Array.from({ length: SLOTS }, () => []);
  readonly #losses: Flow[][] = Array.from({ length: SLOTS }, () => []);
  readonly #perMs: number;
  readonly #queuePackets: number;

  constructor(
    private readonly path: Path,
    private readonly random: () => number,
  ) {
    this.#perMs = (path.mbitPerSecond * 125) / PACKET_BYTES;
    this.#queuePackets = path.queueBytes / PACKET_BYTES;
  }

  add(kind: 'sctp' | 'cubic'): Flow {
    const flow = new Flow(kind);
    this.flows.push(flow);
    return flow;
  }

  /** One millisecond. */
  tick(): void {
    this.#hear();
    this.#send();
    this.#serve();
    this.nowMs += 1;
  }

  /** What a packet would meet now. */
  get rttMs(): number {
    return this.path.rttMs + this.#queued / this.#perMs;
  }

  get #queued(): number {
    return this.#queue.length - this.#head;
  }

  #hear(): void {
    const acks = this.#acks[this.nowMs % SLOTS] ?? [];
    const losses = this.#losses[this.nowMs % SLOTS] ?? [];
    const { rttMs } = this;
    for (const flow of acks) flow.acked(1, this.nowMs);
    for (const flow of losses) flow.lost(1, this.nowMs, rttMs);
    acks.length = 0;
    losses.length = 0;
  }

  /** One packet of each flow in turn, beginning with any: who meets a full queue is chance. */
  #send(): void {
    const { flows } = this;
    const start = Math.floor(this.random() * flows.length);
    let active = true;
    while (active) {
      active = false;
      for (let index = 0; index < flows.length; index++) {
        const flow = flows[(start + index) % flows.length];
        if (flow === undefined || flow.room(this.nowMs) < 1) continue;
        active = true;
        flow.inFlight += 1;
        if (this.random() < this.path.loss || this.#queued >= this.#queuePackets)
          this.#tell(flow, this.#losses, this.rttMs);
        else this.#queue.push(flow);
      }
    }
  }

  #serve(): void {
    this.#tokens = Math.min(this.#tokens + this.#perMs, this.#perMs + 1);
    while (this.#tokens >= 1) {
      const flow = this.#queue[this.#head];
      if (flow === undefined) break;
      this.#tokens -= 1;
      this.#head += 1;
      this.#tell(flow, this.#acks, this.path.rttMs);
    }
    if (this.#head > 4_096) {
      this.#queue.splice(0, this.#head);
      this.#head = 0;
    }
  }

  #tell(flow: Flow, of: readonly Flow[][], inMs: number): void {
    of[(this.nowMs + Math.min(SLOTS - 1, Math.max(1, Math.round(inMs)))) % SLOTS]?.push(flow);
  }
}

/** How many lanes a transfer has: by the controller, or a number that stays. */
export type Lanes = 'controlled' | number;

export interface TransferOptions {
  readonly lanes: Lanes;
  readonly relayed?: boolean;
  readonly startMs?: number;
  /** What one acknowledgement counts in: pieces by default. */
  readonly grainBytes?: number;
}

const SAMPLE_MS = 250;
const ACK_MS = 100;
/** ICE measures as often, on a path that is in use. */
const RTT_EVERY_MS = 2_500;
/** Bytes of a piece that wait on each lane for the rest of it, on average: half a chunk. */
const PARTIAL_BYTES = 32 * 1024;

/** A sender with its lanes. */
class Transfer {
  readonly counts: [atMs: number, wanted: number][] = [];
  readonly #controller = new LaneCount();
  readonly #grain: number;
  readonly #startMs: number;
  readonly #lanes: { flow: Flow; openMs: number }[] = [];
  readonly #all: Flow[] = [];
  #wanted = 0;
  #rttMs: number;
  #verified = 0;

  constructor(
    private readonly options: TransferOptions,
    private readonly network: Network,
    private readonly path: Path,
  ) {
    this.#grain = options.grainBytes ?? MIB;
    this.#startMs = options.startMs ?? 0;
    this.#rttMs = path.rttMs;
  }

  /** Payload bytes that have arrived. */
  get delivered(): number {
    return this.#all.reduce((sum, flow) => sum + flow.delivered, 0) * PAYLOAD_BYTES;
  }

  tick(): void {
    const { nowMs } = this.network;
    if (nowMs < this.#startMs) return;
    if (nowMs === this.#startMs) this.#want(this.options.lanes === 'controlled' ? 1 : this.options.lanes, 0);
    for (const lane of this.#lanes) if (lane.openMs === nowMs) lane.flow.sending = true;
    if (nowMs % ACK_MS === 0) {
      const partial = this.#lanes.length * PARTIAL_BYTES;
      const whole = Math.floor((this.delivered - partial) / this.#grain) * this.#grain;
      this.#verified = Math.max(this.#verified, whole);
    }
    if (nowMs % RTT_EVERY_MS === 0) this.#rttMs = this.network.rttMs;
    if (nowMs % SAMPLE_MS === 0 && this.options.lanes === 'controlled') {
      const wanted = this.#controller.sample({
        nowMs,
        verifiedBytes: this.#verified,
        leftBytes: Infinity,
        lanes: this.#lanes.filter(({ openMs }) => openMs <= nowMs).length,
        kind: this.options.relayed === true ? 'relay' : 'direct',
        rttMs: this.#rttMs,
        limited: false,
      });
      this.#want(wanted, 7 * this.path.rttMs + 60);
    }
  }

  #want(wanted: number, openInMs: number): void {
    if (wanted === this.#wanted) return;
    this.#wanted = wanted;
    this.counts.push([this.network.nowMs, wanted]);
    while (this.#lanes.length < wanted) {
      const flow = this.network.add('sctp');
      flow.sending = openInMs === 0;
      this.#all.push(flow);
      this.#lanes.push({ flow, openMs: this.network.nowMs + openInMs });
    }
    for (const { flow } of this.#lanes.splice(wanted)) flow.sending = false;
  }
}

export interface Scenario {
  readonly path: Path;
  readonly seconds: number;
  readonly seed: number;
  readonly transfers: readonly TransferOptions[];
  /** Other downloads over the same bottleneck, from the start. */
  readonly downloads?: number;
  /** From when on goodput counts, ms. */
  readonly countFromMs?: number;
}

export interface Outcome {
  /** Payload Mbit/s of each transfer. */
  readonly transfers: readonly number[];
  readonly downloads: readonly number[];
  /** For each transfer: when it wanted how many lanes. */
  readonly counts: readonly (readonly (readonly [atMs: number, wanted: number])[])[];
}

export function simulate({ path, seconds, seed, transfers, downloads = 0, countFromMs = 0 }: Scenario): Outcome {
  const network = new Network(path, randomOf(seed));
  const senders = transfers.map((options) => new Transfer(options, network, path));
  const others = Array.from({ length: downloads }, () => network.add('cubic'));
  const read = () =>
    [senders.map(({ delivered }) => delivered), others.map(({ delivered }) => delivered * PAYLOAD_BYTES)] as const;
  let before = read();
  for (let ms = 0; ms < seconds * 1_000; ms++) {
    if (ms === countFromMs) before = read();
    for (const sender of senders) sender.tick();
    network.tick();
  }
  const after = read();
  const rate = (which: 0 | 1) =>
    after[which].map((bytes, at) => ((bytes - (before[which][at] ?? 0)) * 8) / (seconds * 1_000 - countFromMs) / 1_000);
  return { transfers: rate(0), downloads: rate(1), counts: senders.map(({ counts }) => counts) };
}

export interface Processor {
  readonly mbitPerSecond: number;
  readonly rttMs: number;
  /** Share of the speed that each second may be above or below it, 0 to 1. */
  readonly noise: number;
  readonly seconds: number;
  readonly seed: number;
  readonly kind: 'lan' | 'direct';
}

/** A transfer that a processor sets the pace of, however many lanes it has. */
export function simulateProcessor({
  mbitPerSecond,
  rttMs,
  noise,
  seconds,
  seed,
  kind,
}: Processor): Outcome['counts'][number] {
  const random = randomOf(seed);
  const controller = new LaneCount();
  const counts: [number, number][] = [[0, 1]];
  let wanted = 1;
  let bytes = 0;
  let speed = 0;
  for (let nowMs = 0; nowMs < seconds * 1_000; nowMs += SAMPLE_MS) {
    if (nowMs % 1_000 === 0) speed = mbitPerSecond * 125 * (1 + noise * (2 * random() - 1));
    bytes += speed * SAMPLE_MS;
    const verifiedBytes = Math.floor(bytes / MIB) * MIB;
    const next = controller.sample({
      nowMs,
      verifiedBytes,
      leftBytes: Infinity,
      lanes: wanted,
      kind,
      rttMs,
      limited: false,
    });
    if (next !== wanted) counts.push([nowMs, next]);
    wanted = next;
  }
  return counts;
}

/** Milliseconds in which more lanes than `lanes` were wanted, until `endMs`. */
export function timeAbove(counts: Outcome['counts'][number], lanes: number, endMs: number): number {
  return counts.reduce((sum, [atMs, wanted], index) => {
    const untilMs = counts[index + 1]?.[0] ?? endMs;
    return wanted > lanes ? sum + untilMs - atMs : sum;
  }, 0);
}

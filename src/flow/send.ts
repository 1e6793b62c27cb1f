import { KIB, MIB } from '../core/bytes.ts';
import type { CreditGate } from '../core/credit.ts';
import { BeelineError } from '../core/errors.ts';
import { ChunkMessage, chunksOf, numberOf } from '../core/frame.ts';
import { windowOf } from '../core/lane-window.ts';
import { CHUNK_BYTES } from '../core/limits.ts';
import type { BulkChannel, Clock } from '../core/ports.ts';
import type { PieceScheduler } from '../core/scheduler.ts';
import { StartPace } from '../core/start-pace.ts';
import { type LateChunks, Striping } from '../core/striping.ts';
import { type LoadedPiece, PieceReader, ReadAhead, type ReadOptions, type WantedChunks } from './read-ahead.ts';
import { Wake } from './wake.ts';

/**
 * Credit kept for chunks that are late, while there are several lanes: when all of it is used up they are what the
 * receiver waits for.
 */
const LATE_CREDIT_BYTES = MIB;

/** Bytes in the buffer of the first lane above which nothing more is handed to it while nothing is accepted. Rule [T5]. */
const HIGH_WATERMARK_BYTES = 512 * KIB;

/** A lane that has had so much while others are being made has had a message that is full, or nearly. Rule [T7]. */
const HELD_BYTES = CHUNK_BYTES / 2;

/** With so many others in use the first carries control messages alone: they never wait for bulk data that got lost. */
const ENOUGH_OTHERS = 3;

/** The first lane's number; the further ones count from 1. */
export const FIRST_LANE = 0;

const ALL_CHUNKS = ~0;

export interface SendOptions extends ReadOptions {
  readonly scheduler: PieceScheduler;
  readonly credit: CreditGate;
  readonly clock: Clock;
}

type Counts = Pick<OpenLane, 'sent' | 'arrived'>;

interface OpenLane {
  readonly bulk: BulkChannel;
  /** Payload bytes given to it. */
  sent: number;
  /** Payload bytes that the receiver has read from it. */
  arrived: number;
  /** It gets nothing more. */
  retired: boolean;
}

/** A lane that was never given anything. */
const UNOPENED: Counts = { sent: 0, arrived: 0 };

/** What the pipe is waiting for. */
type Waiting = 'pieces' | 'credit' | 'lanes' | null;

/**
 * The sending pipe of one receiver:
 *
 *     scheduler - source.read - SHA-256 - messages of chunks - credit and windows - whichever lane has room
 */
export class PieceSender {
  /** Something changed that the pipe may be waiting for: credit, wants, pause, a lane. */
  readonly #wake = new Wake();
  readonly #striping: Striping;
  readonly #lanes = new Map<number, OpenLane>();
  /** Chunks to send of pieces that were put aside in part. */
  readonly #masks = new Map<number, number>();
  readonly #reader: PieceReader;
  /** What is sent in the scheduler's order. */
  readonly #ahead: ReadAhead;
  readonly #message = new ChunkMessage();
  /** What goes again, before all others: it is late on some lane, or was on one that is lost. Rules [T2], [T4]. */
  readonly #late: ReadAhead;
  readonly #lateMessage = new ChunkMessage();
  /** The part of it that is not being read yet. */
  readonly #unreadLate: WantedChunks[] = [];
  #waiting: Waiting = null;
  #paused = false;
  /** Null while nothing is accepted: what arrives is not told before. */
  #isNear: boolean | null = null;
  /** Payload bytes that a lane may have under way, once something is accepted. */
  #windowBytes = windowOf(null);
  /** `held`: further lanes are being made, and each gets one full chunk. */
  #start: StartPace | 'held' | null = null;
  #cancelWake: () => void = () => undefined;
  #stopped = false;

  constructor(private readonly options: SendOptions) {
    const onloaded = () => this.#wake.notify();
    this.#striping = new Striping(options.isWanted);
    this.#reader = new PieceReader(options);
    this.#ahead = new ReadAhead(this.#reader, () => this.#nextWanted(), onloaded);
    this.#late = new ReadAhead(this.#reader, () => this.#unreadLate.shift() ?? null, onloaded);
  }

  /** Runs until stopped. Rejects with what a lane threw. */
  async run(): Promise<void> {
    while (!this.#stopped) {
      const loaded = this.#late.take() ?? this.#ahead.take();
      if (loaded !== null) await this.#pack(loaded);
      else if (this.#message.chunks.length > 0) await this.#send(this.#message, null);
      else {
        this.#waiting = this.#ahead.isEmpty ? 'pieces' : null;
        await this.#wake.wait();
      }
    }
  }

  /** Gives the pipe one lane more. */
  addLane(id: number, bulk: BulkChannel): void {
    this.#lanes.set(id, { bulk, sent: 0, arrived: 0, retired: false });
    this.#striping.laneOpened(id);
    bulk.lowWatermark = HIGH_WATERMARK_BYTES / 2;
    bulk.ondrain = () => this.#wake.notify();
    this.#wake.notify();
  }

  hasLane(id: number): boolean {
    return this.#lanes.has(id);
  }

  /** The lane gets nothing more; what it has may yet arrive. */
  retireLane(id: number): void {
    const lane = this.#lanes.get(id);
    if (lane === undefined) return;
    lane.retired = true;
    // The first lane may be needed again.
    this.#wake.notify();
  }

  /** True when nothing that a lane was given is still awaited from it. */
  isDrained(id: number): boolean {
    return !this.#striping.isUsed(id);
  }

  /**
   * The lane has ended: what it had and others did not goes again.
   * @param received payload bytes that have arrived over it.
   * @throws BeelineError `protocol` for fewer than were said before, or more than were sent.
   */
  removeLane(id: number, received: number): void {
    const lane = this.#lanes.get(id);
    expectCount(lane ?? UNOPENED, received);
    if (lane === undefined) return;
    this.#lanes.delete(id);
    this.options.credit.refund(lane.sent - received);
    this.#striping.arrived(id, received, this.options.clock.now());
    this.#sendAgain({ lane: id, chunks: this.#striping.laneLost(id) });
  }

  /**
   * The receiver has read so many payload bytes from a lane.
   * @throws BeelineError `protocol` for fewer than before, or more than were sent.
   */
  arrived(id: number, bytes: number): void {
    const lane = this.#lanes.get(id);
    if (lane === undefined) return;
    expectCount(lane, bytes);
    lane.arrived = bytes;
    this.#striping.arrived(id, bytes, this.options.clock.now());
    this.#wake.notify();
  }

  /** The receiver has the piece. */
  verified(piece: number): void {
    this.#striping.forget(piece);
  }

  /** The receiver has thrown the piece away, and wants it again before all others that are not begun. */
  again(piece: number): void {
    this.#striping.forget(piece);
    if (this.#masks.has(piece)) this.#masks.set(piece, ALL_CHUNKS);
    else this.options.scheduler.wantFirst([piece]);
    this.#wake.notify();
  }

  /** Sends what a slow lane holds up over another one, if there is nothing else to do. */
  sendLate(): void {
    if (this.#paused || (this.#waiting !== 'pieces' && this.#waiting !== 'credit')) return;
    if (!this.#late.isEmpty) return;
    for (const late of this.#striping.late(this.options.clock.now())) this.#sendAgain(late);
  }

  /** True while something other than the network holds the pipe up. */
  get isLimited(): boolean {
    return this.#paused || this.#waiting === 'pieces' || this.#waiting === 'credit';
  }

  /** To be called when wants or credit have grown. */
  notify(): void {
    this.#wake.notify();
  }

  setPaused(paused: boolean): void {
    this.#paused = paused;
    this.#wake.notify();
  }

  /**
   * @param isNear whether the peer is a neighbour on a LAN.
   * @param rttMs the path's round trip without queues; null until known.
   */
  setPath(isNear: boolean, rttMs: number | null): void {
    this.#isNear = isNear;
    this.#windowBytes = windowOf(rttMs);
    this.#wake.notify();
  }

  /** Begins slowly while nothing is accepted yet: a queue that overflows would hold up what is said meanwhile. Rule [S10]. */
  setAhead(ahead: boolean): void {
    const nowMs = this.options.clock.now();
    this.#start = ahead ? new StartPace(nowMs, this.#lanes.size) : null;
    this.#waiting = null;
    this.#striping.waitedUntil(nowMs);
    this.#wake.notify();
  }

  /** Holds back until further lanes are open, and begins slowly then. */
  setHeld(held: boolean): void {
    if (held) this.#start ??= 'held';
    else if (this.#start === 'held') this.#start = new StartPace(this.options.clock.now(), this.#lanes.size);
    this.#wake.notify();
  }

  stop(): void {
    this.#stopped = true;
    this.#ahead.stop();
    this.#late.stop();
    this.#cancelWake();
    this.#wake.notify();
  }

  /** Puts pieces into messages, and sends those that are full. */
  async #pack(pieces: readonly LoadedPiece[]): Promise<void> {
    for (const loaded of pieces) await this.#packPiece(loaded);
  }

  /** What is late waits for no other piece. */
  async #packPiece({ piece, hash, bytes, mask, lateOn }: LoadedPiece): Promise<void> {
    if (!this.options.isWanted(piece) || this.#putAside(piece, mask)) return;
    const message = lateOn === null ? this.#message : this.#lateMessage;
    for (const chunk of chunksOf(piece, hash, bytes)) {
      if ((mask & (1 << numberOf(chunk))) === 0) continue;
      while (!message.fits(chunk)) {
        if (this.#stopped) return;
        await this.#send(message, lateOn);
      }
      message.add(chunk);
    }
    if (lateOn !== null) await this.#send(message, lateOn);
    this.#reader.recycle(bytes);
  }

  /** Sends a message once a lane has room for it, and empties it. */
  async #send(message: ChunkMessage, lateOn: number | null): Promise<void> {
    const { payloadBytes } = message;
    const id = this.#laneFor(payloadBytes, lateOn) ?? (await this.#waitForLane(payloadBytes, lateOn));
    const lane = this.#lanes.get(id ?? -1);
    if (id === null || lane === undefined) return;
    lane.bulk.send(message.bytes);
    lane.sent += payloadBytes;
    if (this.#start instanceof StartPace) this.#start.sent(payloadBytes);
    this.options.credit.spend(payloadBytes);
    const nowMs = this.options.clock.now();
    for (const { piece, number, bytes } of message.chunks) this.#striping.sent(id, piece, number, bytes, nowMs);
    message.clear();
  }

  /** What was read before its entry was held back is read again later. @returns false when its entry is not. */
  #putAside(piece: number, mask: number): boolean {
    const before = this.#masks.get(piece);
    if (before === undefined && !this.options.scheduler.putAside(piece)) return false;
    this.#masks.set(piece, (before ?? 0) | mask);
    return true;
  }

  /** @returns null once stopped. */
  async #waitForLane(payloadBytes: number, lateOn: number | null): Promise<number | null> {
    while (!this.#stopped) {
      const late = lateOn === null ? this.#late.take() : null;
      if (late !== null) {
        await this.#pack(late);
        continue;
      }
      const id = this.#laneFor(payloadBytes, lateOn);
      if (id !== null) return id;
      await this.#wake.wait();
    }
    return null;
  }

  /** The lane with the most room, or null for now. */
  #laneFor(payloadBytes: number, lateOn: number | null): number | null {
    this.#waiting = null;
    if (this.#stopped || this.#paused || (lateOn === null && this.#late.isWaiting)) return null;
    const kept = lateOn === null && this.#lanes.size > 1 ? LATE_CREDIT_BYTES : 0;
    if (this.options.credit.room - kept < payloadBytes) {
      this.#waiting = 'credit';
      return null;
    }
    if (this.#isEarly()) return null;
    let best: number | null = null;
    let lowest = 1;
    const avoided = this.#hasOther(lateOn) ? lateOn : null;
    const spared = this.#spared;
    for (const [id, lane] of this.#lanes) {
      if (lane.retired || id === avoided || id === spared) continue;
      // One that has just closed is about to be lost; without the first there is nothing more to do here.
      if (id !== FIRST_LANE && !lane.bulk.isOpen) continue;
      const fill = this.#fill(lane, payloadBytes);
      if (fill >= lowest) continue;
      if (this.#start === 'held' && lane.sent >= HELD_BYTES) continue;
      lowest = fill;
      best = id;
    }
    if (best === null) this.#waiting = 'lanes';
    return best;
  }

  /** How full a lane is for a message, 0 to 1 where it has room. Rules [T5], [T9]. */
  #fill({ bulk, sent, arrived }: OpenLane, payloadBytes: number): number {
    if (this.#lanes.size === 1 && this.#isNear === null) return bulk.bufferedAmount / HIGH_WATERMARK_BYTES;
    return (sent - arrived + payloadBytes - 1) / this.#windowBytes;
  }

  /** True while the start's pace allows no more; the pipe is woken then. */
  #isEarly(): boolean {
    if (!(this.#start instanceof StartPace)) return false;
    const waitMs = this.#start.waitMs(this.options.clock.now());
    if (waitMs === 0) return false;
    this.#waiting = 'lanes';
    this.#cancelWake();
    this.#cancelWake = this.options.clock.after(waitMs, () => this.#wake.notify());
    return true;
  }

  /** The lane that carries no bulk data for now: the first, when there are enough others. */
  get #spared(): number | null {
    if (this.#isNear === true) return null;
    let others = 0;
    for (const [id, { retired }] of this.#lanes) if (id !== FIRST_LANE && !retired) others += 1;
    return others >= ENOUGH_OTHERS ? FIRST_LANE : null;
  }

  /** True when another lane than this one is in use. */
  #hasOther(lateOn: number | null): boolean {
    if (lateOn === null) return false;
    for (const [id, { retired }] of this.#lanes) if (!retired && id !== lateOn) return true;
    return false;
  }

  #sendAgain({ lane, chunks }: LateChunks): void {
    for (const [piece, mask] of chunks) this.#unreadLate.push({ piece, mask, lateOn: lane });
    this.#late.readOn();
    this.#wake.notify();
  }

  #nextWanted(): WantedChunks | null {
    const piece = this.options.scheduler.take();
    if (piece === null) return null;
    const mask = this.#masks.get(piece) ?? ALL_CHUNKS;
    this.#masks.delete(piece);
    return { piece, mask, lateOn: null };
  }
}

/** A receiver's count of what it has read from a lane. @throws BeelineError `protocol` for one that cannot be. */
function expectCount({ sent, arrived }: Counts, bytes: number): void {
  if (bytes < arrived || bytes > sent) throw new BeelineError('protocol', `${bytes} of ${sent} bytes arrived`);
}

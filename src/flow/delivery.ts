import { CreditGate } from '../core/credit.ts';
import { asBeelineError, BeelineError, type ErrorCode } from '../core/errors.ts';
import { decodeArrived } from '../core/frame.ts';
import { HaveMap, type Run } from '../core/have.ts';
import { headStartOf } from '../core/head-start.ts';
import { Ledger } from '../core/ledger.ts';
import { MAX_PIECE_FAILURES } from '../core/limits.ts';
import { type Manifest, PieceTable } from '../core/manifest.ts';
import { type ControlMessage, eachOf, manifestMessages, RunReader } from '../core/messages.ts';
import type { Lane, Signaling, Source } from '../core/ports.ts';
import { PieceScheduler } from '../core/scheduler.ts';
import {
  isOver,
  SENDER_START,
  type SenderEffect,
  type SenderEvent,
  type SenderState,
  stepSender,
} from '../core/sender.ts';
import { Conversation, type TransferMessage } from './conversation.ts';
import { FurtherLanes } from './further-lanes.ts';
import { TransferMeter } from './meter.ts';
import { FIRST_LANE, PieceSender } from './send.ts';
import type { DeliveryView } from './views.ts';
import type { World } from './world.ts';

/** What a delivery delivers. */
export interface Offer {
  readonly manifest: Manifest;
  readonly source: Source;
}

/** What the sender's person has decided about a receiver; it holds when the receiver comes back. */
export interface Decided {
  readonly allowed: boolean;
  readonly paused: boolean;
  /** Numbers of entries that it is not to get. */
  readonly cancelled: ReadonlySet<number>;
}

const UNDECIDED: Decided = { allowed: false, paused: false, cancelled: new Set() };

/** One receiver of a share: runs the sender's machine, carries out its effects, and speaks the protocol on its lane. */
export class Delivery {
  /** The list has gone with the answer under way. */
  wasGreeted = false;
  #state: SenderState = SENDER_START;
  #decided: Decided;
  #device = '';
  #silent = false;
  #conversation: Conversation | null = null;
  #lane: Lane | null = null;
  #sender: PieceSender | null = null;
  #lanes: FurtherLanes | null = null;
  #ledger: Ledger | null = null;
  /** The receiver takes the first of the share at once. Rule [S10]. */
  #headStart = false;
  /** Pieces from the first on that were read or sent, or are being, before anything was accepted. */
  #ahead = 0;
  /** Entries of which they could not be read: that is tried again when they are wanted. */
  readonly #unread = new Set<number>();
  readonly #table: PieceTable;
  readonly #accepted: RunReader;
  readonly #wanted: RunReader;
  readonly #scheduler: PieceScheduler;
  readonly #credit = new CreditGate();
  readonly #damages = new Map<number, number>();
  readonly #meter: TransferMeter;

  constructor(
    readonly id: string,
    private readonly world: World,
    private readonly offer: Offer,
    private readonly line: Pick<Signaling, 'check' | 'ice'>,
    /** So few receivers are here that its lanes may be made before they are needed. Rule [A6]. */
    private readonly mayPrepare: () => boolean,
    before: Decided | null,
    /** Progress, or with `urgent` a new state. */
    private readonly onchange: (urgent: boolean) => void,
  ) {
    const { entries } = offer.manifest;
    this.#decided = before ?? UNDECIDED;
    this.#table = new PieceTable(entries.map((entry) => entry.size));
    this.#scheduler = new PieceScheduler(this.#table);
    this.#accepted = new RunReader(entries.length);
    this.#wanted = new RunReader(this.#table.count);
    this.#meter = new TransferMeter(world.clock);
  }

  get state(): SenderState {
    return this.#state;
  }

  /** True once its lane was open. */
  get wasConnected(): boolean {
    return this.#lane !== null;
  }

  get decided(): Decided {
    return this.#decided;
  }

  get view(): DeliveryView {
    const progress = this.#ledger === null ? null : this.#meter.progress(this.#ledger);
    return {
      id: this.id,
      device: this.#device,
      state: this.#state,
      progress,
      path: this.#conversation?.path ?? null,
      lanes: this.#lanes?.open ?? 1,
      silent: this.#silent,
    };
  }

  /** The lane is open. */
  start(lane: Lane, ask: boolean, headStart: boolean): void {
    this.#lane = lane;
    this.#headStart = headStart;
    const conversation = new Conversation(this.world, lane, {
      onhello: (device) => {
        this.#device = device;
        this.onchange(false);
      },
      onmessage: (message) => this.#receive(message),
      onbulk: (message) => this.#arrived(FIRST_LANE, message),
      onpath: () => this.onchange(false),
      onlost: (code) => this.handle({ on: 'lane-lost', code }),
      onfatal: (code) => this.handle({ on: 'fatal', code }),
      // A silent receiver is only shown as such: it is the one that makes new lanes, and the line must be there for them.
      onhearing: (hearing) => {
        if (hearing === 'quiet') this.line.check();
        this.#silent = hearing === 'silent';
        this.onchange(true);
      },
    });
    this.#conversation = conversation;
    this.handle({ on: 'lane-open', ask });
    conversation.listen();
  }

  /** The page is going away. */
  sayBye(): void {
    if (!isOver(this.#state)) this.#send({ t: 'bye' });
  }

  /** Stops sending an entry. The receiver, which alone knows whether it has all of it, is asked to give it up. */
  cancelEntry(entry: number): void {
    this.#decided = { ...this.#decided, cancelled: new Set([...this.#decided.cancelled, entry]) };
    this.#askToCancel(entry);
  }

  /** Feeds the machine; the person's commands come in here too. */
  handle(event: SenderEvent): void {
    if (event.on === 'allow') this.#decided = { ...this.#decided, allowed: true };
    if ((event.on === 'pause' || event.on === 'resume') && event.by === 'me') {
      this.#decided = { ...this.#decided, paused: event.on === 'pause' };
    }
    const [state, ...effects] = stepSender(this.#state, event);
    const changed = state !== this.#state;
    this.#state = state;
    for (const effect of effects) this.#carryOut(effect);
    if (!changed) return;
    if (state.at === 'transferring') this.#setPaused(state.pause.byMe || state.pause.byPeer);
    if (isOver(state)) {
      this.#sender?.stop();
      this.#lanes?.close();
    }
    if (state.at === 'lost') this.#conversation?.drop(state.code);
    this.onchange(true);
    if (event.on !== 'wanted') return;
    for (const entry of this.#decided.cancelled) this.#askToCancel(entry);
    if (this.#decided.paused) this.handle({ on: 'pause', by: 'me' });
  }

  #carryOut(effect: SenderEffect): void {
    switch (effect.do) {
      case 'tell':
        this.#send({ t: effect.what });
        return;
      case 'send-manifest':
        for (const message of manifestMessages(this.offer.manifest)) this.#send(message);
        // The lane may have been closed by now.
        if (!isOver(this.#state)) this.#lanes = this.#openLanes();
        if (this.#headStart) this.#sendAhead();
        return;
      case 'start':
        this.#startSending();
        return;
      case 'hang-up':
        this.#conversation?.hangUp(effect.code);
    }
  }

  #receive(message: TransferMessage): void {
    switch (message.t) {
      case 'accept':
        this.#expect('offered');
        this.#accepted.add(message.entries);
        if (!message.more) this.#ledger = this.#openLedger();
        return;
      case 'want':
        this.#expect('offered');
        this.#want(message);
        return;
      case 'again':
        this.#again(message);
        return;
      case 'ack':
        this.#acknowledged(message);
        return;
      case 'entry-pause':
      case 'entry-resume':
      case 'entry-cancel':
        this.#command(message);
        return;
      case 'lane':
      case 'lane-ended':
        this.#lanes?.receive(message);
        return;
      case 'pause':
      case 'resume':
        this.#expect('transferring');
        this.handle({ on: message.t, by: 'peer' });
        return;
      case 'decline':
      case 'cancel':
        this.handle({ on: message.t, by: 'peer' });
        return;
      case 'done':
        if (this.#ledger?.settled !== true) throw new BeelineError('protocol', 'done before all is verified');
        this.handle({ on: 'done' });
        return;
      case 'bye':
        this.handle({ on: 'lane-lost', code: 'receiver-gone' });
        return;
      case 'error':
        this.handle({ on: 'fatal', code: message.code });
        return;
      case 'asking':
      case 'manifest':
      case 'entries':
      case 'entry-failed':
      case 'lane-end':
        throw new BeelineError('protocol', `a receiver sent ${message.t}`);
    }
  }

  #openLedger(): Ledger {
    if (this.#ledger !== null) throw new BeelineError('protocol', 'accepted twice');
    const ledger = new Ledger(this.offer.manifest, [...eachOf(this.#accepted.runs)]);
    for (const entry of ledger.accepted) if (ledger.isWhole(entry)) ledger.close(entry);
    return ledger;
  }

  /** What is accepted and not wanted, the receiver already has. */
  #want({ runs, more }: Extract<ControlMessage, { t: 'want' }>): void {
    const ledger = this.#ledger;
    if (ledger === null) throw new BeelineError('protocol', 'want before accept');
    this.#wanted.add(runs);
    if (more) return;
    const wanted = eachOf(this.#wanted.runs);
    let next = wanted.next();
    for (const piece of eachOf([...ledger.missing()])) {
      if (next.done !== true && next.value === piece) next = wanted.next();
      else this.#mark(ledger, piece);
    }
    if (next.done !== true) throw new BeelineError('protocol', 'wants what it did not accept');
    this.#scheduler.want(this.#notAhead(this.#wanted.runs));
    this.handle({ on: 'wanted' });
  }

  /** What is not on its way already. */
  #notAhead(runs: readonly Run[]): Run[] {
    const ahead = new HaveMap(this.#table.count);
    for (let piece = 0; piece < this.#ahead; piece++)
      if (!this.#unread.has(this.#table.span(piece).entry)) ahead.mark(piece);
    return runs.flatMap(([from, count]) => [...ahead.missing(from, from + count)]);
  }

  #again({ piece, damaged }: Extract<ControlMessage, { t: 'again' }>): void {
    if (!this.#ledger?.lacks(piece)) throw new BeelineError('protocol', `piece ${piece} asked for again`);
    if (damaged) this.#countDamage(piece);
    this.#sender?.again(piece);
  }

  #countDamage(piece: number): void {
    const damages = (this.#damages.get(piece) ?? 0) + 1;
    this.#damages.set(piece, damages);
    if (damages >= MAX_PIECE_FAILURES) throw new BeelineError('corrupt', `piece ${piece}`);
  }

  /** What is accepted is the receiver's to hold back and to give up. */
  #command({ t, entry }: Extract<ControlMessage, { t: 'entry-pause' | 'entry-resume' | 'entry-cancel' }>): void {
    const ledger = this.#ledger;
    if (!ledger?.wasAccepted(entry)) throw new BeelineError('protocol', `${t} ${entry}`);
    if (t === 'entry-cancel') ledger.cancel(entry, this.#decided.cancelled.has(entry) ? 'me' : 'peer');
    else if (t === 'entry-pause') {
      if (ledger.pause(entry)) this.#scheduler.hold(entry);
    } else if (ledger.resume(entry)) this.#scheduler.release(entry);
    this.#sender?.notify();
    this.onchange(false);
  }

  #askToCancel(entry: number): void {
    if (this.#state.at !== 'transferring' || this.#ledger?.isOpen(entry) !== true) return;
    this.#scheduler.hold(entry);
    this.#send({ t: 'entry-cancel', entry });
  }

  #acknowledged({ credit, verified }: Extract<ControlMessage, { t: 'ack' }>): void {
    const ledger = this.#ledger;
    if (ledger === null) throw new BeelineError('protocol', 'ack before accept');
    for (const [from, count] of verified) {
      if (from + count > this.#table.count) throw new BeelineError('protocol', 'ack beyond the share');
      for (let piece = from; piece < from + count; piece++) {
        this.#sender?.verified(piece);
        this.#mark(ledger, piece);
      }
    }
    this.#credit.raise(credit);
    this.#sender?.notify();
    this.#meter.sample(ledger.markedBytes);
    this.onchange(false);
  }

  #arrived(lane: number, message: unknown): void {
    const bytes = decodeArrived(message);
    if (this.#sender === null) throw new BeelineError('protocol', 'arrivals before accept');
    this.#sender.arrived(lane, bytes);
  }

  #mark(ledger: Ledger, piece: number): void {
    const whole = ledger.mark(piece);
    if (whole !== null) ledger.close(whole);
  }

  /**
   * Reads what goes before the receiver has accepted anything, unless the person has held something back from it. It may
   * be read while the lane is being made.
   */
  readAhead(): void {
    if (this.#sender !== null || !this.#mayHaveAhead) return;
    this.#ahead = headStartOf(this.#table);
    if (this.#ahead === 0) return;
    this.#scheduler.want([[0, this.#ahead]]);
    this.#sender = this.#openSender();
  }

  /** What was read and is held back meanwhile goes when it is wanted. */
  #sendAhead(): void {
    this.readAhead();
    if (this.#ahead > 0 && this.#mayHaveAhead) this.#connectSender()?.setAhead(true);
  }

  get #mayHaveAhead(): boolean {
    const { paused, cancelled } = this.#decided;
    return !isOver(this.#state) && !paused && cancelled.size === 0;
  }

  /** The pipe begins to send what is wanted. */
  #connectSender(): PieceSender | null {
    const lane = this.#lane;
    if (lane === null) return null;
    const sender = (this.#sender ??= this.#openSender());
    if (!sender.hasLane(FIRST_LANE)) sender.addLane(FIRST_LANE, lane.bulk);
    return sender;
  }

  #openSender(): PieceSender {
    const sender = new PieceSender({
      source: this.offer.source,
      table: this.#table,
      scheduler: this.#scheduler,
      credit: this.#credit,
      subtle: this.world.subtle,
      clock: this.world.clock,
      isWanted: (piece) => this.#ledger?.lacks(piece) ?? true,
      onentryfailed: (entry, code) => this.#failEntry(entry, code),
    });
    sender.run().catch((error: unknown) => this.handle({ on: 'lane-lost', code: asBeelineError(error).code }));
    return sender;
  }

  #startSending(): void {
    const [sender, ledger] = [this.#connectSender(), this.#ledger];
    if (sender === null || ledger === null) return;
    // Nobody waits for what is not accepted.
    for (let piece = 0; piece < this.#ahead; piece++) if (!ledger.lacks(piece)) sender.verified(piece);
    sender.setAhead(false);
    this.#lanes?.carry(sender);
  }

  #openLanes(): FurtherLanes {
    return new FurtherLanes({
      world: this.world,
      ice: () => this.line.ice(),
      say: (message) => this.#send(message),
      hear: (id, message) => void this.#conversation?.guard(() => this.#arrived(id, message)),
      pace: () => ({
        verifiedBytes: this.#ledger?.markedBytes ?? 0,
        leftBytes: this.#ledger?.bytesLeft ?? this.offer.manifest.totalBytes,
        path: this.#conversation?.path ?? null,
      }),
      mayPrepare: this.mayPrepare,
      onchange: () => this.onchange(false),
    });
  }

  #failEntry(entry: number, code: ErrorCode): void {
    if (this.#state.at !== 'transferring') this.#unread.add(entry);
    else if (this.#ledger?.fail(entry, code) === true) this.#send({ t: 'entry-failed', entry, code });
    this.onchange(false);
  }

  #setPaused(paused: boolean): void {
    this.#sender?.setPaused(paused);
    this.#meter.reset();
  }

  #expect(at: SenderState['at']): void {
    if (this.#state.at !== at) throw new BeelineError('protocol', `unexpected in ${this.#state.at}`);
  }

  #send(message: ControlMessage): void {
    this.#conversation?.send(message);
  }
}

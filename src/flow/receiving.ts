import { asBeelineError, BeelineError, type ErrorCode } from '../core/errors.ts';
import type { ShareKeys } from '../core/link.ts';
import { HeldMessages } from '../core/head-start.ts';
import type { EntryCommand } from '../core/ledger.ts';
import { type Manifest, planEntries, type PlannedEntry } from '../core/manifest.ts';
import type { ControlMessage, Greeting } from '../core/messages.ts';
import type { Lane, Receipt, Room, Signaling, Sink, SinkPlan } from '../core/ports.ts';
import {
  type Acceptance,
  RECEIVER_START,
  type ReceiverEffect,
  type ReceiverEvent,
  type ReceiverState,
  stepReceiver,
} from '../core/receiver.ts';
import { Conversation } from './conversation.ts';
import { dialLine, type ReceiverLine } from './receiver-line.ts';
import { Redial } from './redial.ts';
import { Arrivals } from './arrivals.ts';
import { TransferMeter } from './meter.ts';
import { Publisher } from './publisher.ts';
import { expectAt, Incoming } from './incoming.ts';
import { Intake, planOf } from './intake.ts';
import { JoinedLanes } from './joined-lanes.ts';
import { Keeper, reportStorage } from './keeper.ts';
import type { ReceiveHandlers } from './receive.ts';
import type { ReceivingSession, ReceivingView } from './views.ts';
import type { World } from './world.ts';

/** Receives from one link: runs the receiver's machine, carries out its effects, and speaks the protocol on its lane. */
export class Receiving implements ReceivingSession {
  #state: ReceiverState = RECEIVER_START;
  #device = '';
  #entries: readonly PlannedEntry[] | null = null;
  #room: Room | null = null;
  #saving: ReceivingView['saving'] = 'no';
  #conversation: Conversation | null = null;
  #lanes: JoinedLanes | null = null;
  #intake: Intake | null = null;
  /** Reads what has come over the lane before anything was accepted. */
  #takeHeld: () => void = () => undefined;
  /** Where the intake asked for its pieces: a newer lane has to hear `accept` before anything else of it. */
  #asked: Conversation | null = null;
  /** Bytes looked at again after a reload; null when nothing is being looked at. */
  #checkedBytes: number | null = null;
  #place: unknown = null;
  #closed = false;
  /** A lane that opened before it was known whether an earlier page's transfer goes on, and what came before it. */
  #early: Lane | null = null;
  #earlyGreeting: Greeting | null = null;
  #isKnown = true;
  readonly #keeper: Keeper;
  readonly #signaling: Signaling;
  readonly #redial: Redial;
  readonly #meter: TransferMeter;
  readonly #publisher: Publisher<ReceivingView>;

  /**
   * @param receipt of an earlier page's transfer from the same link, which goes on; while it is being looked for, the
   * sender is dialed.
   */
  constructor(
    private readonly world: World,
    private readonly keys: ShareKeys,
    receipt: Receipt | null | Promise<Receipt | null> = null,
    line: ReceiverLine = dialLine(world),
  ) {
    this.#keeper = new Keeper(world, keys);
    this.#meter = new TransferMeter(world.clock);
    this.#signaling = line.signaling;
    this.#redial = new Redial(world, line, keys, {
      takesHeadStart: () => this.#intake === null && !world.archive.mayHaveReceipt(keys.roomId),
      onlane: (lane) => {
        if (this.#isKnown) this.#connected(lane);
        else this.#early = lane;
      },
      ongreeting: (greeting) => {
        if (this.#isKnown) this.#greeted(greeting);
        else this.#earlyGreeting = greeting;
      },
      onfailed: (code) => {
        this.#earlyGreeting = null;
        this.#handle({ on: 'attempt-failed', code });
      },
      ontrouble: (code) => this.#handle({ on: 'held-up', code }),
      onstatus: () => this.#publisher.touch(),
    });
    this.#publisher = new Publisher(world.clock, () => this.#render());
    if (receipt !== null && !(receipt instanceof Promise)) this.#goOn(receipt);
    else {
      if (receipt !== null) void this.#look(receipt);
      if (line.dial === null) this.#redial.dial(0);
      else this.#redial.attend(line.dial);
    }
  }

  get view(): ReceivingView {
    return this.#publisher.view;
  }

  watch(onchange: (view: ReceivingView) => void): () => void {
    return this.#publisher.watch(onchange);
  }

  accept(entries: readonly number[], place: unknown): void {
    this.#place = place;
    this.#handle({ on: 'accept', accepted: entries });
  }

  decline(): void {
    if (this.#state.at === 'offered') this.#send({ t: 'decline' });
    this.#handle({ on: 'cancel', by: 'me', keep: false });
  }

  pause(): void {
    this.#handle({ on: 'pause', by: 'me' });
  }

  resume(): void {
    this.#handle({ on: 'resume', by: 'me' });
  }

  cancel(keep: boolean): void {
    this.#handle({ on: 'cancel', by: 'me', keep });
  }

  command(entry: number, command: EntryCommand): void {
    this.#command(entry, command, 'me');
  }

  retry(): void {
    this.#handle({ on: 'retry' });
  }

  async save(as: 'files' | 'zip'): Promise<void> {
    const intake = this.#intake;
    if (intake === null || this.#saving === 'running') return;
    this.#setSaving('running');
    try {
      await intake.save(as);
      this.#setSaving('done');
    } catch (error) {
      this.#setSaving(asBeelineError(error, 'disk-failed').code);
    }
  }

  /** To be called when the page is closed or reloaded. Rule [C7]. */
  sayBye(): void {
    this.#send({ t: 'bye' });
  }

  close(): void {
    this.sayBye();
    this.#closed = true;
    this.#redial.close();
    this.#signaling.close();
    this.#early?.close();
    this.#conversation?.drop('connection-lost');
    const { at } = this.#state;
    if (this.#intake !== null && (at === 'transferring' || at === 'reconnecting')) {
      this.#keeper.note('unfinished', this.#intake);
    }
    this.#intake?.release(true).catch(reportStorage);
  }

  /** A database that cannot be read keeps nothing. */
  async #look(finding: Promise<Receipt | null>): Promise<void> {
    this.#isKnown = false;
    const receipt = await finding.catch((error: unknown) => {
      reportStorage(error);
      return null;
    });
    this.#isKnown = true;
    if (this.#closed) return;
    const [early, greeting] = [this.#early, this.#earlyGreeting];
    this.#early = this.#earlyGreeting = null;
    if (receipt !== null) {
      this.#redial.stop();
      early?.close();
      this.#goOn(receipt);
      return;
    }
    if (greeting !== null) this.#greeted(greeting);
    if (early !== null) this.#connected(early);
  }

  #goOn(receipt: Receipt): void {
    const { manifest, accepted } = receipt;
    this.#keeper.resume(receipt);
    this.#entries = planEntries(manifest.entries);
    this.#state = { at: 'checking', manifest, accepted };
    this.#publisher.publish();
    void this.#recall();
  }

  #handle(event: ReceiverEvent): void {
    if (this.#closed) return;
    if (event.on === 'pause' || event.on === 'resume') this.#meter.reset();
    const [state, ...effects] = stepReceiver(this.#state, event);
    const changed = state !== this.#state;
    this.#state = state;
    for (const effect of effects) this.#carryOut(effect);
    if (!changed) return;
    if (state.at === 'finished' && this.#intake !== null) {
      this.#keeper.note('finished', this.#intake);
      if (state.confirmed) this.#keeper.confirmed();
    }
    this.#publisher.publish();
  }

  #carryOut(effect: ReceiverEffect): void {
    switch (effect.do) {
      case 'dial':
        this.#redial.dial(effect.delayMs);
        return;
      case 'stop-dialing':
        this.#redial.stop();
        return;
      case 'open-sink':
        void this.#openSink();
        return;
      case 'start':
        this.#start();
        return;
      case 'tell':
        this.#send({ t: effect.what });
        return;
      case 'hang-up':
        this.#hangUp(effect.code);
        return;
      case 'recall':
        void this.#recall();
        return;
      case 'ask-refused':
        this.#intake?.pieces.askRefused();
        return;
      case 'release-sink':
        void this.#release(effect.keep);
    }
  }

  /** Before the lane is open. Rule [S9]. */
  #greeted({ device, manifest }: Greeting): void {
    this.#device = device;
    this.#listed(manifest, 'listed-ahead');
  }

  async #release(keep: boolean): Promise<void> {
    const intake = this.#intake;
    this.#intake = null;
    await this.#keeper.release(intake, keep);
  }

  #connected(lane: Lane): void {
    // The lane that this one was made beside, if it has not ended by itself.
    this.#conversation?.drop('connection-lost');
    const arrivals = new Arrivals(lane.bulk);
    const held = new HeldMessages();
    const lanes = new JoinedLanes({
      world: this.world,
      ice: () => this.#signaling.ice(),
      path: () => conversation.path,
      say: (message) => conversation.send(message),
      take: (message, from) => void conversation.guard(() => this.#take(message, from)),
      onchange: () => this.#publisher.touch(),
    });
    const conversation = new Conversation(this.world, lane, {
      onhello: (device) => {
        this.#device = device;
        this.#publisher.touch();
      },
      onmessage: (message) => incoming.receive(message),
      onbulk: (message) => {
        if (isUndecided(this.#state)) held.hold(message);
        else this.#take(message, arrivals);
      },
      onpath: () => this.#publisher.touch(),
      onlost: (code) => this.#handle({ on: 'lane-lost', code }),
      onfatal: (code) => this.#handle({ on: 'fatal', code }),
      onend: () => {
        lanes.close();
        held.take();
      },
      onhearing: (hearing) => {
        if (hearing === 'silent') conversation.drop('peer-silent');
        else this.#handle({ on: hearing });
      },
    });
    const incoming = new Incoming({
      at: () => this.#state.at,
      handle: (event) => this.#handle(event),
      lanes,
      onlist: (manifest) => this.#listed(manifest, 'manifest'),
      onentryfailed: (entry, code) => this.#entryFailed(entry, code),
      onentrycancelled: (entry) => {
        this.#expectAccepted(entry);
        this.#command(entry, 'cancel', 'peer');
      },
      onbye: () => conversation.drop('connection-lost'),
    });
    this.#conversation = conversation;
    this.#lanes = lanes;
    this.#takeHeld = () => {
      for (const message of held.take()) {
        // One that is wrong ends the transfer.
        if (this.#state.at === 'transferring') conversation.guard(() => this.#take(message, arrivals));
      }
    };
    this.#handle({ on: 'lane-open' });
    conversation.listen();
  }

  /** One bulk message, and the arrivals of its lane. */
  #take(message: unknown, arrivals: Arrivals): void {
    expectAt(this.#state.at, 'transferring', 'finished');
    arrivals.add(this.#intake?.pieces.take(message) ?? 0);
  }

  #listed(manifest: Manifest, on: 'manifest' | 'listed-ahead'): void {
    const { at } = this.#state;
    if (at === 'greeting' || at === 'connecting') this.#entries = planEntries(manifest.entries);
    this.#handle({ on, manifest });
    this.world.sinks.room().then((room) => {
      this.#room = room;
      this.#publisher.touch();
    }, reportStorage);
  }

  #entryFailed(entry: number, code: ErrorCode): void {
    const intake = this.#intake;
    if (intake === null) return;
    this.#expectAccepted(entry);
    if (!intake.ledger.fail(entry, code)) return;
    this.#publisher.touch();
    intake.pieces.drop(entry).catch((error: unknown) => this.#fail(asBeelineError(error, 'disk-failed')));
  }

  #expectAccepted(entry: number): void {
    if (this.#intake?.ledger.wasAccepted(entry) === false) throw new BeelineError('protocol', `entry ${entry}`);
  }

  #command(entry: number, command: EntryCommand, by: 'me' | 'peer'): void {
    const intake = this.#intake;
    if (intake === null) return;
    const { size } = intake.ledger.cancelled;
    const done = intake.command(entry, command, by);
    if (intake.ledger.cancelled.size > size) this.#keeper.cancelled(intake);
    if (by === 'me') this.#publisher.publish();
    done.catch((error: unknown) => this.#fail(asBeelineError(error, 'disk-failed')));
  }

  async #openSink(): Promise<void> {
    const state = this.#state;
    if (state.at !== 'preparing') return;
    const plan = planOf(state, this.#entries ?? undefined);
    let sink: Sink;
    // An earlier transfer from this link holds the room this one needs.
    await this.#release(false);
    try {
      sink = await this.world.sinks.open(plan, this.#place);
    } catch (error) {
      this.#handle({ on: 'sink-refused', code: asBeelineError(error, 'disk-failed').code });
      return;
    }
    // The lane may have opened meanwhile.
    const now = this.#state;
    if (now.at !== 'preparing' || now.accepted !== state.accepted) {
      await sink.discard();
      return;
    }
    const intake = this.#takeIn(state, plan, sink);
    this.#keeper.accepted(state, sink.storage);
    this.#keeper.note('unfinished', intake);
    this.#handle({ on: 'sink-open' });
    intake.pieces.closeWholeEntries();
  }

  /** Looks at what an earlier page left, or a failure; what never left this page needs no look. */
  async #recall(): Promise<void> {
    const state = this.#state;
    if (state.at !== 'checking') return;
    try {
      const intake = await this.#reopen(state);
      await intake.recall((bytes) => {
        this.#checkedBytes = (this.#checkedBytes ?? 0) + bytes;
        this.#publisher.touch();
      });
      this.#checkedBytes = null;
      if (this.#state !== state) return;
      this.#handle({ on: 'recalled' });
      intake.pieces.closeWholeEntries();
    } catch (error) {
      this.#checkedBytes = null;
      if (this.#state === state) this.#handle({ on: 'not-recalled', code: asBeelineError(error, 'disk-failed').code });
    }
  }

  async #reopen(state: ReceiverState & Acceptance): Promise<Intake> {
    const { receipt } = this.#keeper;
    if (receipt === null) {
      if (this.#intake === null) throw new BeelineError('gone', 'nothing was kept');
      return this.#intake;
    }
    const before = this.#intake;
    this.#intake = null;
    await before?.release(true).catch(reportStorage);
    this.#checkedBytes = 0;
    const plan = planOf(state, this.#entries ?? undefined);
    const sink = await this.world.sinks.reopen(plan, receipt.storage);
    if (this.#state === state && !this.#closed) return this.#takeIn(receipt, plan, sink);
    await sink.close();
    throw new BeelineError('gone', 'given up meanwhile');
  }

  #takeIn(acceptance: Acceptance | Receipt, plan: SinkPlan, sink: Sink): Intake {
    const handlers: ReceiveHandlers = {
      send: (message) => this.#asked?.send(message),
      onprogress: () => this.#progressed(),
      onsettled: () => this.#handle({ on: 'all-verified' }),
      onblocked: (code) => this.#handle({ on: 'blocked', code }),
      onerror: (error) => this.#fail(error),
    };
    this.#intake = new Intake(this.world, acceptance, plan, sink, handlers);
    return this.#intake;
  }

  #progressed(): void {
    const intake = this.#intake;
    if (intake === null) return;
    this.#meter.sample(intake.ledger.markedBytes);
    this.#publisher.touch();
    this.#keeper.progressed(intake);
  }

  /** Asks for all that is missing; after a reconnection that is less. */
  #start(): void {
    const intake = this.#intake;
    if (intake === null) return;
    this.#meter.reset();
    intake.pieces.attach();
    this.#asked = this.#conversation;
    for (const message of intake.requests()) this.#send(message);
    this.#takeHeld();
    // The last piece may have become durable while there was no lane.
    if (intake.ledger.settled) this.#handle({ on: 'all-verified' });
  }

  #send(message: ControlMessage): void {
    this.#conversation?.send(message);
  }

  #hangUp(code: ErrorCode | null): void {
    this.#redial.stop();
    this.#conversation?.hangUp(code);
  }

  /** What went wrong here, not in what the peer said. */
  #fail({ code, detail }: BeelineError): void {
    console.warn('receiving ended:', code, detail);
    this.#handle({ on: 'fatal', code });
  }

  #setSaving(saving: ReceivingView['saving']): void {
    this.#saving = saving;
    this.#publisher.touch();
  }

  #render(): ReceivingView {
    const intake = this.#intake;
    return {
      state: this.#state,
      fingerprint: this.keys.fingerprint,
      device: this.#device,
      signaling: this.#signaling.status,
      entries: this.#entries,
      room: this.#room,
      sink: intake === null ? null : { kind: intake.sink.kind, inPlace: intake.sink.inPlace },
      progress: intake === null ? null : this.#meter.progress(intake.ledger),
      checkedBytes: this.#checkedBytes,
      lastFailed: this.#redial.lastFailed,
      path: this.#conversation?.path ?? null,
      lanes: this.#lanes?.open ?? 0,
      saving: this.#saving,
    };
  }
}

/** True before something is accepted: what comes then is a head start. Rule [S10]. */
function isUndecided({ at }: ReceiverState): boolean {
  return at === 'greeting' || at === 'offered' || at === 'preparing';
}

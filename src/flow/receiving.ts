import { asBeelineError, BeelineError, type ErrorCode } from '../core/errors.ts';
import { Ledger } from '../core/ledger.ts';
import type { ShareKeys } from '../core/link.ts';
import { planEntries, type PlannedEntry } from '../core/manifest.ts';
import { type ControlMessage, ManifestReader, runMessages } from '../core/messages.ts';
import { toRuns } from '../core/have.ts';
import type { Lane, Room, Signaling, Sink } from '../core/ports.ts';
import {
  RECEIVER_START,
  type ReceiverEffect,
  type ReceiverEvent,
  type ReceiverState,
  stepReceiver,
} from '../core/receiver.ts';
import { Conversation, type TransferMessage } from './conversation.ts';
import { Redial } from './redial.ts';
import { TransferMeter } from './meter.ts';
import { Publisher } from './publisher.ts';
import { PieceReceiver } from './receive.ts';
import { randomId } from './identity.ts';
import type { ReceivingSession, ReceivingView } from './views.ts';
import type { World } from './world.ts';

/** What accepting has opened: it lasts over any number of lanes. */
interface Transfer {
  readonly sink: Sink;
  readonly ledger: Ledger;
  readonly receiver: PieceReceiver;
}

/** Receives from one link: runs the receiver's machine, carries out its effects, and speaks the protocol on its lane. */
export class Receiving implements ReceivingSession {
  #state: ReceiverState = RECEIVER_START;
  #device = '';
  #entries: readonly PlannedEntry[] | null = null;
  #room: Room | null = null;
  #saving: ReceivingView['saving'] = 'no';
  #conversation: Conversation | null = null;
  #listing: ManifestReader | null = null;
  #transfer: Transfer | null = null;
  #place: unknown = null;
  #closed = false;
  readonly #signaling: Signaling;
  readonly #redial: Redial;
  readonly #meter: TransferMeter;
  readonly #publisher: Publisher<ReceivingView>;

  constructor(
    private readonly world: World,
    private readonly keys: ShareKeys,
  ) {
    const id = randomId(world);
    this.#meter = new TransferMeter(world.clock);
    this.#signaling = world.signaling.connect(id, randomId(world));
    this.#redial = new Redial(world, this.#signaling, keys, id, {
      onlane: (lane) => this.#connected(lane),
      onlost: (code) => this.#handle({ on: 'lane-lost', code }),
      onfatal: (code) => this.#handle({ on: 'fatal', code }),
      onstatus: () => this.#publisher.touch(),
    });
    this.#publisher = new Publisher(world.clock, () => this.#render());
    this.#redial.dial(0);
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
    this.#handle({ on: 'cancel', by: 'me' });
  }

  pause(): void {
    this.#handle({ on: 'pause', by: 'me' });
  }

  resume(): void {
    this.#handle({ on: 'resume', by: 'me' });
  }

  cancel(): void {
    this.#handle({ on: 'cancel', by: 'me' });
  }

  retry(): void {
    this.#handle({ on: 'retry' });
  }

  async save(as: 'files' | 'zip'): Promise<void> {
    const transfer = this.#transfer;
    if (transfer === null || this.#saving === 'running') return;
    const { ledger, sink } = transfer;
    this.#setSaving('running');
    try {
      await sink.save(
        ledger.accepted.filter((entry) => ledger.status(entry) === 'verified'),
        as,
      );
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
    this.#conversation?.drop('connection-lost');
    this.#transfer?.receiver.stop();
    this.#transfer?.sink.close().catch(reportDisk);
  }

  #handle(event: ReceiverEvent): void {
    if (this.#closed) return;
    const [state, ...effects] = stepReceiver(this.#state, event);
    const changed = state !== this.#state;
    this.#state = state;
    for (const effect of effects) this.#carryOut(effect);
    if (changed) this.#publisher.publish();
  }

  #carryOut(effect: ReceiverEffect): void {
    switch (effect.do) {
      case 'dial':
        this.#redial.dial(effect.delayMs);
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
      case 'discard-sink':
        void this.#dropTransfer();
    }
  }

  async #dropTransfer(): Promise<void> {
    const transfer = this.#transfer;
    this.#transfer = null;
    transfer?.receiver.stop();
    await transfer?.sink.discard().catch(reportDisk);
  }

  #connected(lane: Lane): void {
    this.#listing = null;
    const conversation = new Conversation(this.world, lane, {
      onhello: (device) => {
        this.#device = device;
        this.#publisher.touch();
      },
      onmessage: (message) => this.#receive(message),
      onbulk: (message) => {
        this.#expect('transferring', 'finished');
        this.#transfer?.receiver.take(message);
      },
      onpath: () => this.#publisher.touch(),
      onlost: (code) => this.#handle({ on: 'lane-lost', code }),
      onfatal: (code) => this.#handle({ on: 'fatal', code }),
      onsilence: () => conversation.drop('connection-lost'),
    });
    this.#conversation = conversation;
    this.#handle({ on: 'lane-open' });
    conversation.listen();
  }

  #receive(message: TransferMessage): void {
    switch (message.t) {
      case 'asking':
        this.#expect('greeting', 'reconnecting');
        this.#handle({ on: 'asked' });
        return;
      case 'manifest':
        if (this.#listing !== null) throw new BeelineError('protocol', 'two manifests');
        this.#listing = new ManifestReader(message);
        this.#listed(this.#listing);
        return;
      case 'entries':
        if (this.#listing === null) throw new BeelineError('protocol', 'entries before a manifest');
        this.#listing.add(message);
        this.#listed(this.#listing);
        return;
      case 'entry-failed':
        this.#entryFailed(message);
        return;
      case 'pause':
      case 'resume':
        this.#expect('transferring', 'finished');
        this.#meter.reset();
        this.#handle({ on: message.t, by: 'peer' });
        return;
      case 'decline':
        this.#handle({ on: 'fatal', code: 'sender-declined' });
        return;
      case 'cancel':
        this.#handle({ on: 'cancel', by: 'peer' });
        return;
      case 'done':
        if (this.#state.at !== 'finished') throw new BeelineError('protocol', 'done too early');
        this.#hangUp(null);
        return;
      case 'bye':
        this.#conversation?.drop('connection-lost');
        return;
      case 'error':
        this.#handle({ on: 'fatal', code: message.code });
        return;
      case 'accept':
      case 'want':
      case 'again':
      case 'ack':
        throw new BeelineError('protocol', `the sender sent ${message.t}`);
    }
  }

  #listed(listing: ManifestReader): void {
    const manifest = listing.finish();
    if (manifest === null) return;
    if (this.#state.at !== 'reconnecting') this.#entries = planEntries(manifest.entries);
    this.#handle({ on: 'manifest', manifest });
    this.world.sinks.room().then((room) => {
      this.#room = room;
      this.#publisher.touch();
    }, reportDisk);
  }

  #entryFailed({ entry, code }: Extract<ControlMessage, { t: 'entry-failed' }>): void {
    this.#expect('transferring', 'finished');
    const transfer = this.#transfer;
    if (transfer === null) return;
    if (transfer.ledger.status(entry) === 'skipped') throw new BeelineError('protocol', `entry ${entry} failed`);
    if (!transfer.ledger.fail(entry, code)) return;
    this.#publisher.touch();
    transfer.receiver.fail(entry).catch((error: unknown) => this.#fail(asBeelineError(error, 'disk-failed')));
  }

  async #openSink(): Promise<void> {
    const state = this.#state;
    if (state.at !== 'preparing') return;
    const { manifest, accepted } = state;
    const chosen = new Set(accepted);
    const entries = (this.#entries ?? []).filter((entry) => chosen.has(entry.index));
    let sink: Sink;
    try {
      // A transfer that failed before holds the room this one needs.
      await this.#dropTransfer();
      sink = await this.world.sinks.open({ shareId: manifest.shareId, entries }, this.#place);
    } catch (error) {
      this.#handle({ on: 'sink-refused', code: asBeelineError(error, 'disk-failed').code });
      return;
    }
    if (this.#state !== state) {
      await sink.discard();
      return;
    }
    const ledger = new Ledger(manifest, accepted);
    const receiver = new PieceReceiver({
      ledger,
      sink,
      subtle: this.world.subtle,
      clock: this.world.clock,
      send: (message) => this.#send(message),
      onprogress: () => {
        this.#meter.sample(ledger.verifiedBytes);
        this.#publisher.touch();
      },
      onsettled: () => this.#handle({ on: 'all-verified' }),
      onerror: (error) => this.#fail(error),
    });
    this.#transfer = { sink, ledger, receiver };
    this.#handle({ on: 'sink-open' });
    receiver.closeEmptyEntries();
  }

  /** Asks for all that is missing; after a reconnection that is less. */
  #start(): void {
    const transfer = this.#transfer;
    if (transfer === null) return;
    const { ledger, receiver } = transfer;
    this.#meter.reset();
    receiver.attach();
    for (const message of runMessages(
      toRuns(ledger.accepted.filter((entry) => ledger.failure(entry) === null)),
      (entries, more) => ({ t: 'accept', entries, more }) as const,
    )) {
      this.#send(message);
    }
    for (const message of runMessages(ledger.missing(), (runs, more) => ({ t: 'want', runs, more }) as const)) {
      this.#send(message);
    }
    // The last piece may have become durable while there was no lane.
    if (ledger.settled) this.#handle({ on: 'all-verified' });
  }

  #expect(...places: ReceiverState['at'][]): void {
    if (!places.includes(this.#state.at)) throw new BeelineError('protocol', `unexpected in ${this.#state.at}`);
  }

  #send(message: ControlMessage): void {
    this.#conversation?.send(message);
  }

  #hangUp(code: ErrorCode | null): void {
    this.#redial.close();
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
    const transfer = this.#transfer;
    return {
      state: this.#state,
      fingerprint: this.keys.fingerprint,
      device: this.#device,
      signaling: this.#signaling.status,
      entries: this.#entries,
      room: this.#room,
      sink: transfer === null ? null : { kind: transfer.sink.kind, inPlace: transfer.sink.inPlace },
      progress: transfer === null ? null : this.#meter.progress(transfer.ledger),
      path: this.#conversation?.path ?? null,
      saving: this.#saving,
    };
  }
}

/** Closing or deleting storage failed: nothing the person could do; the next start cleans up. */
function reportDisk(error: unknown): void {
  console.warn('storage:', asBeelineError(error, 'disk-failed').detail);
}

import type { ErrorCode } from '../core/errors.ts';
import { toFragment } from '../core/link.ts';
import { greetingMessages } from '../core/messages.ts';
import { topOf } from '../core/paths.ts';
import type { Lane, Signaling } from '../core/ports.ts';
import { type Admission, isOver, type SenderEvent } from '../core/sender.ts';
import { Delivery, type Offer } from './delivery.ts';
import type { ShareIdentity } from './identity.ts';
import { reportStorage } from './keeper.ts';
import { OfferListener } from './listen.ts';
import { Publisher } from './publisher.ts';
import type { SharingSession, SharingView } from './views.ts';
import type { World } from './world.ts';

/** Receivers listed at a time; the oldest that are over make room. */
const MAX_DELIVERIES = 100;

/** Receivers that get lanes before they have accepted anything: a page of Chromium has no more than 500 connections. */
const MAX_PREPARED = 8;

/** Milliseconds from the answer until a receiver is shown as connecting: on a LAN it is connected by then. */
const DRAW_AFTER_MS = 100;

/** Shares an offer under its link with any number of receivers, each with a connection and progress of its own. */
export class Sharing implements SharingSession {
  readonly #publisher: Publisher<SharingView>;
  readonly #signaling: Signaling;
  readonly #listener: OfferListener;
  /** By receiver id, in order of arrival. A receiver that comes back replaces its lost delivery. */
  readonly #deliveries = new Map<string, Delivery>();
  #admission: Admission = 'anyone';
  readonly #greetingTexts: readonly string[];

  /** @param origin the app's own address, e.g. `https://host/`. */
  constructor(
    private readonly world: World,
    private readonly identity: ShareIdentity,
    private readonly offer: Offer,
    private readonly origin: string,
    /** Called once the share is no longer open here. */
    private readonly onended: () => void = () => undefined,
  ) {
    this.#greetingTexts = greetingMessages({ device: world.device, manifest: offer.manifest });
    this.#signaling = world.signaling.connect(identity.keys.roomId, identity.token);
    this.#listener = new OfferListener(world, this.#signaling, identity, {
      admit: (receiver) => this.#refusal(receiver),
      greeting: (receiver) => this.#greeting(receiver),
      onattempt: (receiver) => this.#begin(receiver),
      onanswered: (receiver, headStart) => {
        if (headStart && !this.#mustAsk(receiver)) this.#deliveries.get(receiver)?.readAhead();
        this.world.clock.after(DRAW_AFTER_MS, () => {
          if (this.#deliveries.get(receiver)?.state.at === 'connecting') this.#publisher.touch();
        });
      },
      onlane: (receiver, lane, headStart) => this.#connected(receiver, lane, headStart),
      onfailed: (receiver, { code }) => this.#attemptFailed(receiver, code),
    });
    this.#publisher = new Publisher(world.clock, () => this.#render());
    this.#signaling.onmessage = (message) => this.#listener.receive(message);
    this.#signaling.onstatus = () => this.#publisher.touch();
    this.#note();
  }

  get view(): SharingView {
    return this.#publisher.view;
  }

  watch(onchange: (view: SharingView) => void): () => void {
    return this.#publisher.watch(onchange);
  }

  setAdmission(admission: Admission): void {
    this.#admission = admission;
    this.#publisher.touch();
  }

  allow(delivery: string): void {
    this.#tell(delivery, { on: 'allow' });
  }

  decline(delivery: string): void {
    this.#tell(delivery, { on: 'decline', by: 'me' });
  }

  pause(delivery: string): void {
    this.#tell(delivery, { on: 'pause', by: 'me' });
  }

  resume(delivery: string): void {
    this.#tell(delivery, { on: 'resume', by: 'me' });
  }

  cancel(delivery: string): void {
    this.#tell(delivery, { on: 'cancel', by: 'me' });
  }

  cancelEntry(delivery: string, entry: number): void {
    this.#deliveries.get(delivery)?.cancelEntry(entry);
  }

  /** To be called when the page is closed or reloaded. Rule [C7]. */
  sayBye(): void {
    for (const delivery of this.#deliveries.values()) delivery.sayBye();
  }

  leave(): void {
    this.#listener.close();
    for (const delivery of this.#deliveries.values()) {
      delivery.sayBye();
      delivery.handle({ on: 'lane-lost', code: 'connection-lost' });
    }
    this.#end();
  }

  close(): void {
    this.world.archive.forget('sending', this.identity.keys.roomId).catch(reportStorage);
    this.#listener.close();
    for (const delivery of this.#deliveries.values()) delivery.handle({ on: 'fatal', code: 'sender-closed' });
    this.#end();
  }

  #end(): void {
    this.#signaling.close();
    this.onended();
  }

  /** For the list of transfers. */
  #note(): void {
    const { entries, totalBytes } = this.offer.manifest;
    this.world.archive
      .note({
        id: this.identity.keys.roomId,
        role: 'sending',
        name: topOf(entries[0]?.path ?? ''),
        files: entries.length,
        totalBytes,
        verifiedBytes: 0,
        state: 'unfinished',
        updatedAt: this.world.clock.now(),
      })
      .catch(reportStorage);
  }

  #tell(id: string, event: SenderEvent): void {
    this.#deliveries.get(id)?.handle(event);
  }

  /** With `first`, only the first receiver that came; it may come back. */
  #refusal(receiver: string): ErrorCode | null {
    const known = this.#deliveries.get(receiver);
    if (known !== undefined) {
      const { state } = known;
      return state.at === 'declined' || (state.at === 'cancelled' && state.by === 'me') ? 'sender-declined' : null;
    }
    const taken = [...this.#deliveries.values()].some(
      ({ state, wasConnected }) => state.at === 'connecting' || (wasConnected && state.at !== 'declined'),
    );
    return this.#admission === 'first' && taken ? 'sender-declined' : null;
  }

  /** An earlier delivery to the same receiver goes on until the new lane stands: ICE may yet fail. */
  #begin(receiver: string): void {
    const known = this.#deliveries.get(receiver);
    if (known !== undefined && !isOver(known.state)) return;
    this.#replace(receiver);
  }

  /** A lane that lives is not touched: the offer may have been a replay, or a try too early. */
  #attemptFailed(receiver: string, code: ErrorCode): void {
    const delivery = this.#deliveries.get(receiver);
    if (delivery?.state.at === 'connecting') delivery.handle({ on: 'lane-lost', code });
  }

  /** Its receiver may have been cancelled while the lane was being made. */
  #connected(receiver: string, lane: Lane, headStart: boolean): void {
    if (this.#refusal(receiver) !== null) {
      lane.close();
      return;
    }
    const known = this.#deliveries.get(receiver);
    const ask = known?.wasGreeted !== true && this.#mustAsk(receiver);
    const returning = known !== undefined && known.state.at !== 'connecting';
    if (returning) known.handle({ on: 'lane-lost', code: 'connection-lost' });
    const delivery = returning || known === undefined ? this.#replace(receiver) : known;
    delivery.start(lane, ask, headStart);
  }

  #mustAsk(receiver: string): boolean {
    return this.#admission === 'ask' && this.#deliveries.get(receiver)?.decided.allowed !== true;
  }

  /** Nobody is asked any more about whom is given the list with the answer. */
  #greeting(receiver: string): readonly string[] {
    const isIn = !this.#mustAsk(receiver);
    const delivery = this.#deliveries.get(receiver);
    if (delivery !== undefined) delivery.wasGreeted = isIn;
    return isIn ? this.#greetingTexts : [];
  }

  #replace(receiver: string): Delivery {
    const before = this.#deliveries.get(receiver);
    const delivery = new Delivery(
      receiver,
      this.world,
      this.offer,
      this.#signaling,
      () => this.#receiversHere <= MAX_PREPARED,
      before?.decided ?? null,
      (urgent) => {
        if (urgent) this.#publisher.publish();
        else this.#publisher.touch();
      },
    );
    this.#deliveries.set(receiver, delivery);
    this.#makeRoom();
    return delivery;
  }

  get #receiversHere(): number {
    return [...this.#deliveries.values()].filter(({ state }) => !isOver(state)).length;
  }

  #makeRoom(): void {
    if (this.#deliveries.size <= MAX_DELIVERIES) return;
    for (const [id, { state }] of this.#deliveries) {
      if (!isOver(state)) continue;
      this.#deliveries.delete(id);
      return;
    }
  }

  #render(): SharingView {
    const { entries, totalBytes } = this.offer.manifest;
    return {
      id: this.identity.keys.roomId,
      link: `${this.origin}#${toFragment(this.identity.keys.secret)}`,
      fingerprint: this.identity.keys.fingerprint,
      entries,
      totalBytes,
      signaling: this.#signaling.status,
      admission: this.#admission,
      deliveries: [...this.#deliveries.values()].map((delivery) => delivery.view),
    };
  }
}

/** The sender's half of sealed, signed signaling: answers every offer that proves knowledge of the link. Rules [S1] to [S8]. */
import { deferred } from '../core/deferred.ts';
import { toBase64url } from '../core/bytes.ts';
import { asBeelineError, BeelineError, type ErrorCode } from '../core/errors.ts';
import type { Lane, LaneAttempt, Signaling, SignalingMessage } from '../core/ports.ts';
import { answeredAsServer, dtlsFingerprint } from '../core/sdp.ts';
import { type Envelope, parseEnvelope, SealedLine, transcriptBytes } from '../core/seal.ts';
import type { LaneSignal, SealedMessage } from '../core/sealed.ts';
import type { IceAnswer } from '../core/signaling.ts';
import { diagnosed, isVague, newTrace, readyToDiagnose } from './cause.ts';
import type { ShareIdentity } from './identity.ts';
import type { World } from './world.ts';

/** Offers answered at a time. An offer costs a peer connection; who holds the link could otherwise make thousands. */
const MAX_PENDING = 32;

/** Connections remembered so that an offer is not answered twice: a few hundred KB. */
const MAX_ANSWERED = 4_096;

/** Milliseconds until an answered offer must have become a lane: the receiver waits no longer. */
const ANSWER_TIMEOUT_MS = 20_000;

export interface ListenHandlers {
  /** Whether a receiver may connect; a code refuses it. */
  readonly admit: (receiverId: string) => ErrorCode | null;
  /** What goes with the answer, see {@link greetingMessages}. */
  readonly greeting: (receiverId: string) => readonly string[];
  /** An authentic offer is being answered. */
  readonly onattempt: (receiverId: string) => void;
  /** The answer is out: until then a receiver waits for this page. `headStart` as below. */
  readonly onanswered: (receiverId: string, headStart: boolean) => void;
  /** With `headStart`, it takes the first of the share at once. Rule [S10]. */
  readonly onlane: (receiverId: string, lane: Lane, headStart: boolean) => void;
  readonly onfailed: (receiverId: string, error: BeelineError) => void;
}

/** Answers offers that come over a signaling line. */
export class OfferListener {
  /** By receiver and connection. */
  readonly #pending = new Map<string, IncomingOffer>();
  /** Authentic offers that are over, oldest first: a replayed one must not be taken for a new one. */
  readonly #answered = new Set<string>();
  #closed = false;

  constructor(
    private readonly world: World,
    private readonly signaling: Signaling,
    private readonly identity: ShareIdentity,
    private readonly handlers: ListenHandlers,
  ) {}

  /** One message of the signaling line. What is not a sealed payload of this share is dropped. */
  receive({ type, src, payload }: SignalingMessage): void {
    if (type !== 'OFFER' && type !== 'CANDIDATE') return;
    let envelope: Envelope;
    try {
      envelope = parseEnvelope(payload);
    } catch (error) {
      console.warn('signaling message refused:', asBeelineError(error).detail);
      return;
    }
    const id = `${src} ${envelope.c}`;
    if (this.#closed || this.#answered.has(id)) return;
    const known = this.#pending.get(id);
    if (type === 'CANDIDATE') known?.receive(envelope);
    // One that was posted may be said over the line, too. Rule [C19].
    else if (known === undefined && this.#pending.size < MAX_PENDING) this.#begin(id, src, envelope);
  }

  close(): void {
    this.#closed = true;
    for (const offer of this.#pending.values()) offer.close();
    this.#pending.clear();
  }

  #begin(id: string, receiverId: string, envelope: Envelope): void {
    const offer = new IncomingOffer(this.world, this.signaling, this.identity, receiverId, envelope.c, this.handlers);
    this.#pending.set(id, offer);
    offer.receive(envelope);
    offer.opened
      .then(
        (lane) => this.handlers.onlane(receiverId, lane, offer.headStart),
        (error: unknown) => {
          offer.close();
          if (offer.isAuthentic) this.handlers.onfailed(receiverId, asBeelineError(error));
          else console.warn('offer refused:', asBeelineError(error).detail);
        },
      )
      .finally(() => {
        this.#pending.delete(id);
        if (offer.isAuthentic) this.#remember(id);
      });
  }

  #remember(id: string): void {
    this.#answered.add(id);
    const [oldest] = this.#answered;
    if (this.#answered.size > MAX_ANSWERED && oldest !== undefined) this.#answered.delete(oldest);
  }
}

/** One receiver's offer on its way to a lane. */
class IncomingOffer {
  readonly opened: Promise<Lane>;
  /** What the offer says of it. */
  headStart = false;
  readonly #line: SealedLine;
  readonly #resolve: (lane: Lane) => void;
  readonly #reject: (error: BeelineError) => void;
  readonly #cancelTimeout: () => void;
  readonly #startedAt: number;
  #attempt: LaneAttempt | null = null;
  #iceServers: IceAnswer['iceServers'] = [];
  readonly #trace = newTrace();
  #closed = false;
  #inbox: Promise<void> = Promise.resolve();
  #outbox: Promise<void> = Promise.resolve();
  #transcript: { readonly nonce: string; readonly receiverFingerprint: string } | null = null;

  constructor(
    private readonly world: World,
    private readonly signaling: Signaling,
    private readonly identity: ShareIdentity,
    private readonly receiverId: string,
    private readonly connection: string,
    private readonly handlers: ListenHandlers,
  ) {
    const { keys } = identity;
    this.#startedAt = world.clock.now();
    this.#line = new SealedLine(world.subtle, world.random, {
      key: keys.seal,
      connection,
      me: keys.roomId,
      peer: receiverId,
      sending: 'to-receiver',
    });
    const { promise, resolve, reject } = deferred<Lane>();
    this.opened = promise;
    this.#cancelTimeout = world.clock.after(ANSWER_TIMEOUT_MS, () => this.#fail(new BeelineError('connect-timeout')));
    this.#resolve = (lane) => {
      this.#cancelTimeout();
      resolve(lane);
    };
    this.#reject = reject;
  }

  /** True once an offer sealed with the link's key was read. */
  get isAuthentic(): boolean {
    return this.#transcript !== null;
  }

  receive(envelope: Envelope): void {
    this.#inbox = this.#inbox.then(async () => this.#handle(await this.#line.open(envelope)));
    this.#inbox = this.#inbox.catch((error: unknown) => {
      // Once an offer is accepted, junk that somebody injects must not end it.
      if (this.#transcript === null) this.#reject(asBeelineError(error));
      else console.warn('signaling message refused:', asBeelineError(error).detail);
    });
  }

  close(): void {
    this.#closed = true;
    this.#cancelTimeout();
    this.#attempt?.close();
  }

  async #handle(message: SealedMessage): Promise<void> {
    if (this.#closed) return;
    if (message.kind === 'offer' && this.#transcript === null) await this.#answer(message);
    else if (message.kind === 'candidate' && this.#attempt !== null) this.#attempt.signal(message);
    else throw new BeelineError('protocol', `unexpected ${message.kind}`);
  }

  async #answer({ sdp, nonce, headStart }: Extract<SealedMessage, { kind: 'offer' }>): Promise<void> {
    this.headStart = headStart;
    this.#transcript = { nonce, receiverFingerprint: dtlsFingerprint(sdp) };
    const refusal = this.handlers.admit(this.receiverId);
    if (refusal !== null) {
      this.#send('ANSWER', () => Promise.resolve({ kind: 'refusal', code: refusal }));
      await this.#outbox;
      this.#reject(new BeelineError(refusal, 'not admitted'));
      return;
    }
    this.handlers.onattempt(this.receiverId);
    const ice = await this.signaling.ice();
    // `close` may have been called meanwhile.
    if (this.#closed) return;
    this.#iceServers = ice.iceServers;
    try {
      this.#attempt = this.world.lanes.attempt({
        initiator: false,
        ice,
        onSignal: (signal) => this.#say(signal),
        trace: this.#trace,
      });
    } catch (error) {
      this.#fail(asBeelineError(error, 'connect-failed'));
      return;
    }
    this.#attempt.opened.then(this.#resolve, (error: unknown) => this.#fail(asBeelineError(error)));
    // With a head start this side speaks first; else the receiver does, with what it wants.
    this.#attempt.signal({ kind: 'offer', sdp: headStart ? answeredAsServer(sdp) : sdp });
  }

  #fail(error: BeelineError): void {
    if (!isVague(error)) {
      this.#reject(error);
      return;
    }
    const forMs = this.world.clock.now() - this.#startedAt;
    const attempt = { trace: this.#trace, answered: true, forMs, iceServers: this.#iceServers };
    void readyToDiagnose(this.world.clock).then(() => this.#reject(diagnosed(error, attempt)));
  }

  #say(signal: LaneSignal): void {
    if (signal.kind === 'answer') {
      this.#send('ANSWER', () => this.#signed(signal.sdp));
      void this.#outbox.then(
        () => this.handlers.onanswered(this.receiverId, this.headStart),
        () => undefined,
      );
    } else if (signal.kind === 'candidate') this.#send('CANDIDATE', () => Promise.resolve(signal));
  }

  #send(type: 'ANSWER' | 'CANDIDATE', make: () => Promise<SealedMessage>): void {
    this.#outbox = this.#outbox.then(async () =>
      this.signaling.send(type, this.receiverId, await this.#line.seal(await make())),
    );
    this.#outbox.catch((error: unknown) => this.#reject(asBeelineError(error)));
  }

  /** Rule [S6]: what makes the answer the sender's own. */
  async #signed(sdp: string): Promise<SealedMessage> {
    if (this.#transcript === null) throw new BeelineError('internal', 'answer without an offer');
    const { keys, privateKey, publicKey } = this.identity;
    const greeting = [...this.handlers.greeting(this.receiverId)];
    const transcript = transcriptBytes({
      senderId: keys.roomId,
      receiverId: this.receiverId,
      connection: this.connection,
      ...this.#transcript,
      senderFingerprint: dtlsFingerprint(sdp),
      greeting,
    });
    const signature = await this.world.subtle.sign({ name: 'ECDSA', hash: 'SHA-256' }, privateKey, transcript);
    return {
      kind: 'answer',
      sdp,
      key: toBase64url(publicKey),
      signature: toBase64url(new Uint8Array(signature)),
      greeting,
    };
  }
}

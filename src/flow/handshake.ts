/** The receiver's half of sealed, signed signaling. Rules [S1] to [S8]. */
import { deferred } from '../core/deferred.ts';
import { equalBytes, fromBase64url, toBase64url } from '../core/bytes.ts';
import type { FailedAttempt } from '../core/diagnosis.ts';
import { asBeelineError, BeelineError, type ErrorCode } from '../core/errors.ts';
import { secretOf, type ShareKeys } from '../core/link.ts';
import type { Lane, LaneAttempt, Signaling, SignalingMessage, Subtle } from '../core/ports.ts';
import { dtlsFingerprint } from '../core/sdp.ts';
import { parseEnvelope, SealedLine, transcriptBytes } from '../core/seal.ts';
import type { LaneSignal, SealedMessage } from '../core/sealed.ts';
import type { IceAnswer } from '../core/signaling.ts';
import type { FirstOffer } from './first-offer.ts';
import { diagnosed, isVague, newTrace, readyToDiagnose } from './cause.ts';
import type { World } from './world.ts';

/** Milliseconds for one attempt, from the offer to open channels. ICE gives up by itself after 15 to 30 s. */
const ATTEMPT_TIMEOUT_MS = 20_000;

/** Milliseconds after which an attempt says what holds it up, while it goes on. Rule [C11]. */
const TROUBLE_AFTER_MS = 10_000;

/** A connection to the sender being made. */
export interface Dial {
  /** Rejects with `sender-away`, what the evidence says, `not-authentic`, or the sender's refusal. */
  readonly opened: Promise<Lane>;
  /** The sender's authentic answer is here. */
  readonly isAnswered: boolean;
  /** What is known of it, should it fail with this code. */
  failedWith(code: ErrorCode): FailedAttempt;
  /** Tells of it from now on, and of what has come before. */
  watch(handlers: DialHandlers): void;
  /** A message from the signaling line, whoever sent it. */
  receive(message: SignalingMessage): void;
  close(): void;
}

export interface DialHandlers {
  /** What the sender will say first over the lane, as control messages, has come with its answer. Rule [S9]. */
  readonly ongreeting: (said: readonly string[]) => void;
  /** Told after a while without a lane what seems to hold it up. */
  readonly ontrouble: (code: ErrorCode) => void;
}

type DialWorld = Pick<World, 'clock' | 'random' | 'subtle' | 'lanes'>;

/** An offer that was made before the line: of the connection that the next attempt takes. */
export interface MadeOffer extends FirstOffer {
  /** The server has taken it, so that it need not be said over the line. */
  readonly isTaken: boolean;
}

/**
 * Dials the sender of a share once. In the page's first script, so it imports little.
 *
 * @param headStart takes the first of the share before it has accepted anything. Rule [S10].
 * @param made goes on with this offer, which says the same of the head start.
 */
export function dialSender(
  world: DialWorld,
  signaling: Signaling,
  keys: ShareKeys,
  myId: string,
  headStart: boolean,
  made: MadeOffer | null = null,
): Dial {
  return new SenderDial(world, signaling, keys, myId, headStart, made);
}

class SenderDial implements Dial {
  readonly opened: Promise<Lane>;
  readonly #connection: string;
  readonly #nonce: string;
  readonly #line: SealedLine;
  readonly #reject: (error: BeelineError) => void;
  readonly #startedAt: number;
  #cancelTimeout: () => void;
  #attempt: LaneAttempt | null = null;
  #iceServers: IceAnswer['iceServers'] = [];
  readonly #trace = newTrace();
  #answered = false;
  #opened = false;
  /** What is sealed goes out in order, whatever order the sealing ends in. */
  #outbox: Promise<void> = Promise.resolve();
  #inbox: Promise<void>;
  /** What it has offered. */
  #sdp: string;
  #refused: BeelineError | null = null;
  #greeting: readonly string[] | null = null;
  #handlers: DialHandlers | null = null;
  #isHeldUp = false;
  #closed = false;

  constructor(
    private readonly world: DialWorld,
    private readonly signaling: Signaling,
    private readonly keys: ShareKeys,
    private readonly myId: string,
    private readonly headStart: boolean,
    private readonly made: MadeOffer | null,
  ) {
    const { random, subtle, clock } = world;
    this.#startedAt = clock.now();
    signaling.check();
    this.#connection = made?.connection ?? toBase64url(random.bytes(16));
    this.#nonce = made?.nonce ?? toBase64url(random.bytes(16));
    this.#sdp = made?.sdp ?? '';
    const context = { key: keys.seal, connection: this.#connection, me: myId, peer: keys.roomId } as const;
    this.#line = new SealedLine(subtle, random, { ...context, sending: 'to-sender' }, made === null ? 0 : 1);
    const { promise, resolve, reject } = deferred<Lane>();
    this.opened = promise;
    // It may be read later: a rejection before that is not unhandled.
    promise.catch(() => undefined);
    this.#reject = (error) => {
      reject(error);
      this.close();
    };
    this.#cancelTimeout = clock.after(TROUBLE_AFTER_MS, () => this.#trouble());
    const started = this.#start();
    started
      .then(async (attempt) => {
        const lane = await attempt?.opened;
        if (lane === undefined) return;
        this.#opened = true;
        this.#cancelTimeout();
        resolve(lane);
      })
      .catch((error: unknown) => this.#fail(asBeelineError(error)));
    // An offer that was made before may be answered before there is an attempt.
    this.#inbox = started.then(
      () => undefined,
      () => undefined,
    );
  }

  get isAnswered(): boolean {
    return this.#answered;
  }

  failedWith(code: ErrorCode): FailedAttempt {
    return { code, ...this.#known };
  }

  watch(handlers: DialHandlers): void {
    this.#handlers = handlers;
    this.#tellGreeting();
    if (this.#isHeldUp) this.#tellTrouble();
  }

  receive({ type, src, payload }: SignalingMessage): void {
    if (this.#closed || src !== this.keys.roomId) return;
    if (type === 'EXPIRE' || type === 'LEAVE') {
      this.#reject(new BeelineError('sender-away'));
      return;
    }
    this.#inbox = this.#inbox
      .then(() => this.#open(payload))
      .catch((error: unknown) => this.#refuse(asBeelineError(error)));
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#cancelTimeout();
    this.#attempt?.close();
  }

  get #known(): Omit<FailedAttempt, 'code'> {
    const forMs = Math.round(this.world.clock.now() - this.#startedAt);
    return { trace: this.#trace, answered: this.#answered, forMs, iceServers: this.#iceServers };
  }

  /** It goes on: what is slow may still come. */
  #trouble(): void {
    this.#isHeldUp = true;
    this.#cancelTimeout = this.world.clock.after(ATTEMPT_TIMEOUT_MS - TROUBLE_AFTER_MS, () =>
      this.#reject(this.#cause),
    );
    this.#tellTrouble();
  }

  #tellTrouble(): void {
    void readyToDiagnose(this.world.clock).then(() => {
      if (!this.#closed && !this.#opened) this.#handlers?.ontrouble(this.#cause.code);
    });
  }

  /** What keeps it from becoming a lane, as far as is known. */
  get #cause(): BeelineError {
    return this.#refused ?? this.#diagnosed(new BeelineError('connect-timeout'));
  }

  /** Waits for the cause no longer than the attempt would have lasted. */
  #fail(error: BeelineError): void {
    if (isVague(error)) void readyToDiagnose(this.world.clock).then(() => this.#reject(this.#diagnosed(error)));
    else this.#reject(error);
  }

  #diagnosed(error: BeelineError): BeelineError {
    const isCutOff = !this.#answered && this.signaling.status !== 'open';
    return isCutOff && isVague(error) ? new BeelineError('server-unreachable') : diagnosed(error, this.#known);
  }

  /** Null when it is closed before there is an attempt. */
  async #start(): Promise<LaneAttempt | null> {
    const ice = await this.signaling.ice();
    if (this.#closed) return null;
    this.#iceServers = ice.iceServers;
    const attempt = this.world.lanes.attempt({
      initiator: true,
      ice,
      onSignal: (signal) => this.#say(signal),
      trace: this.#trace,
    });
    this.#attempt = attempt;
    return attempt;
  }

  #say(signal: LaneSignal): void {
    if (signal.kind === 'offer') {
      if (this.made !== null) {
        if (!this.made.isTaken) this.signaling.send('OFFER', this.keys.roomId, this.made.envelope);
        return;
      }
      this.#sdp = signal.sdp;
    }
    this.#outbox = this.#outbox.then(async () => {
      const message = toSealed(signal, this.#nonce, this.headStart);
      if (message === null) return;
      this.signaling.send(
        message.kind === 'offer' ? 'OFFER' : 'CANDIDATE',
        this.keys.roomId,
        await this.#line.seal(message),
      );
    });
    this.#outbox.catch((error: unknown) => this.#reject(asBeelineError(error)));
  }

  async #open(payload: unknown): Promise<void> {
    const envelope = parseEnvelope(payload);
    // A late message of an earlier attempt: not this one's, and no sign of anything wrong.
    if (envelope.c !== this.#connection) return;
    const message = await this.#line.open(envelope);
    switch (message.kind) {
      case 'answer':
        await this.#checkAnswer(message);
        this.#answered = true;
        this.#attempt?.signal({ kind: 'answer', sdp: message.sdp });
        this.#greeting = message.greeting;
        this.#tellGreeting();
        return;
      case 'candidate':
        this.#attempt?.signal(message);
        return;
      case 'refusal':
        this.#reject(new BeelineError(message.code, 'refused by the sender'));
        return;
      case 'offer':
        throw new BeelineError('protocol', 'the sender made an offer');
    }
  }

  /** One that makes no sense is refused like any message. */
  #tellGreeting(): void {
    if (this.#greeting === null || this.#closed) return;
    try {
      this.#handlers?.ongreeting(this.#greeting);
    } catch (error) {
      this.#refuse(asBeelineError(error));
    }
  }

  /** Rule [S6]: the key is the one the link commits to, and it signed both certificates for this connection. */
  async #checkAnswer({ sdp, key, signature, greeting }: Extract<SealedMessage, { kind: 'answer' }>): Promise<void> {
    const { subtle } = this.world;
    const publicKey = fromBase64url(key);
    const signed = fromBase64url(signature);
    if (publicKey === null || signed === null) throw new BeelineError('protocol', 'answer is not base64url');
    const transcript = transcriptBytes({
      senderId: this.keys.roomId,
      receiverId: this.myId,
      connection: this.#connection,
      nonce: this.#nonce,
      receiverFingerprint: dtlsFingerprint(this.#sdp),
      senderFingerprint: dtlsFingerprint(sdp),
      greeting,
    });
    const proven =
      equalBytes(await secretOf(subtle, publicKey), this.keys.secret) &&
      (await verify(subtle, publicKey, signed, transcript));
    if (proven) return;
    const error = new BeelineError('not-authentic', 'answer is not the sender’s');
    this.#reject(error);
    throw error;
  }

  /**
   * A refused message ends nothing by itself: whoever can inject one could otherwise end every connection. It is the
   * reason given when nothing better comes in time.
   */
  #refuse(error: BeelineError): void {
    console.warn('signaling message refused:', error.detail);
    this.#refused ??= error;
  }
}

async function verify(
  subtle: Subtle,
  publicKey: Uint8Array<ArrayBuffer>,
  signature: Uint8Array<ArrayBuffer>,
  data: Uint8Array<ArrayBuffer>,
): Promise<boolean> {
  const key = await subtle.importKey('raw', publicKey, { name: 'ECDSA', namedCurve: 'P-256' }, false, ['verify']);
  return subtle.verify({ name: 'ECDSA', hash: 'SHA-256' }, key, signature, data);
}

function toSealed(signal: LaneSignal, nonce: string, headStart: boolean): SealedMessage | null {
  switch (signal.kind) {
    case 'offer':
      return { kind: 'offer', sdp: signal.sdp, nonce, headStart };
    case 'candidate':
      return signal;
    case 'answer':
      return null;
  }
}

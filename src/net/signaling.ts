/** The PeerJS signaling protocol over WebSocket. Source: peerjs 1.5 `socket.ts`, peerjs-server 1.0.2. */
import * as v from 'valibot';
import type {
  Clock,
  Nudge,
  Random,
  Signaling,
  SignalingFactory,
  SignalingMessage,
  SignalingStatus,
} from '../core/ports.ts';
import { HEARTBEAT_MS, type IceAnswer, PEER_ID_MAX, SIGNALING_MAX_BYTES } from '../core/signaling.ts';
import { fetchIce, NO_ICE, parseIce } from './ice.ts';
import { type EarlySocket, openSocket } from './socket.ts';

const MessageSchema = v.object({
  type: v.picklist([
    'OPEN',
    'ID-TAKEN',
    'ERROR',
    'ICE',
    'OFFER',
    'ANSWER',
    'CANDIDATE',
    'LEAVE',
    'EXPIRE',
    'HEARTBEAT',
  ]),
  src: v.optional(v.pipe(v.string(), v.maxLength(PEER_ID_MAX)), ''),
  payload: v.optional(v.unknown()),
});

/** WebSocket close codes: of a line that broke, two with which the server says not to hurry back, and of an id that another tab has now. */
const ABNORMAL_CLOSURE = 1006;
const POLICY_VIOLATION = 1008;
const TRY_AGAIN_LATER = 1013;
const REPLACED = 4000;

/** Milliseconds from dialing to the server's OPEN; a packet that is dropped would hold a socket up for minutes. Rule [C11]. */
const OPEN_TIMEOUT_MS = 8_000;

/**
 * Milliseconds for an answer to a heartbeat, before the line counts as dead: a socket whose address is gone stays open for
 * minutes. The shorter one is for when something else seems wrong too. Rule [C14].
 */
const ANSWER_MS = 10_000;
const CHECK_MS = 1_000;

/** A heartbeat with a payload asks for an answer; a stock client's has none, and gets none. */
const HEARTBEAT = '{"type":"HEARTBEAT","payload":"answer"}';

/** Milliseconds before a line is tried again: 0.5 s doubling to 15 s, and 15 s after a refusal. */
const FIRST_DELAY_MS = 500;
const MAX_DELAY_MS = 15_000;

/** Messages kept until somebody listens: as many as the server keeps for one who is absent. */
const MAX_UNHEARD = 64;

/** Milliseconds from a connection's credentials to fetching the next one's: until then every packet is the connection's. */
const NEXT_ICE_MS = 2_000;

/** Servers that were asked for before somebody needs them. */
interface IceAhead {
  readonly answer: Promise<IceAnswer>;
  readonly askedAt: number;
}

interface SignalingPorts {
  readonly clock: Clock;
  readonly random: Random;
  readonly nudge: Nudge;
}

/** What a line says. */
export type SaidType = Parameters<Signaling['send']>[0];

export class PeerJsSignaling implements SignalingFactory {
  /** @param base the server's own address, e.g. `https://host/`. */
  constructor(
    private readonly base: URL,
    private readonly ports: SignalingPorts,
  ) {}

  /**
   * @param onsaid called whenever the line has said a message.
   * @param early what has been dialed under this id and token.
   */
  connect(
    id: string,
    token: string,
    onsaid: (type: SaidType) => void = () => undefined,
    early: EarlySocket | null = null,
  ): Signaling {
    return new SignalingLine(this.base, id, token, this.ports, onsaid, early);
  }
}

class SignalingLine implements Signaling {
  onstatus: ((status: SignalingStatus) => void) | null = null;

  #onmessage: ((message: SignalingMessage) => void) | null = null;
  /** Came before somebody listened. */
  #unheard: SignalingMessage[] = [];
  #status: SignalingStatus = 'connecting';
  #socket: WebSocket | null = null;
  #failures = 0;
  #closed = false;
  #cancelTimer: (() => void) | null = null;
  /** When the server must have been heard, while it is asked. */
  #deadline = Infinity;
  #cancelDeadline: (() => void) | null = null;
  #dialedAt = 0;
  /** What opening the socket took: a few round trips, of the network as it is. */
  #openingMs = 0;
  #iceAhead: IceAhead | null = null;
  #cancelIce: (() => void) | null = null;
  readonly #endNudges: () => void;

  constructor(
    private readonly base: URL,
    private readonly id: string,
    private readonly token: string,
    private readonly ports: SignalingPorts,
    private readonly onsaid: (type: SaidType) => void,
    early: EarlySocket | null,
  ) {
    this.#endNudges = ports.nudge(() => {
      if (this.#socket === null) this.#dial();
      else this.check();
    });
    if (early !== null && early.socket.readyState <= WebSocket.OPEN) this.#takeOver(early);
    else if (early !== null && isRefusal(early.code)) this.#ended(early.code);
    else this.#dial();
  }

  get status(): SignalingStatus {
    return this.#status;
  }

  get onmessage(): ((message: SignalingMessage) => void) | null {
    return this.#onmessage;
  }

  set onmessage(handler: ((message: SignalingMessage) => void) | null) {
    this.#onmessage = handler;
    if (handler !== null) for (const message of this.#unheard.splice(0)) handler(message);
  }

  send(type: SaidType, dst: string, payload: unknown): void {
    if (this.#status !== 'open') return;
    this.#socket?.send(JSON.stringify({ type, dst, payload }));
    this.onsaid(type);
  }

  /** Each answer serves one connection, and was fetched after the one before had got its own. Rule [C16]. */
  async ice(): Promise<IceAnswer> {
    // The server gives credentials to a live session only.
    if (this.#status !== 'open') return NO_ICE;
    const ahead = this.#iceAhead;
    this.#iceAhead = null;
    this.#askIceAfter(NEXT_ICE_MS);
    const answer = (await ahead?.answer) ?? NO_ICE;
    return ahead !== null && this.#isFresh(answer, ahead.askedAt) ? answer : fetchIce(this.base, this.id, this.token);
  }

  check(): void {
    if (this.#status === 'open') this.#ask(Math.max(CHECK_MS, 2 * this.#openingMs));
  }

  close(): void {
    this.#closed = true;
    this.#endNudges();
    this.#cancelTimer?.();
    this.#cancelIce?.();
    this.#answered();
    this.#socket?.close();
  }

  #askIceAfter(ms: number): void {
    this.#cancelIce?.();
    this.#cancelIce = this.ports.clock.after(ms, () => {
      if (this.#status === 'open') this.#askIce();
    });
  }

  #askIce(): void {
    this.#keepIce(fetchIce(this.base, this.id, this.token));
  }

  #keepIce(answer: Promise<IceAnswer>): void {
    this.#iceAhead = { answer, askedAt: this.ports.clock.now() };
    void answer.then(({ ttl }) => {
      if (this.#iceAhead?.answer === answer && ttl > 0) this.#askIceAfter((ttl * 1_000) / 2);
    });
  }

  /** With half of its life left at least; servers that need no credentials have no ttl. */
  #isFresh(answer: IceAnswer, askedAt: number): boolean {
    const { ttl } = answer;
    return answer !== NO_ICE && (ttl === 0 || this.ports.clock.now() - askedAt <= (ttl * 1_000) / 2);
  }

  #dial(): void {
    if (this.#closed) return;
    this.#cancelTimer?.();
    this.#iceAhead = null;
    this.#listen(openSocket(this.base, this.id, this.token), this.ports.clock.now());
  }

  #takeOver({ socket, dialedAt, said }: EarlySocket): void {
    this.#listen(socket, dialedAt);
    for (const { data, at } of said) this.#receive(data, at);
  }

  #listen(socket: WebSocket, dialedAt: number): void {
    this.#socket = socket;
    this.#dialedAt = dialedAt;
    socket.onmessage = ({ data }) => this.#receive(data);
    socket.onclose = ({ code }) => this.#ended(code);
    this.#cancelTimer = this.ports.clock.after(OPEN_TIMEOUT_MS, () => {
      abandon(socket);
      this.#ended(ABNORMAL_CLOSURE);
    });
  }

  #receive(data: unknown, at = this.ports.clock.now()): void {
    this.#answered();
    const message = parseMessage(data);
    switch (message?.type) {
      case 'OPEN':
        this.#failures = 0;
        this.#openingMs = at - this.#dialedAt;
        // Before somebody is told, who will want them. A stock server has not sent any.
        if (this.#iceAhead === null) this.#askIce();
        this.#setStatus('open');
        this.#beat();
        return;
      case 'ICE': {
        const answer = parseIce(message.payload);
        if (answer !== null) this.#keepIce(Promise.resolve(answer));
        return;
      }
      case 'ID-TAKEN':
        this.#setStatus('taken');
        return;
      case 'OFFER':
      case 'ANSWER':
      case 'CANDIDATE':
      case 'LEAVE':
      case 'EXPIRE':
        this.#hear({ type: message.type, src: message.src, payload: message.payload });
        return;
      // The server says ERROR right before it closes with a code, which tells more; what is malformed is dropped.
      case 'ERROR':
      case 'HEARTBEAT':
      case undefined:
        return;
    }
  }

  #hear(message: SignalingMessage): void {
    if (this.#onmessage !== null) this.#onmessage(message);
    else if (this.#unheard.length < MAX_UNHEARD) this.#unheard.push(message);
  }

  #beat(): void {
    this.#cancelTimer?.();
    this.#cancelTimer = this.ports.clock.after(HEARTBEAT_MS, () => {
      this.#ask(ANSWER_MS);
      this.#beat();
    });
  }

  /** Whatever is heard answers. A question that has to be answered sooner is not put off by a later one. */
  #ask(patienceMs: number): void {
    const { clock } = this.ports;
    const socket = this.#socket;
    if (socket?.readyState !== WebSocket.OPEN) return;
    socket.send(HEARTBEAT);
    const deadline = clock.now() + patienceMs;
    if (deadline >= this.#deadline) return;
    this.#cancelDeadline?.();
    this.#deadline = deadline;
    this.#cancelDeadline = clock.after(patienceMs, () => {
      this.#answered();
      abandon(socket);
      this.#setStatus('connecting');
      this.#dial();
    });
  }

  #answered(): void {
    this.#cancelDeadline?.();
    this.#cancelDeadline = null;
    this.#deadline = Infinity;
  }

  #ended(code: number): void {
    this.#socket = null;
    this.#answered();
    if (this.#closed) return;
    this.#cancelTimer?.();
    if (code === REPLACED) {
      // Coming back would throw out the other tab, which would come back in turn.
      this.#closed = true;
      this.#setStatus('taken');
      return;
    }
    const refused = isRefusal(code);
    if (this.#status !== 'taken') this.#setStatus(refused ? 'refused' : hasNetwork() ? 'offline' : 'no-network');
    const backoff = refused ? MAX_DELAY_MS : Math.min(MAX_DELAY_MS, FIRST_DELAY_MS * 2 ** this.#failures);
    this.#failures = Math.min(this.#failures + 1, 10);
    this.#cancelTimer = this.ports.clock.after(backoff * (0.5 + this.ports.random.fraction() / 2), () => this.#dial());
  }

  #setStatus(status: SignalingStatus): void {
    if (status === this.#status) return;
    this.#status = status;
    this.onstatus?.(status);
  }
}

/** The server does not want this client, or not now. */
function isRefusal(code: number | null): code is number {
  return code === POLICY_VIOLATION || code === TRY_AGAIN_LATER;
}

/** Nothing more is heard of it, its end included. */
function abandon(socket: WebSocket): void {
  socket.onmessage = socket.onclose = null;
  socket.close();
}

/** What the system says; a network that leads nowhere counts as one, and so does not knowing. */
function hasNetwork(): boolean {
  const { navigator } = globalThis as { readonly navigator?: Partial<Navigator> };
  return navigator?.onLine !== false;
}

/** Null for what no server of this protocol sends. */
function parseMessage(data: unknown): v.InferOutput<typeof MessageSchema> | null {
  if (typeof data !== 'string' || data.length > SIGNALING_MAX_BYTES) return null;
  try {
    const parsed = v.safeParse(MessageSchema, JSON.parse(data));
    return parsed.success ? parsed.output : null;
  } catch {
    return null;
  }
}

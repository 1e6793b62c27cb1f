import { asBeelineError, BeelineError, type ErrorCode } from '../core/errors.ts';
import { PROTOCOL_VERSION } from '../core/limits.ts';
import { type ControlMessage, encodeControl, parseControl } from '../core/messages.ts';
import type { Lane, PathInfo } from '../core/ports.ts';
import { type Hearing, Heartbeat, hangUp, watchPath } from './line.ts';
import type { World } from './world.ts';

/** A control message that means something to a transfer; the others are the conversation's own. */
export type TransferMessage = Exclude<ControlMessage, { t: 'hello' | 'ping' }>;

export interface ConversationHandlers {
  /** The peer has said what it is, e.g. `Chrome on Android`. */
  readonly onhello: (device: string) => void;
  readonly onmessage: (message: TransferMessage) => void;
  readonly onbulk: (message: unknown) => void;
  readonly onpath: () => void;
  /** The lane is of no more use, for whatever reason. Called at most once, and not after `hangUp`. */
  readonly onlost: (code: ErrorCode) => void;
  /** A message made a handler throw, or could not be read. */
  readonly onfatal: (code: ErrorCode) => void;
  /** It is over, however it ended. */
  readonly onend?: () => void;
  /** Nothing has been heard for a while, for long, or something again after that. */
  readonly onhearing: (hearing: Hearing) => void;
}

/**
 * What is said over one lane: a hello from each side first, then control messages and bulk data, and a ping when there is
 * nothing else to say. Whatever a peer's message makes throw ends in `onfatal`, and nothing else is touched. Rules [C2],
 * [C8], [M1].
 */
export class Conversation {
  #path: PathInfo | null = null;
  #greeted = false;
  #over = false;
  readonly #stopWatching: () => void;
  readonly #heartbeat: Heartbeat;

  constructor(
    private readonly world: World,
    private readonly lane: Lane,
    private readonly handlers: ConversationHandlers,
  ) {
    const { clock, device } = world;
    this.#heartbeat = new Heartbeat(clock, () => this.send({ t: 'ping' }), handlers.onhearing);
    this.#stopWatching = watchPath(clock, lane, (path) => {
      this.#path = path;
      handlers.onpath();
    });
    this.send({ t: 'hello', version: PROTOCOL_VERSION, device });
  }

  /** How the bytes travel; null until known. */
  get path(): PathInfo | null {
    return this.#path;
  }

  /** Begins to read. What came before waits in the lane. */
  listen(): void {
    const { lane, handlers } = this;
    lane.onclose = (reason) => this.#lost(asBeelineError(reason, 'connection-lost').code);
    lane.control.onmessage = (message) => this.#heard(() => this.#receive(parseControl(message)));
    lane.bulk.onmessage = (message) => this.#heard(() => handlers.onbulk(message));
  }

  send(message: ControlMessage): void {
    this.guard(() => this.lane.control.send(encodeControl(message)));
  }

  /** Runs what may throw on account of the peer. @returns what that gave, or null when it threw. */
  guard<Result>(run: () => Result): Result | null {
    try {
      return run();
    } catch (error) {
      this.fail(asBeelineError(error));
      return null;
    }
  }

  fail({ code, detail }: BeelineError): void {
    if (code === 'connection-lost') {
      this.#lost(code);
      return;
    }
    console.warn('conversation ended:', code, detail);
    this.handlers.onfatal(code);
  }

  /** Ends the conversation, with its reason when there is one, after the last message could be read. */
  hangUp(code: ErrorCode | null): void {
    if (this.#over) return;
    if (code !== null) this.send({ t: 'error', code });
    this.#stop();
    hangUp(this.world.clock, this.lane);
  }

  /** Gives up the lane at once. */
  drop(code: ErrorCode): void {
    this.#lost(code);
    this.lane.close();
  }

  /** What was under way when the conversation ended still arrives, and nobody waits for it. */
  #heard(read: () => void): void {
    if (this.#over) return;
    this.#heartbeat.heard();
    this.guard(read);
  }

  #receive(message: ControlMessage): void {
    if (message.t === 'hello') {
      if (this.#greeted) throw new BeelineError('protocol', 'two hellos');
      if (message.version !== PROTOCOL_VERSION) throw new BeelineError('version', `${message.version}`);
      this.#greeted = true;
      this.handlers.onhello(message.device);
      return;
    }
    if (!this.#greeted) throw new BeelineError('protocol', 'no hello');
    if (message.t !== 'ping') this.handlers.onmessage(message);
  }

  #lost(code: ErrorCode): void {
    if (this.#over) return;
    this.#stop();
    this.handlers.onlost(code);
  }

  #stop(): void {
    this.#over = true;
    this.#path = null;
    this.#stopWatching();
    this.#heartbeat.stop();
    this.handlers.onend?.();
  }
}

import type { FailedAttempt } from '../core/diagnosis.ts';
import { asBeelineError, type ErrorCode } from '../core/errors.ts';
import type { ShareKeys } from '../core/link.ts';
import { type Greeting, readGreeting } from '../core/messages.ts';
import type { Lane } from '../core/ports.ts';
import { type Dial, dialSender } from './handshake.ts';
import type { ReceiverLine } from './receiver-line.ts';
import type { World } from './world.ts';

/**
 * Milliseconds for the sender's answer when a lane was lost before: what was said over a line that died unnoticed comes to
 * nobody. Doubles with each attempt that has none, for a slow network. Rule [C15].
 */
const ANSWER_MS = 1_500;

export interface RedialHandlers {
  /** Whether the next lane may bring the first of the share at once. Rule [S10]. */
  readonly takesHeadStart: () => boolean;
  readonly onlane: (lane: Lane) => void;
  /** The attempt under way has brought what the sender will say first. */
  readonly ongreeting: (greeting: Greeting) => void;
  /** The attempt ended without a lane. */
  readonly onfailed: (code: ErrorCode) => void;
  /** The attempt goes on, and this seems to hold it up. */
  readonly ontrouble: (code: ErrorCode) => void;
  readonly onstatus: () => void;
}

/** Keeps at most one dial under way, and waits with it until the signaling line is open. Rules [C4], [C14], [C15]. */
export class Redial {
  #dial: Dial | null = null;
  #cancelTimer: (() => void) | null = null;
  #due = false;
  #closed = false;
  #lastFailed: FailedAttempt | null = null;
  /** There was a lane before. */
  #hasMet = false;
  /** Attempts in a row that the sender did not answer in time. */
  #unanswered = 0;
  readonly #endNudges: () => void;

  constructor(
    private readonly world: World,
    private readonly line: ReceiverLine,
    private readonly keys: ShareKeys,
    private readonly handlers: RedialHandlers,
  ) {
    this.#endNudges = world.nudge(() => {
      if (this.#cancelTimer !== null && this.#dial?.isAnswered !== true) this.#now();
    });
    const { signaling } = line;
    signaling.onmessage = (message) => this.#dial?.receive(message);
    signaling.onstatus = (status) => {
      // An offer that went over the line before this one may be lost.
      if (status === 'open' && (this.#due || this.#dial?.isAnswered === false)) this.#now();
      handlers.onstatus();
    };
  }

  /** The last attempt in trouble; null while there was none since the last lane. */
  get lastFailed(): FailedAttempt | null {
    return this.#lastFailed;
  }

  /**
   * Dials after about `delayMs`: half of it to all of it, so that many receivers do not come at once. Sooner when the
   * network comes back or somebody looks at the page.
   */
  dial(delayMs: number): void {
    this.#closed = false;
    this.#end();
    const wait = delayMs * (0.5 + this.world.random.fraction() / 2);
    if (wait === 0) this.#now();
    else this.#cancelTimer = this.world.clock.after(wait, () => this.#now());
  }

  /** Ends what is under way; `dial` begins anew. */
  stop(): void {
    this.#closed = true;
    this.#due = false;
    // What answers it meanwhile is heard by nobody.
    this.line.takeOffer();
    this.#end();
  }

  close(): void {
    this.stop();
    this.#endNudges();
  }

  #end(): void {
    this.#cancelTimer?.();
    this.#cancelTimer = null;
    const dial = this.#dial;
    this.#dial = null;
    dial?.close();
  }

  #now(): void {
    this.#end();
    const { id, signaling } = this.line;
    this.#due = signaling.status !== 'open';
    if (this.#due || this.#closed) return;
    const offer = this.line.takeOffer();
    const headStart = offer?.headStart ?? this.handlers.takesHeadStart();
    this.attend(dialSender(this.world, signaling, this.keys, id, headStart, offer));
  }

  /** Goes on with a dial that was begun over the line as it is. */
  attend(dial: Dial): void {
    this.#dial = dial;
    dial.watch({
      ongreeting: (said) => {
        const greeting = this.#dial === dial ? readGreeting(said) : null;
        if (greeting !== null) this.handlers.ongreeting(greeting);
      },
      ontrouble: (code) => {
        if (this.#dial !== dial) return;
        this.#lastFailed = dial.failedWith(code);
        this.handlers.ontrouble(code);
      },
    });
    if (this.#hasMet) {
      this.#cancelTimer = this.world.clock.after(ANSWER_MS * 2 ** Math.min(this.#unanswered, 4), () => {
        this.#cancelTimer = null;
        if (dial.isAnswered) return;
        this.#unanswered += 1;
        this.#now();
      });
    }
    dial.opened.then(
      (lane) => {
        if (this.#dial !== dial) return;
        this.#dial = null;
        this.#end();
        this.#hasMet = true;
        this.#unanswered = 0;
        this.#lastFailed = null;
        this.handlers.onlane(lane);
      },
      (error: unknown) => {
        if (this.#dial !== dial) return;
        this.#end();
        const { code } = asBeelineError(error, 'connect-failed');
        this.#lastFailed = dial.failedWith(code);
        this.handlers.onfailed(code);
      },
    );
  }
}

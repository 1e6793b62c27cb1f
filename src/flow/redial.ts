import type { FailedAttempt } from '../core/diagnosis.ts';
import { asBeelineError, type ErrorCode } from '../core/errors.ts';
import type { ShareKeys } from '../core/link.ts';
import type { Lane, Signaling } from '../core/ports.ts';
import { FINAL_CODES } from '../core/receiver.ts';
import { type Dial, dialSender } from './handshake.ts';
import type { World } from './world.ts';

export interface RedialHandlers {
  readonly onlane: (lane: Lane) => void;
  readonly onlost: (code: ErrorCode) => void;
  /** The attempt goes on, and this seems to hold it up. */
  readonly ontrouble: (code: ErrorCode) => void;
  readonly onfatal: (code: ErrorCode) => void;
  readonly onstatus: () => void;
}

/** Keeps at most one dial under way, and waits with it until the signaling line is open. */
export class Redial {
  #dial: Dial | null = null;
  #cancelTimer: (() => void) | null = null;
  #due = false;
  #closed = false;
  #lastFailed: FailedAttempt | null = null;
  readonly #endNudges: () => void;

  constructor(
    private readonly world: World,
    private readonly signaling: Signaling,
    private readonly keys: ShareKeys,
    private readonly myId: string,
    private readonly handlers: RedialHandlers,
  ) {
    this.#endNudges = world.nudge(() => {
      if (this.#cancelTimer !== null) this.#now();
    });
    signaling.onmessage = (message) => this.#dial?.receive(message);
    signaling.onstatus = (status) => {
      if (status === 'open' && this.#due) this.#now();
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
    this.#clearTimer();
    this.#dial?.close();
    this.#dial = null;
    const wait = delayMs * (0.5 + this.world.random.fraction() / 2);
    if (wait === 0) this.#now();
    else this.#cancelTimer = this.world.clock.after(wait, () => this.#now());
  }

  /** Ends what is under way; `dial` begins anew. */
  stop(): void {
    this.#closed = true;
    this.#due = false;
    this.#clearTimer();
    const dial = this.#dial;
    this.#dial = null;
    dial?.close();
  }

  close(): void {
    this.stop();
    this.#endNudges();
  }

  #clearTimer(): void {
    this.#cancelTimer?.();
    this.#cancelTimer = null;
  }

  #now(): void {
    this.#clearTimer();
    this.#due = this.signaling.status !== 'open';
    if (this.#due || this.#closed) return;
    const dial = dialSender(this.world, this.signaling, this.keys, this.myId, (code) => {
      if (this.#dial !== dial) return;
      this.#lastFailed = dial.failedWith(code);
      this.handlers.ontrouble(code);
    });
    this.#dial = dial;
    dial.opened.then(
      (lane) => {
        if (this.#dial !== dial) return;
        this.#dial = null;
        this.#lastFailed = null;
        this.handlers.onlane(lane);
      },
      (error: unknown) => {
        if (this.#dial !== dial) return;
        this.#dial = null;
        const { code } = asBeelineError(error, 'connect-failed');
        this.#lastFailed = dial.failedWith(code);
        if (FINAL_CODES.has(code)) this.handlers.onfatal(code);
        else this.handlers.onlost(code);
      },
    );
  }
}

import { asBeelineError, BeelineError } from '../core/errors.ts';
import type { ControlMessage } from '../core/messages.ts';
import type { Lane, LaneAttempt } from '../core/ports.ts';
import type { LaneSignal } from '../core/sealed.ts';
import type { IceAnswer } from '../core/signaling.ts';
import type { World } from './world.ts';

/** Milliseconds that a further lane may take to open; the first has longer, for a server is between. */
const OPEN_MS = 15_000;

interface LaneMakingHandlers {
  readonly onopen: (lane: Lane) => void;
  /** It could not be made, or is lost. Called at most once, and not after `close`. */
  readonly onend: () => void;
}

/** One further lane, at either end: being made over the first lane's control channel, and then open. */
export class LaneMaking {
  #attempt: LaneAttempt | null = null;
  /** Signals that come while credentials are fetched. */
  #early: LaneSignal[] = [];
  #closed = false;
  readonly #cancelTimeout: () => void;

  constructor(
    private readonly world: Pick<World, 'clock' | 'lanes'>,
    id: number,
    initiator: boolean,
    ice: () => Promise<IceAnswer>,
    say: (message: ControlMessage) => void,
    private readonly handlers: LaneMakingHandlers,
  ) {
    this.#cancelTimeout = world.clock.after(OPEN_MS, () => this.#fail(new BeelineError('connect-timeout')));
    this.#make(initiator, ice, (signal) => {
      if (!this.#closed) say({ t: 'lane', lane: id, signal });
    }).catch((error: unknown) => this.#fail(asBeelineError(error)));
  }

  signal(signal: LaneSignal): void {
    if (this.#attempt === null) this.#early.push(signal);
    else this.#attempt.signal(signal);
  }

  close(): void {
    this.#closed = true;
    this.#cancelTimeout();
    this.#attempt?.close();
  }

  async #make(
    initiator: boolean,
    ice: () => Promise<IceAnswer>,
    onSignal: (signal: LaneSignal) => void,
  ): Promise<void> {
    const servers = await ice();
    if (this.#closed) return;
    const attempt = this.world.lanes.attempt({ initiator, ice: servers, onSignal });
    this.#attempt = attempt;
    for (const signal of this.#early.splice(0)) attempt.signal(signal);
    this.#opened(await attempt.opened);
  }

  #opened(lane: Lane): void {
    if (this.#closed) return;
    this.#cancelTimeout();
    lane.onclose = () => this.#end();
    this.handlers.onopen(lane);
  }

  #fail({ code, detail }: BeelineError): void {
    if (this.#closed) return;
    console.warn('no further lane:', code, detail);
    this.#end();
  }

  #end(): void {
    if (this.#closed) return;
    this.close();
    this.handlers.onend();
  }
}

/** Small habits that both sides have with a lane. */
import type { Clock, Lane, PathInfo } from '../core/ports.ts';

/** Milliseconds left to the peer to read the last message and hang up first; closing at once would drop it. */
const LINGER_MS = 1_000;

/** Milliseconds between looks at the path: it changes rarely, and `getStats` is not free. */
const PATH_INTERVAL_MS = 2_000;

/** Ends a lane after its last message could be read. */
export function hangUp(clock: Clock, lane: Lane): void {
  lane.onclose = null;
  lane.control.onmessage = () => undefined;
  lane.bulk.onmessage = () => undefined;
  const cancel = clock.after(LINGER_MS, () => lane.close());
  lane.onclose = cancel;
}

/** Reports how a lane's bytes travel, until the returned function is called. */
export function watchPath(clock: Clock, lane: Lane, onpath: (path: PathInfo | null) => void): () => void {
  let stopped = false;
  let cancel: (() => void) | null = null;
  const look = () => {
    lane.path().then(
      (path) => {
        if (stopped) return;
        onpath(path);
        cancel = clock.after(PATH_INTERVAL_MS, look);
      },
      // The connection is closed between two looks: its own event says so.
      () => undefined,
    );
  };
  look();
  return () => {
    stopped = true;
    cancel?.();
  };
}

/** Milliseconds between two signs of life. Rule [C8]. */
export const PING_MS = 500;

/** Ticks without any message after which it is worth looking for another path: ICE would wait 5 s. Rule [C15]. */
export const QUIET_TICKS = 4;

/** Ticks without any message after which a lane counts as dead although nothing has closed it. */
export const SILENT_TICKS = 20;

/** Whether the other side is heard, not for {@link QUIET_TICKS}, or not even for {@link SILENT_TICKS}. */
export type Hearing = 'heard' | 'quiet' | 'silent';

/** Says `ping` on a lane and listens for silence, until stopped. */
export class Heartbeat {
  #quiet = 0;
  #cancel: (() => void) | null = null;

  constructor(
    private readonly clock: Clock,
    private readonly ping: () => void,
    private readonly onhearing: (hearing: Hearing) => void,
  ) {
    this.#next();
  }

  /** The other side was heard. */
  heard(): void {
    const wasQuiet = this.#quiet >= QUIET_TICKS;
    this.#quiet = 0;
    if (wasQuiet) this.onhearing('heard');
  }

  stop(): void {
    this.#cancel?.();
    this.#cancel = null;
  }

  #next(): void {
    this.#cancel = this.clock.after(PING_MS, () => {
      this.#quiet += 1;
      this.#next();
      if (this.#quiet === QUIET_TICKS) this.onhearing('quiet');
      if (this.#quiet === SILENT_TICKS) this.onhearing('silent');
      this.ping();
    });
  }
}

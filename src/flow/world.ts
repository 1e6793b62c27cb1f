import type {
  Archive,
  Clock,
  LaneFactory,
  Nudge,
  Random,
  SignalingFactory,
  SinkFactory,
  Subtle,
} from '../core/ports.ts';

/** The adapters a session works with; `src/world.ts` builds them, tests pass doubles. */
export interface World {
  readonly clock: Clock;
  readonly nudge: Nudge;
  readonly random: Random;
  readonly subtle: Subtle;
  readonly lanes: LaneFactory;
  readonly signaling: SignalingFactory;
  readonly sinks: SinkFactory;
  readonly archive: Archive;
  /** What this device calls itself, e.g. `Firefox on Linux`; at most 64 letters, digits and ` .,()_-`. */
  readonly device: string;
}

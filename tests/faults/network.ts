import { toHex } from '../../src/core/bytes.ts';
import { type Deferred, deferred } from '../../src/core/deferred.ts';
import { BeelineError } from '../../src/core/errors.ts';
import type { Lane, LaneAttempt, LaneFactory, Random } from '../../src/core/ports.ts';
import type { LaneSignal } from '../../src/core/sealed.ts';
import { fakeSdp } from '../doubles/lanes.ts';
import { type Cable, Link } from './lanes.ts';
import type { MessageTrouble, Way } from './schedule.ts';
import type { Page } from './timeline.ts';

/** Makes lanes between pages, and lets the faults that wait for a message hit them. */
export class Network {
  /** Faults that wait for their message, oldest first. */
  readonly waiting: MessageTrouble[] = [];
  readonly #cable: Cable;
  readonly #attempts = new Map<string, Attempt>();
  #links: Link[] = [];

  constructor(
    private readonly random: Random,
    cable: Omit<Cable, 'takeTrouble'>,
  ) {
    this.#cable = { ...cable, takeTrouble: (way) => this.#takeTrouble(way) };
  }

  /** The network as one page reaches it. */
  for(page: Page): LaneFactory {
    return { attempt: ({ initiator, onSignal }) => this.#attempt(page, initiator, onSignal) };
  }

  /** Lanes that stand. */
  get links(): readonly Link[] {
    this.#links = this.#links.filter((link) => !link.isOver);
    return this.#links;
  }

  linksOf(page: Page): readonly Link[] {
    return this.links.filter(({ ends }) => ends.some((end) => end.page === page));
  }

  #takeTrouble(way: Way): MessageTrouble | null {
    const index = this.waiting.findIndex((trouble) => (trouble.kind === 'corrupt' ? 'bulk' : trouble.way) === way);
    return index < 0 ? null : (this.waiting.splice(index, 1)[0] ?? null);
  }

  #attempt(page: Page, isInitiator: boolean, onSignal: (signal: LaneSignal) => void): LaneAttempt {
    const { timeline, latencyMs } = this.#cable;
    const id = toHex(this.random.bytes(8));
    const describe = (kind: 'offer' | 'answer') =>
      timeline.after(0, () => {
        page.task(() => onSignal({ kind, sdp: fakeSdp(id) }));
      });
    const attempt = new Attempt(page, isInitiator, (signal) => {
      if (signal.kind === 'candidate') return;
      attempt.peer = this.#attempts.get(idOf(signal.sdp)) ?? null;
      if (signal.kind === 'offer') describe('answer');
      // ICE and DTLS need both sides: whoever is told last begins.
      timeline.after(4 * latencyMs, () => this.#meet(attempt));
    });
    this.#attempts.set(id, attempt);
    if (isInitiator) describe('offer');
    return attempt;
  }

  #meet(attempt: Attempt): void {
    const { peer } = attempt;
    if (peer?.peer !== attempt) return;
    const [receiver, sender] = attempt.isInitiator ? [attempt, peer] : [peer, attempt];
    if (![receiver, sender].every(({ isWaiting, page }) => isWaiting && page.isAlive)) return;
    const link = new Link(this.#cable, receiver.page, sender.page);
    this.#links.push(link);
    receiver.open(link.ends[0]);
    sender.open(link.ends[1]);
  }
}

function idOf(sdp: string): string {
  return /^s=(\w+)/mu.exec(sdp)?.[1] ?? '';
}

class Attempt implements LaneAttempt {
  peer: Attempt | null = null;
  isWaiting = true;
  #lane: Lane | null = null;
  readonly #opened: Deferred<Lane> = deferred<Lane>();

  constructor(
    readonly page: Page,
    readonly isInitiator: boolean,
    readonly signal: (signal: LaneSignal) => void,
  ) {
    this.opened.catch(() => undefined);
  }

  get opened(): Promise<Lane> {
    return this.#opened.promise;
  }

  open(lane: Lane): void {
    this.isWaiting = false;
    this.#lane = lane;
    this.page.task(() => this.#opened.resolve(lane));
  }

  close(): void {
    this.isWaiting = false;
    this.#opened.reject(new BeelineError('connect-failed', 'attempt is closed'));
    this.#lane?.close();
  }
}

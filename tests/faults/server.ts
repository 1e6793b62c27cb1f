import type { Signaling, SignalingFactory, SignalingMessage, SignalingStatus } from '../../src/core/ports.ts';
import type { Page, Timeline } from './timeline.ts';

/** Milliseconds a message takes to the server or from it. */
const LATENCY_MS = 5;

/** Milliseconds that a message waits for its absent destination, as the server has it. */
const ABSENT_MS = 5_000;

/** Milliseconds until a line is tried again after the server came back, at most. */
const BACKOFF_MS = 4_000;

interface Relayed {
  readonly src: string;
  readonly dst: string;
  readonly type: SignalingMessage['type'];
  /** As JSON: nothing crosses a server by reference. */
  readonly payload: string;
}

/** A signaling server that keeps messages for a while, can be down, and knows at once when a page is gone. */
export class Server {
  isUp = true;
  readonly #lines = new Map<string, Line>();
  #waiting: Relayed[] = [];
  #downs = 0;

  constructor(
    private readonly timeline: Timeline,
    private readonly fraction: () => number,
  ) {}

  /** The server as one page reaches it. */
  for(page: Page): SignalingFactory {
    return {
      connect: (id) => {
        const line = new Line(
          page,
          (message) => this.#sent(line, { ...message, src: id }),
          () => this.#lines.delete(id),
        );
        this.#lines.set(id, line);
        this.timeline.after(LATENCY_MS, () => this.#open(id, line));
        return line;
      },
    };
  }

  /** Every line breaks, what waits is lost, and the lines come back one by one. */
  downFor(ms: number): void {
    this.isUp = false;
    this.#waiting = [];
    this.#downs += 1;
    for (const line of this.#lines.values()) line.tell('offline');
    this.timeline.after(ms, () => {
      this.#downs -= 1;
      this.isUp = this.#downs === 0;
      if (!this.isUp) return;
      for (const [id, line] of this.#lines)
        this.timeline.after(this.fraction() * BACKOFF_MS, () => this.#open(id, line));
    });
  }

  #open(id: string, line: Line): void {
    if (!this.isUp || this.#lines.get(id) !== line || line.isHere) return;
    line.isHere = true;
    line.tell('open');
    const mine = this.#waiting.filter(({ dst }) => dst === id);
    this.#waiting = this.#waiting.filter(({ dst }) => dst !== id);
    for (const message of mine) this.#deliver(message);
  }

  #sent(line: Line, message: Relayed): void {
    this.timeline.after(LATENCY_MS, () => {
      if (line.isHere) this.#deliver(message);
    });
  }

  #deliver(message: Relayed): void {
    const { src, dst, type, payload } = message;
    const line = this.#lines.get(dst);
    if (line?.isReached === true) {
      this.timeline.after(LATENCY_MS, () => line.hear({ type, src, payload: JSON.parse(payload) as unknown }));
      return;
    }
    this.#waiting.push(message);
    this.timeline.after(ABSENT_MS, () => {
      if (!this.#waiting.includes(message)) return;
      this.#waiting = this.#waiting.filter((other) => other !== message);
      this.#lines.get(src)?.hear({ type: 'EXPIRE', src: dst, payload: undefined });
    });
  }
}

class Line implements Signaling {
  status: SignalingStatus = 'connecting';
  onstatus: ((status: SignalingStatus) => void) | null = null;
  onmessage: ((message: SignalingMessage) => void) | null = null;
  /** True while the server has this line. */
  isHere = false;

  constructor(
    private readonly page: Page,
    private readonly sent: (message: Omit<Relayed, 'src'>) => void,
    private readonly closed: () => void,
  ) {}

  get isReached(): boolean {
    return this.isHere && !this.page.isDead;
  }

  tell(status: SignalingStatus): void {
    if (status === 'offline') this.isHere = false;
    this.page.task(() => {
      this.status = status;
      this.onstatus?.(status);
    });
  }

  hear(message: SignalingMessage): void {
    this.page.task(() => this.onmessage?.(message));
  }

  send(type: Relayed['type'], dst: string, payload: unknown): void {
    if (this.status === 'open') this.sent({ dst, type, payload: JSON.stringify(payload ?? null) });
  }

  /** A line here is never dead without knowing it. */
  check(): void {
    return;
  }

  ice(): Promise<{ iceServers: []; ttl: number }> {
    return Promise.resolve({ iceServers: [], ttl: 0 });
  }

  close(): void {
    this.closed();
  }
}

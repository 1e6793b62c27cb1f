import type { Signaling, SignalingFactory, SignalingMessage, SignalingStatus } from '../../src/core/ports.ts';

type Type = 'OFFER' | 'ANSWER' | 'CANDIDATE' | 'LEAVE';

/** One relayed message, as a server sees it. */
export interface Relayed {
  readonly type: Type;
  readonly src: string;
  readonly dst: string;
  readonly payload: unknown;
}

/** A signaling server in memory. A test may make it hostile by replacing `relay`. */
export class FakeSignaling implements SignalingFactory {
  readonly seen: Relayed[] = [];
  readonly #lines = new Map<string, FakeLine>();

  /** What the server does with a message; the honest one delivers it, or says EXPIRE for an absent peer. */
  relay = (message: Relayed): void => this.deliver(message);

  /** The line of one who is here. */
  line(id: string): FakeLine {
    const line = this.#lines.get(id);
    if (line === undefined) throw new Error(`${id} has no line`);
    return line;
  }

  connect(id: string): Signaling {
    const line = new FakeLine(this, id);
    this.#lines.set(id, line);
    queueMicrotask(() => line.setStatus('open'));
    return line;
  }

  deliver({ type, src, dst, payload }: Relayed): void {
    const line = this.#lines.get(dst);
    // A payload crosses as JSON, so that nothing is shared by reference.
    const copy: unknown = JSON.parse(JSON.stringify(payload ?? null));
    if (line !== undefined) queueMicrotask(() => line.onmessage?.({ type, src, payload: copy }));
    else this.#lines.get(src)?.onmessage?.({ type: 'EXPIRE', src: dst, payload: undefined });
  }

  forget(id: string): void {
    this.#lines.delete(id);
  }
}

export class FakeLine implements Signaling {
  /** How often it was asked whether it lives. */
  checks = 0;
  status: SignalingStatus = 'connecting';
  onstatus: ((status: SignalingStatus) => void) | null = null;
  onmessage: ((message: SignalingMessage) => void) | null = null;

  constructor(
    private readonly server: FakeSignaling,
    private readonly id: string,
  ) {}

  setStatus(status: SignalingStatus): void {
    this.status = status;
    this.onstatus?.(status);
  }

  send(type: Type, dst: string, payload: unknown): void {
    const message = { type, src: this.id, dst, payload };
    this.server.seen.push(message);
    this.server.relay(message);
  }

  check(): void {
    this.checks += 1;
  }

  ice(): Promise<{ iceServers: []; ttl: number }> {
    return Promise.resolve({ iceServers: [], ttl: 0 });
  }

  close(): void {
    this.server.forget(this.id);
  }
}

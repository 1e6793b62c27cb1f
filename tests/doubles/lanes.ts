import { deferred } from '../../src/core/deferred.ts';
import { toHex } from '../../src/core/bytes.ts';
import { BeelineError } from '../../src/core/errors.ts';
import type { Channel, Lane, LaneAttempt, LaneFactory, PathInfo } from '../../src/core/ports.ts';
import type { LaneSignal } from '../../src/core/sealed.ts';
import { realRandom } from './clock.ts';

/** What one channel does to a message on its way; tests replace it to inject faults. */
export type Courier = (message: unknown, deliver: (message: unknown) => void) => void;

/** A channel whose messages arrive in order, each in a task of its own, and never before somebody reads. */
export class FakeChannel<Message> implements Channel<Message> {
  ondrain: (() => void) | null = null;
  bufferedAmount = 0;
  lowWatermark = 0;
  peer: FakeChannel<Message> | null = null;
  courier: Courier = (message, deliver) => deliver(message);
  /** Awaited before each message leaves, while set: a slow path. */
  pace: (() => Promise<void>) | null = null;
  closed = false;
  #handler: ((message: unknown) => void) | null = null;
  #early: unknown[] = [];
  #onward: Promise<void> = Promise.resolve();

  get isOpen(): boolean {
    return !this.closed;
  }

  get onmessage(): ((message: unknown) => void) | null {
    return this.#handler;
  }

  set onmessage(handler: ((message: unknown) => void) | null) {
    this.#handler = handler;
    if (handler === null) return;
    for (const message of this.#early.splice(0)) handler(message);
  }

  send(message: Message): void {
    if (this.closed) throw new BeelineError('connection-lost', 'fake channel is closed');
    const size = typeof message === 'string' ? message.length : (message as Uint8Array).length;
    const copy: unknown = typeof message === 'string' ? message : (message as Uint8Array).slice().buffer;
    this.bufferedAmount += size;
    this.#onward = this.#onward.then(async () => {
      await new Promise((resolve) => setImmediate(resolve));
      await this.pace?.();
      const before = this.bufferedAmount;
      this.bufferedAmount -= size;
      if (this.closed) return;
      this.courier(copy, (arrived) => this.peer?.arrive(arrived));
      if (before > this.lowWatermark && this.bufferedAmount <= this.lowWatermark) this.ondrain?.();
    });
  }

  /** Even on a closed channel: a browser still hands over what had come before. */
  arrive(message: unknown): void {
    if (this.#handler === null) this.#early.push(message);
    else this.#handler(message);
  }
}

export class FakeLane implements Lane {
  readonly control = new FakeChannel<string>();
  readonly bulk = new FakeChannel<Uint8Array<ArrayBuffer>>();
  onclose: ((reason: Error) => void) | null = null;
  other: FakeLane | null = null;
  /** One that gets no further lanes ([G2]), until a test says otherwise. */
  info: PathInfo = { kind: 'direct', relayProtocol: null, rttMs: 1 };

  path(): Promise<PathInfo> {
    return Promise.resolve(this.info);
  }

  close(): void {
    for (const lane of [this, this.other]) {
      if (lane === null || lane.control.closed) continue;
      lane.control.closed = lane.bulk.closed = true;
      queueMicrotask(() => lane.onclose?.(new BeelineError('connection-lost', 'fake lane is closed')));
    }
  }
}

/** Lane factories whose attempts find each other by the id in their fake descriptions. */
export class FakeNetwork implements LaneFactory {
  readonly #offers = new Map<string, FakeLane>();
  #prepared: { readonly lane: FakeLane; readonly sdp: string } | null = null;
  /** Every pair of lanes made: the initiator's side first. */
  readonly lanes: [FakeLane, FakeLane][] = [];
  /** Called with each pair before it is handed out, to set faults. */
  onmeet: ((pair: [FakeLane, FakeLane]) => void) | null = null;
  /** Awaited between an answer and either end of the lane that it opens, while set. */
  opening: (() => Promise<void>) | null = null;

  /** An offer that is made before its attempt, which is the next one. */
  prepare(): string {
    this.#prepared ??= this.#offer();
    return this.#prepared.sdp;
  }

  attempt({ initiator, onSignal }: Parameters<LaneFactory['attempt']>[0]): LaneAttempt {
    const { promise, resolve, reject } = deferred<Lane>();
    promise.catch(() => undefined);
    let lane = new FakeLane();
    if (initiator) {
      const offer = this.#prepared ?? this.#offer();
      this.#prepared = null;
      lane = offer.lane;
      queueMicrotask(() => onSignal({ kind: 'offer', sdp: offer.sdp }));
    }
    const close = () => {
      reject(new BeelineError('connect-failed', 'fake attempt is closed'));
      lane.close();
    };
    const signal = (signal: LaneSignal) => {
      if (signal.kind === 'offer')
        this.#meet(idOf(signal.sdp), lane, (sdp) => onSignal({ kind: 'answer', sdp }), resolve);
      else if (signal.kind === 'answer') this.#open(lane, resolve);
    };
    return { opened: promise, close, signal };
  }

  #offer(): { readonly lane: FakeLane; readonly sdp: string } {
    const id = toHex(realRandom.bytes(8));
    const lane = new FakeLane();
    this.#offers.set(id, lane);
    return { lane, sdp: fakeSdp(id) };
  }

  #meet(offerId: string, lane: FakeLane, answer: (sdp: string) => void, resolve: (lane: Lane) => void): void {
    const offering = this.#offers.get(offerId);
    if (offering === undefined) return;
    this.#offers.delete(offerId);
    join(offering, lane);
    this.lanes.push([offering, lane]);
    this.onmeet?.([offering, lane]);
    answer(fakeSdp(toHex(realRandom.bytes(8))));
    this.#open(lane, resolve);
  }

  #open(lane: FakeLane, resolve: (lane: Lane) => void): void {
    if (this.opening === null) resolve(lane);
    else void this.opening().then(() => resolve(lane));
  }
}

function join(a: FakeLane, b: FakeLane): void {
  a.other = b;
  b.other = a;
  a.control.peer = b.control;
  b.control.peer = a.control;
  a.bulk.peer = b.bulk;
  b.bulk.peer = a.bulk;
}

/** A description with an id and a fingerprint of its own. */
export function fakeSdp(id: string): string {
  const fingerprint = Array.from(realRandom.bytes(32), (byte) => byte.toString(16).padStart(2, '0').toUpperCase()).join(
    ':',
  );
  return `v=0\r\ns=${id}\r\na=fingerprint:sha-256 ${fingerprint}\r\n`;
}

function idOf(sdp: string): string {
  return /^s=(\w+)/mu.exec(sdp)?.[1] ?? '';
}

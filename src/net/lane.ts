import { deferred } from '../core/deferred.ts';
import SimplePeer from 'simple-peer';
import type { Bytes } from '../core/bytes.ts';
import { asBeelineError, BeelineError } from '../core/errors.ts';
import type { BulkChannel, Channel, Lane, PathInfo } from '../core/ports.ts';
import type { LaneSignal } from '../core/sealed.ts';
import type { LaneConnection } from './connection.ts';
import { readPath } from './stats.ts';

export interface PeerLaneHandlers {
  /** The answer to the other side's offer. */
  readonly onanswer: (sdp: string) => void;
  readonly onend: () => void;
}

/** A connection whose channels, and offer if it makes one, were made before simple-peer takes it over. */
export class PeerLane implements Lane {
  readonly opened: Promise<Lane>;
  readonly control: Channel<string>;
  readonly bulk: BulkChannel;
  onclose: ((reason: Error) => void) | null = null;

  readonly #peer: SimplePeer;
  readonly #connection: RTCPeerConnection;
  #isOpen = false;
  #ended = false;

  /** @param offer that was said and set; null for the side that answers. */
  constructor(made: LaneConnection, offer: string | null, { onanswer, onend }: PeerLaneHandlers) {
    const { connection, control, bulk } = made;
    this.#connection = connection;
    this.#peer = new SimplePeer({
      initiator: offer !== null,
      trickle: true,
      objectMode: true,
      channelConfig: { negotiated: true },
      wrtc: { RTCPeerConnection: handsOut(made, offer), RTCSessionDescription, RTCIceCandidate },
    });
    this.bulk = new DataChannel(bulk);
    this.control = new ControlChannel(this.#peer, control);
    this.opened = this.#open([control, bulk], onend);
    this.opened.catch(() => undefined);
    this.#peer.on('signal', (data) => {
      if (data.type === 'answer') onanswer(data.sdp);
    });
  }

  signal(signal: LaneSignal): void {
    if (this.#ended) return;
    if (signal.kind === 'candidate') {
      const { candidate, sdpMid, sdpMLineIndex } = signal;
      this.#peer.signal({ type: 'candidate', candidate: { candidate, sdpMid, sdpMLineIndex } });
    } else {
      this.#peer.signal({ type: signal.kind, sdp: signal.sdp });
    }
  }

  path(): Promise<PathInfo | null> {
    return this.#ended ? Promise.resolve(null) : readPath(this.#connection);
  }

  close(): void {
    this.#peer.destroy();
  }

  /** Does not wait for simple-peer's `connect`, which comes when it has looked up the path. */
  #open(channels: readonly RTCDataChannel[], onend: () => void): Promise<Lane> {
    const { promise, resolve, reject } = deferred<Lane>();
    const settle = () => {
      if (!channels.every(({ readyState }) => readyState === 'open')) return;
      this.#isOpen = true;
      resolve(this);
    };
    const end = (error: BeelineError) => {
      if (this.#ended) return;
      this.#ended = true;
      onend();
      reject(error);
      this.onclose?.(error);
    };
    for (const channel of channels) channel.addEventListener('open', settle);
    this.#peer.on('error', (error) => end(asBeelineError(error, this.#isOpen ? 'connection-lost' : 'connect-failed')));
    this.#peer.on('close', () => end(new BeelineError('connection-lost', 'closed')));
    return promise;
  }
}

/**
 * What simple-peer takes for a constructor, from its documented `wrtc` option: `new` gives an object that a function
 * returns. What simple-peer would make of a new connection has been made of this one.
 */
function handsOut({ connection, control }: LaneConnection, offer: string | null): typeof RTCPeerConnection {
  Object.assign(connection, { createDataChannel: () => control });
  if (offer !== null) {
    Object.assign(connection, {
      createOffer: () => Promise.resolve({ type: 'offer', sdp: offer }),
      setLocalDescription: () => Promise.resolve(),
    });
  }
  return function () {
    return connection;
  } as unknown as typeof RTCPeerConnection;
}

/** Keeps messages that come before somebody reads: the peer may be ready first. */
abstract class Inbox {
  #handler: ((message: unknown) => void) | null = null;
  #early: unknown[] = [];

  get onmessage(): ((message: unknown) => void) | null {
    return this.#handler;
  }

  set onmessage(handler: ((message: unknown) => void) | null) {
    this.#handler = handler;
    if (handler === null) return;
    const early = this.#early;
    this.#early = [];
    for (const message of early) handler(message);
  }

  protected deliver(message: unknown): void {
    if (this.#handler === null) this.#early.push(message);
    else this.#handler(message);
  }
}

/** Bytes that may wait in the channel while simple-peer does not yet take a stream. */
const EARLY_BYTES = 64 * 1024;

/**
 * Written as a stream: a list of 100,000 files is more than a channel takes at once. simple-peer holds a stream back until
 * its `connect`, so what is said first goes past it, as far as there is room.
 */
class ControlChannel extends Inbox implements Channel<string> {
  #isStream = false;

  constructor(
    private readonly peer: SimplePeer,
    private readonly channel: RTCDataChannel,
  ) {
    super();
    peer.on('data', (message) => this.deliver(message));
  }

  send(message: string): void {
    if (this.channel.readyState !== 'open') throw new BeelineError('connection-lost', 'control channel is not open');
    this.#isStream ||= this.peer.connected || this.peer.bufferSize > EARLY_BYTES;
    if (this.#isStream) this.peer.write(message);
    else this.peer.send(message);
  }
}

class DataChannel extends Inbox implements BulkChannel {
  ondrain: (() => void) | null = null;

  constructor(private readonly channel: RTCDataChannel) {
    super();
    channel.binaryType = 'arraybuffer';
    channel.onbufferedamountlow = () => this.ondrain?.();
    channel.onmessage = ({ data }: MessageEvent<unknown>) => this.deliver(data);
  }

  get isOpen(): boolean {
    return this.channel.readyState === 'open';
  }

  get bufferedAmount(): number {
    return this.channel.bufferedAmount;
  }

  get lowWatermark(): number {
    return this.channel.bufferedAmountLowThreshold;
  }

  set lowWatermark(bytes: number) {
    this.channel.bufferedAmountLowThreshold = bytes;
  }

  send(message: Bytes): void {
    if (!this.isOpen) throw new BeelineError('connection-lost', 'bulk channel is not open');
    this.channel.send(message);
  }
}

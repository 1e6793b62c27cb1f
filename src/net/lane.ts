import { deferred } from '../core/deferred.ts';
import SimplePeer from 'simple-peer';
import type { Bytes } from '../core/bytes.ts';
import type { ConnectTrace } from '../core/diagnosis.ts';
import { asBeelineError, BeelineError } from '../core/errors.ts';
import type { BulkChannel, Channel, Clock, Lane, LaneAttempt, LaneFactory, PathInfo } from '../core/ports.ts';
import type { LaneSignal } from '../core/sealed.ts';
import type { IceAnswer } from '../core/signaling.ts';
import { readPath } from './stats.ts';
import { keep, traceConnection } from './trace.ts';
import { UdpFirst } from './udp-first.ts';

/**
 * Stream ids, agreed and not negotiated: a channel is open as soon as the connection is, and whoever is first may speak.
 * Chromium allows ids up to 1,023.
 */
const CONTROL_ID = 0;
const BULK_ID = 64;

/** A connection, and the channels it has made, by their stream id. */
interface Own {
  readonly connection: RTCPeerConnection;
  readonly channels: ReadonlyMap<number, RTCDataChannel>;
}

/** Hands out simple-peer connections as lanes. */
export class PeerLaneFactory implements LaneFactory {
  #ready: Own | null = null;

  constructor(private readonly clock: Clock) {}

  /**
   * Makes a connection for the next attempt, and its certificate with it, or takes one that was made before. That costs no
   * packet, and the time that a page's first connection takes to start WebRTC.
   */
  prepare(made?: RTCPeerConnection): void {
    this.#ready ??= own(made ?? new RTCPeerConnection());
  }

  attempt(options: Parameters<LaneFactory['attempt']>[0]): LaneAttempt {
    const ready = this.#ready ?? own(new RTCPeerConnection());
    this.#ready = null;
    return new PeerLane(options, ready, this.clock);
  }
}

/** Notes the channels that simple-peer makes, which it hands to nobody. */
function own(connection: RTCPeerConnection): Own {
  const channels = new Map<number, RTCDataChannel>();
  const create = connection.createDataChannel.bind(connection);
  connection.createDataChannel = (label, options) => {
    const channel = create(label, options);
    if (options?.id !== undefined) channels.set(options.id, channel);
    return channel;
  };
  return { connection, channels };
}

/**
 * One RTCPeerConnection with two channels: simple-peer's own carries control messages, and `bulk` is created on both
 * sides right after construction, before the offer. simple-peer takes its RTCPeerConnection from its documented `wrtc`
 * option, which here hands out the one that was made before.
 */
class PeerLane implements LaneAttempt, Lane {
  readonly opened: Promise<Lane>;
  readonly control: Channel<string>;
  readonly bulk: BulkChannel;
  onclose: ((reason: Error) => void) | null = null;

  readonly #peer: SimplePeer;
  readonly #connection: RTCPeerConnection;
  readonly #trace: ConnectTrace | undefined;
  readonly #candidates: UdpFirst<RTCIceCandidate>;
  #isOpen = false;
  #ended: BeelineError | null = null;

  constructor({ initiator, ice, onSignal, trace }: Parameters<LaneFactory['attempt']>[0], own: Own, clock: Clock) {
    const { connection } = own;
    this.#connection = connection;
    this.#trace = trace;
    this.#candidates = new UdpFirst(clock, ice, (candidate) => onSignal(toCandidateSignal(candidate)));
    // Listens before simple-peer does, which closes the connection on the very events that say why.
    if (trace !== undefined) traceConnection(connection, trace);
    connection.addEventListener('icecandidate', ({ candidate }) => {
      if (candidate === null) this.#candidates.settle();
      else this.#candidates.gathered(candidate);
    });
    connection.setConfiguration({ iceServers: toIceServers(ice) });
    this.#peer = new SimplePeer({
      initiator,
      trickle: true,
      objectMode: true,
      channelConfig: { negotiated: true, id: CONTROL_ID, ordered: true },
      wrtc: { RTCPeerConnection: handsOut(connection), RTCSessionDescription, RTCIceCandidate },
    });
    const control = own.channels.get(CONTROL_ID);
    if (control === undefined) throw new BeelineError('unsupported', 'no control channel');
    const bulk = connection.createDataChannel('bulk', { negotiated: true, id: BULK_ID, ordered: true });
    this.bulk = new DataChannel(bulk);
    this.control = new ControlChannel(this.#peer, control);
    this.opened = this.#open([control, bulk]);
    // The one who made the attempt reads `opened`; a rejection before that is not unhandled.
    this.opened.catch(() => undefined);
    this.#peer.on('signal', (data) => {
      if (data.type === 'offer' || data.type === 'answer') onSignal({ kind: data.type, sdp: data.sdp });
    });
  }

  signal(signal: LaneSignal): void {
    if (this.#ended !== null) return;
    if (this.#trace !== undefined) {
      keep(this.#trace.heard, signal.kind === 'candidate' ? signal.candidate : signal.sdp);
    }
    if (signal.kind === 'candidate') {
      const { candidate, sdpMid, sdpMLineIndex } = signal;
      this.#peer.signal({ type: 'candidate', candidate: { candidate, sdpMid, sdpMLineIndex } });
    } else {
      this.#peer.signal({ type: signal.kind, sdp: signal.sdp });
    }
  }

  path(): Promise<PathInfo | null> {
    return this.#ended === null ? readPath(this.#connection) : Promise.resolve(null);
  }

  close(): void {
    this.#peer.destroy();
  }

  /** Does not wait for simple-peer's `connect`, which comes when it has looked up the path. */
  #open(channels: readonly RTCDataChannel[]): Promise<Lane> {
    const { promise, resolve, reject } = deferred<Lane>();
    const settle = () => {
      if (!channels.every(({ readyState }) => readyState === 'open')) return;
      this.#isOpen = true;
      resolve(this);
    };
    const end = (error: BeelineError) => {
      if (this.#ended !== null) return;
      this.#ended = error;
      this.#candidates.close();
      reject(error);
      this.onclose?.(error);
    };
    for (const channel of channels) channel.addEventListener('open', settle);
    this.#peer.on('error', (error) => end(asBeelineError(error, this.#isOpen ? 'connection-lost' : 'connect-failed')));
    this.#peer.on('close', () => end(new BeelineError('connection-lost', 'closed')));
    return promise;
  }
}

/** What simple-peer takes for a constructor: `new` gives an object that a function returns. */
function handsOut(connection: RTCPeerConnection): typeof RTCPeerConnection {
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

function toIceServers({ iceServers }: IceAnswer): RTCIceServer[] {
  return iceServers.map(({ urls, ...credentials }) => ({ urls: [...urls], ...credentials }));
}

function toCandidateSignal({ candidate, sdpMid, sdpMLineIndex }: RTCIceCandidate): LaneSignal {
  return { kind: 'candidate', candidate, sdpMid, sdpMLineIndex };
}

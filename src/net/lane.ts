import { deferred } from '../core/deferred.ts';
import SimplePeer from 'simple-peer';
import type { Bytes } from '../core/bytes.ts';
import type { ConnectTrace } from '../core/diagnosis.ts';
import { asBeelineError, BeelineError } from '../core/errors.ts';
import type { BulkChannel, Channel, Lane, LaneAttempt, LaneFactory, PathInfo } from '../core/ports.ts';
import type { LaneSignal } from '../core/sealed.ts';
import type { IceAnswer } from '../core/signaling.ts';
import { readPath } from './stats.ts';
import { keep, traceConnection } from './trace.ts';

/**
 * Stream id of the bulk channel, agreed and not negotiated. simple-peer's own channel takes 0 or 1, by DTLS role, and
 * Chromium allows ids up to 1,023.
 */
const BULK_ID = 64;

/** Hands out simple-peer connections as lanes. */
export class PeerLaneFactory implements LaneFactory {
  attempt(options: Parameters<LaneFactory['attempt']>[0]): LaneAttempt {
    return new PeerLane(options);
  }
}

/**
 * One RTCPeerConnection with two channels: simple-peer's own carries control messages, and `bulk` is created on both
 * sides right after construction, before the offer. simple-peer takes its RTCPeerConnection from its documented `wrtc`
 * option, which here is a subclass that reports itself.
 */
class PeerLane implements LaneAttempt, Lane {
  readonly opened: Promise<Lane>;
  readonly control: Channel<string>;
  readonly bulk: BulkChannel;
  onclose: ((reason: Error) => void) | null = null;

  readonly #peer: SimplePeer;
  readonly #connection: RTCPeerConnection;
  readonly #trace: ConnectTrace | undefined;
  #ended: BeelineError | null = null;

  constructor({ initiator, ice, onSignal, trace }: Parameters<LaneFactory['attempt']>[0]) {
    this.#trace = trace;
    const created: RTCPeerConnection[] = [];
    // Listens before simple-peer does, which closes the connection on the very events that say why.
    const report = (connection: RTCPeerConnection): void => {
      created.push(connection);
      if (trace !== undefined) traceConnection(connection, trace);
    };
    const Reporting = class extends RTCPeerConnection {
      constructor(config?: RTCConfiguration) {
        super(config);
        report(this);
      }
    };
    this.#peer = new SimplePeer({
      initiator,
      trickle: true,
      objectMode: true,
      config: { iceServers: toIceServers(ice) },
      wrtc: { RTCPeerConnection: Reporting, RTCSessionDescription, RTCIceCandidate },
    });
    const [connection] = created;
    if (connection === undefined) throw new BeelineError('unsupported', 'no RTCPeerConnection');
    this.#connection = connection;
    const bulk = connection.createDataChannel('bulk', { negotiated: true, id: BULK_ID, ordered: true });
    this.bulk = new DataChannel(bulk);
    this.control = new ControlChannel(this.#peer);
    this.opened = this.#open(bulk);
    // The one who made the attempt reads `opened`; a rejection before that is not unhandled.
    this.opened.catch(() => undefined);
    this.#peer.on('signal', (data) => {
      if (data.type === 'offer' || data.type === 'answer') onSignal({ kind: data.type, sdp: data.sdp });
      else if (data.type === 'candidate') onSignal(toCandidateSignal(data.candidate));
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

  /** Both channels must be open: the peer's `connect` speaks only of its own. */
  #open(bulk: RTCDataChannel): Promise<Lane> {
    const { promise, resolve, reject } = deferred<Lane>();
    const settle = () => {
      if (this.#peer.connected && bulk.readyState === 'open') resolve(this);
    };
    const end = (error: BeelineError) => {
      if (this.#ended !== null) return;
      this.#ended = error;
      reject(error);
      this.onclose?.(error);
    };
    bulk.addEventListener('open', settle);
    this.#peer.on('connect', settle);
    this.#peer.on('error', (error) =>
      end(asBeelineError(error, this.#peer.connected ? 'connection-lost' : 'connect-failed')),
    );
    this.#peer.on('close', () => end(new BeelineError('connection-lost', 'closed')));
    return promise;
  }
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

/** Written as a stream: a list of 100,000 files is more than a channel takes at once. */
class ControlChannel extends Inbox implements Channel<string> {
  constructor(private readonly peer: SimplePeer) {
    super();
    peer.on('data', (message) => this.deliver(message));
  }

  send(message: string): void {
    if (!this.peer.connected) throw new BeelineError('connection-lost', 'control channel is not open');
    this.peer.write(message);
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
    if (this.channel.readyState !== 'open') throw new BeelineError('connection-lost', 'bulk channel is not open');
    this.channel.send(message);
  }
}

function toIceServers({ iceServers }: IceAnswer): RTCIceServer[] {
  return iceServers.map(({ urls, ...credentials }) => ({ urls: [...urls], ...credentials }));
}

function toCandidateSignal({ candidate, sdpMid, sdpMLineIndex }: RTCIceCandidateInit): LaneSignal {
  return {
    kind: 'candidate',
    candidate: candidate ?? '',
    sdpMid: sdpMid ?? null,
    sdpMLineIndex: sdpMLineIndex ?? null,
  };
}

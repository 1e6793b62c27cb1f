import { deferred } from '../core/deferred.ts';
import SimplePeer from 'simple-peer';
import type { Bytes } from '../core/bytes.ts';
import { asBeelineError, BeelineError } from '../core/errors.ts';
import type { BulkChannel, Channel, Lane, PathInfo } from '../core/ports.ts';
import type { LaneSignal } from '../core/sealed.ts';
import type { LaneConnection } from './connection.ts';
import type { Inbox } from './inbox.ts';
import { readPath } from './stats.ts';

export interface PeerLaneHandlers {
  /** The answer to the other side's offer. */
  readonly onanswer: (sdp: string) => void;
  readonly onend: () => void;
}

/** What has been said of a connection before simple-peer takes it over. */
export interface Said {
  /** That was said and set; null for the side that answers. */
  readonly offer: string | null;
  /** What the other side has answered to it, and the setting of that. */
  readonly answer: Answered | null;
}

export interface Answered {
  readonly sdp: string;
  readonly isSet: Promise<void>;
}

/** A connection whose channels were made before simple-peer takes it over, at any time until they are open or after. */
export class PeerLane implements Lane {
  readonly opened: Promise<Lane>;
  readonly control: Channel<string>;
  readonly bulk: BulkChannel;
  onclose: ((reason: Error) => void) | null = null;

  readonly #peer: SimplePeer;
  readonly #connection: RTCPeerConnection;
  #isOpen = false;
  #ended = false;

  constructor(made: LaneConnection, said: Said, { onanswer, onend }: PeerLaneHandlers) {
    const { connection, control, bulk, inboxes } = made;
    this.#connection = connection;
    this.#peer = new SimplePeer({
      initiator: said.offer !== null,
      trickle: true,
      objectMode: true,
      channelConfig: { negotiated: true },
      wrtc: { RTCPeerConnection: handsOut(made, said), RTCSessionDescription, RTCIceCandidate },
    });
    this.bulk = new DataChannel(bulk, inboxes.bulk);
    this.control = new ControlChannel(this.#peer, control, inboxes.control);
    this.opened = this.#open(made, onend);
    this.opened.catch(() => undefined);
    this.#peer.on('signal', (data) => {
      if (data.type === 'answer') onanswer(data.sdp);
    });
    if (said.answer !== null) this.signal({ kind: 'answer', sdp: said.answer.sdp });
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
  #open(made: LaneConnection, onend: () => void): Promise<Lane> {
    const { promise, resolve, reject } = deferred<Lane>();
    const end = (error: BeelineError) => {
      if (this.#ended) return;
      this.#ended = true;
      onend();
      reject(error);
      this.onclose?.(error);
    };
    this.#peer.on('error', (error) => end(asBeelineError(error, this.#isOpen ? 'connection-lost' : 'connect-failed')));
    this.#peer.on('close', () => end(new BeelineError('connection-lost', 'closed')));
    // First: what was open may have ended since.
    tellState(made);
    void made.open.then(() => {
      this.#isOpen = true;
      resolve(this);
    });
    return promise;
  }
}

/**
 * What simple-peer takes for a constructor, from its documented `wrtc` option: `new` gives an object that a function
 * returns. What simple-peer would make of a new connection has been made of this one.
 */
function handsOut({ connection, control }: LaneConnection, { offer, answer }: Said): typeof RTCPeerConnection {
  Object.assign(connection, { createDataChannel: () => control });
  if (offer !== null) {
    Object.assign(connection, {
      createOffer: () => Promise.resolve({ type: 'offer', sdp: offer }),
      setLocalDescription: () => Promise.resolve(),
    });
  }
  if (answer !== null) Object.assign(connection, { setRemoteDescription: () => answer.isSet });
  return function () {
    return connection;
  } as unknown as typeof RTCPeerConnection;
}

/** Tells simple-peer of what it was not there to hear. */
function tellState({ connection, control }: LaneConnection): void {
  connection.oniceconnectionstatechange?.(new Event('iceconnectionstatechange'));
  connection.onconnectionstatechange?.(new Event('connectionstatechange'));
  if (control.readyState === 'open') control.onopen?.(new Event('open'));
  else if (control.readyState !== 'connecting') control.onclose?.(new Event('close'));
}

/** The reading half of a channel. */
abstract class ReadingHalf {
  constructor(private readonly inbox: Inbox) {}

  get onmessage(): ((message: unknown) => void) | null {
    return this.inbox.onmessage;
  }

  set onmessage(handler: ((message: unknown) => void) | null) {
    this.inbox.onmessage = handler;
  }
}

/** Bytes that may wait in the channel while simple-peer does not yet take a stream. */
const EARLY_BYTES = 64 * 1024;

/**
 * Written as a stream: a list of 100,000 files is more than a channel takes at once. simple-peer holds a stream back until
 * its `connect`, so what is said first goes past it, as far as there is room.
 */
class ControlChannel extends ReadingHalf implements Channel<string> {
  #isStream = false;

  constructor(
    private readonly peer: SimplePeer,
    private readonly channel: RTCDataChannel,
    inbox: Inbox,
  ) {
    super(inbox);
    // What comes is read at the channel; simple-peer would keep it for somebody else.
    peer.on('data', () => undefined);
  }

  send(message: string): void {
    if (this.channel.readyState !== 'open') throw new BeelineError('connection-lost', 'control channel is not open');
    this.#isStream ||= this.peer.connected || this.peer.bufferSize > EARLY_BYTES;
    if (this.#isStream) this.peer.write(message);
    else this.peer.send(message);
  }
}

class DataChannel extends ReadingHalf implements BulkChannel {
  ondrain: (() => void) | null = null;

  constructor(
    private readonly channel: RTCDataChannel,
    inbox: Inbox,
  ) {
    super(inbox);
    channel.onbufferedamountlow = () => this.ondrain?.();
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

/**
 * Makes lanes. What an offer needs to become a connection is said and heard here, so that a page's first script can do it;
 * all that follows, and all of the answering side, is up to simple-peer, which may still be on its way.
 */
import type { ConnectTrace } from '../core/diagnosis.ts';
import { asBeelineError, BeelineError } from '../core/errors.ts';
import type { Clock, Lane, LaneAttempt, LaneFactory } from '../core/ports.ts';
import type { LaneSignal } from '../core/sealed.ts';
import type { IceAnswer } from '../core/signaling.ts';
import { LaneConnection } from './connection.ts';
import type { Answered, PeerLane } from './lane.ts';
import { keep, traceConnection } from './trace.ts';
import { UdpFirst } from './udp-first.ts';

type AttemptOptions = Parameters<LaneFactory['attempt']>[0];
type LoadPeerLane = () => Promise<{ readonly PeerLane: typeof PeerLane }>;

export class PeerLaneFactory implements LaneFactory {
  #ready: LaneConnection | null = null;
  #loadAfter: Promise<unknown> = Promise.resolve();

  constructor(
    private readonly clock: Clock,
    private readonly load: LoadPeerLane,
  ) {}

  /**
   * Makes a connection for the next attempt, and its certificate with it, or takes one that was made before. That costs no
   * packet, and the time that a page's first connection takes to start WebRTC.
   */
  prepare(made?: LaneConnection): void {
    this.#ready ??= made ?? new LaneConnection();
  }

  /** Leaves the processor to whatever ends with this: what is not here yet is loaded after it. */
  loadAfter(quiet: Promise<unknown>): void {
    this.#loadAfter = quiet;
  }

  attempt(options: AttemptOptions): LaneAttempt {
    const ready = this.#ready ?? new LaneConnection();
    this.#ready = null;
    return new PeerAttempt(options, ready, this.clock, () => this.#loadAfter.then(this.load));
  }
}

class PeerAttempt implements LaneAttempt {
  readonly opened: Promise<Lane>;
  readonly #trace: ConnectTrace | undefined;
  readonly #candidates: UdpFirst<RTCIceCandidate>;
  readonly #initiator: boolean;
  #lane: PeerLane | null = null;
  #answer: Answered | null = null;
  /** What the other side has said before there was a lane to tell, and could not be done without one. */
  readonly #early: LaneSignal[] = [];
  /** Its own description is being set: what comes before that is heard after it. */
  #isOffered = false;
  #closed = false;

  constructor(
    { initiator, ice, onSignal, trace }: AttemptOptions,
    private readonly made: LaneConnection,
    clock: Clock,
    load: LoadPeerLane,
  ) {
    const { connection } = made;
    this.#initiator = initiator;
    this.#trace = trace;
    this.#candidates = new UdpFirst(clock, ice, (candidate) => onSignal(toCandidateSignal(candidate)));
    // Listens before simple-peer does, which closes the connection on the very events that say why.
    if (trace !== undefined) traceConnection(connection, trace);
    connection.addEventListener('icecandidate', ({ candidate }) => {
      if (candidate === null) this.#candidates.settle();
      else this.#candidates.gathered(candidate);
    });
    connection.setConfiguration({ iceServers: toIceServers(ice) });
    this.opened = this.#open(onSignal, load()).catch((error: unknown) => {
      throw asBeelineError(error, 'connect-failed');
    });
    // The one who made the attempt reads `opened`; a rejection before that is not unhandled.
    this.opened.catch(() => undefined);
  }

  signal(signal: LaneSignal): void {
    if (this.#closed) return;
    if (this.#trace !== undefined) {
      keep(this.#trace.heard, signal.kind === 'candidate' ? signal.candidate : signal.sdp);
    }
    if (this.#lane !== null) this.#lane.signal(signal);
    else if (this.#initiator) this.#hear(signal);
    else this.#early.push(signal);
  }

  close(): void {
    this.#closed = true;
    this.#candidates.close();
    if (this.#lane === null) this.made.connection.close();
    else this.#lane.close();
  }

  async #open(onSignal: AttemptOptions['onSignal'], loading: ReturnType<LoadPeerLane>) {
    const [{ PeerLane }, offer] = await Promise.all([loading, this.#initiator ? this.#offer(onSignal) : null]);
    if (this.#closed) throw new BeelineError('connect-failed', 'closed');
    const said = { offer, answer: this.#answer };
    const lane = new PeerLane(this.made, said, {
      onanswer: (sdp) => onSignal({ kind: 'answer', sdp }),
      onend: () => this.#candidates.close(),
    });
    this.#lane = lane;
    for (const signal of this.#early.splice(0)) lane.signal(signal);
    return lane.opened;
  }

  /** The browser does one after the other. A candidate that it refuses ends nothing: another may do. */
  #hear(signal: LaneSignal): void {
    const { connection } = this.made;
    if (signal.kind === 'answer' && this.#answer === null && this.#isOffered) {
      const { sdp } = signal;
      const isSet = connection.setRemoteDescription({ type: 'answer', sdp });
      // The lane is told.
      isSet.catch(() => undefined);
      this.#answer = { sdp, isSet };
      for (const early of this.#early.splice(0)) this.#hear(early);
    } else if (signal.kind === 'candidate' && this.#answer !== null) {
      const { candidate, sdpMid, sdpMLineIndex } = signal;
      connection.addIceCandidate({ candidate, sdpMid, sdpMLineIndex }).catch((error: unknown) => {
        console.warn('candidate refused:', error);
      });
    } else {
      this.#early.push(signal);
    }
  }

  /** It is said before the first candidate. */
  async #offer(onSignal: AttemptOptions['onSignal']): Promise<string> {
    const { connection } = this.made;
    const sdp = await this.made.offer();
    if (!this.#closed) onSignal({ kind: 'offer', sdp });
    const isSet = connection.setLocalDescription({ type: 'offer', sdp });
    this.#isOffered = true;
    for (const early of this.#early.splice(0)) this.#hear(early);
    await isSet;
    return sdp;
  }
}

function toIceServers({ iceServers }: IceAnswer): RTCIceServer[] {
  return iceServers.map(({ urls, ...credentials }) => ({ urls: [...urls], ...credentials }));
}

function toCandidateSignal({ candidate, sdpMid, sdpMLineIndex }: RTCIceCandidate): LaneSignal {
  return { kind: 'candidate', candidate, sdpMid, sdpMLineIndex };
}

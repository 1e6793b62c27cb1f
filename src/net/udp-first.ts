import type { Clock } from '../core/ports.ts';
import type { IceAnswer } from '../core/signaling.ts';

/** Milliseconds for which a relay's answer over UDP may come after one over TCP: a lost packet goes again after 250, and 500 later. */
const LATE_MS = 1_000;

/** What is read of a candidate. Source: W3C webrtc; of UDP, Chromium says null in place of `udp`, and Firefox says nothing at all. */
export interface Gathered {
  readonly type: string | null;
  readonly relayProtocol?: 'udp' | 'tcp' | 'tls' | null;
}

/** Tells of a connection's own candidates as they are gathered, but of a relay over UDP before those over TCP and TLS. Rule [C18]. */
export class UdpFirst<Candidate extends Gathered> {
  /** `awaited`: a STUN server has answered, so UDP gets through, and no relay has over it. */
  #udp: 'unknown' | 'awaited' | 'settled';
  readonly #held: Candidate[] = [];
  #cancel: (() => void) | null = null;

  constructor(
    private readonly clock: Clock,
    { iceServers }: IceAnswer,
    private readonly tell: (candidate: Candidate) => void,
  ) {
    this.#udp = iceServers.some(({ urls }) => urls.some(isRelayOverUdp)) ? 'unknown' : 'settled';
  }

  gathered(candidate: Candidate): void {
    const { type, relayProtocol } = candidate;
    const isOverTcp = relayProtocol === 'tcp' || relayProtocol === 'tls';
    if (type === 'srflx' && this.#udp === 'unknown') this.#udp = 'awaited';
    if (isOverTcp && this.#udp === 'awaited') {
      this.#held.push(candidate);
      this.#cancel ??= this.clock.after(LATE_MS, () => this.settle());
      return;
    }
    this.tell(candidate);
    if (type === 'relay' && !isOverTcp) this.settle();
  }

  /** No relay's answer over UDP is worth waiting for any more. */
  settle(): void {
    this.close();
    this.#udp = 'settled';
    for (const candidate of this.#held.splice(0)) this.tell(candidate);
  }

  close(): void {
    this.#cancel?.();
  }
}

function isRelayOverUdp(url: string): boolean {
  return /^turn:(?!.*transport=tcp)/u.test(url);
}

import type { PathInfo } from '../core/ports.ts';

/** The fields read from `RTCStatsReport`; TypeScript types its values as `any`. Source: W3C webrtc-stats. */
interface Transport {
  readonly type: 'transport';
  readonly selectedCandidatePairId?: string;
}
interface CandidatePair {
  readonly type: 'candidate-pair';
  readonly localCandidateId: string;
  readonly remoteCandidateId: string;
  /** Seconds. */
  readonly currentRoundTripTime?: number;
}
interface Candidate {
  readonly type: 'local-candidate' | 'remote-candidate';
  readonly candidateType: 'host' | 'srflx' | 'prflx' | 'relay';
  readonly address?: string | null;
  readonly relayProtocol?: 'udp' | 'tcp' | 'tls';
}
type Stats = Transport | CandidatePair | Candidate | { readonly type: 'other' };

/** How a connection's bytes travel now, or null before a candidate pair is selected. */
export async function readPath(connection: RTCPeerConnection): Promise<PathInfo | null> {
  const report = new Map<string, Stats>();
  (await connection.getStats()).forEach((stats: Stats, id: string) => report.set(id, stats));
  return pathOf(report);
}

/** The pure part: from a stats report by id. Works alike in Chromium and Firefox. */
export function pathOf(report: ReadonlyMap<string, Stats>): PathInfo | null {
  const pair = selectedPair(report);
  if (pair === null) return null;
  const local = report.get(pair.localCandidateId);
  const remote = report.get(pair.remoteCandidateId);
  if (local?.type !== 'local-candidate' || remote?.type !== 'remote-candidate') return null;
  const rttMs = pair.currentRoundTripTime === undefined ? null : pair.currentRoundTripTime * 1000;
  if (local.candidateType === 'relay') return { kind: 'relay', relayProtocol: local.relayProtocol ?? null, rttMs };
  // What the other side has of a relay is an address that speaks UDP.
  if (remote.candidateType === 'relay') return { kind: 'relay', relayProtocol: 'udp', rttMs };
  return { kind: isNear(local) && isNear(remote) ? 'lan' : 'direct', relayProtocol: null, rttMs };
}

function selectedPair(report: ReadonlyMap<string, Stats>): CandidatePair | null {
  for (const stats of report.values()) {
    if (stats.type !== 'transport' || stats.selectedCandidatePairId === undefined) continue;
    const pair = report.get(stats.selectedCandidatePairId);
    if (pair?.type === 'candidate-pair') return pair;
  }
  return null;
}

/** Private ranges of RFC 1918, RFC 4193 and RFC 3927, link-local IPv6, and loopback. */
const PRIVATE = /^(?:10\.|127\.|169\.254\.|192\.168\.|172\.(?:1[6-9]|2\d|3[01])\.|f[cd]|fe[89ab]|::1$)/iu;

/** What browsers say in place of an address: a name of mDNS, or of one that was only seen from its packets, nothing. */
const HIDDEN = /^(?:|\(redacted\)|.*\.local)$/u;

/** A host candidate, or one seen from its packets, whose address is private or hidden. */
function isNear({ candidateType, address }: Candidate): boolean {
  if (candidateType !== 'host' && candidateType !== 'prflx') return false;
  return HIDDEN.test(address ?? '') || PRIVATE.test(address ?? '');
}

/**
 * Why an attempt to connect does not become a lane: what a browser tells about it, as plain values, and the code that
 * follows. Rules [C10] to [C12].
 */
import type { ErrorCode } from './errors.ts';
import type { IceAnswer } from './signaling.ts';

/** One ICE candidate, without its address. Source: RFC 8839, section 5.1. */
export interface Candidate {
  readonly type: 'host' | 'srflx' | 'prflx' | 'relay';
  readonly protocol: 'udp' | 'tcp';
  /** Null where the browser hides the address behind a name of mDNS. */
  readonly family: 4 | 6 | null;
}

/** An `icecandidateerror`: a STUN or TURN server that did not serve. */
export interface GatheringError {
  readonly url: string;
  /** Of STUN (RFC 8489, section 18.3, and RFC 8656, section 19), or 701 for a server that was not reached. */
  readonly code: number;
  readonly text: string;
}

/** A state that was entered. */
export interface Step {
  readonly of: 'gathering' | 'ice' | 'connection' | 'dtls';
  readonly state: string;
  /** Milliseconds since the attempt began. */
  readonly atMs: number;
}

/** What a browser tells of a connection being made, written down as it comes. */
export interface ConnectTrace {
  /** False when the system says that there is no network. */
  online: boolean;
  /** Candidates as they were written. */
  readonly gathered: string[];
  /** What the other side sent: candidates, and a description that may hold some. */
  readonly heard: string[];
  readonly errors: GatheringError[];
  /** In their order. */
  readonly steps: Step[];
}

/** An attempt in trouble, or one that has failed. */
export interface FailedAttempt {
  readonly code: ErrorCode;
  readonly trace: ConnectTrace;
  /** The other side's description has come, and was its own. */
  readonly answered: boolean;
  /** How long it has lasted, in milliseconds. */
  readonly forMs: number;
  readonly iceServers: IceServers;
}

/** What is known of one attempt. */
export interface ConnectEvidence extends Pick<FailedAttempt, 'answered' | 'forMs'> {
  readonly online: boolean;
  readonly gathered: readonly Candidate[];
  readonly received: readonly Candidate[];
  readonly errors: readonly GatheringError[];
  readonly steps: readonly Step[];
  /** The candidates with their addresses: nothing but a report that may hold them reads these. */
  readonly addresses: { readonly gathered: readonly string[]; readonly received: readonly string[] };
}

type IceServers = IceAnswer['iceServers'];

/**
 * Milliseconds after which a server that neither served nor failed counts as out of reach: an answer takes one round trip,
 * an allocation over TLS five, and Chromium reports silence over UDP only after more than 15 s.
 */
export const SILENT_MS = 5_000;

/** What a relay says to credentials or a quota, and not to a network: RFC 8489, section 14.8, and RFC 8656, section 19. */
const REFUSALS: ReadonlySet<number> = new Set([400, 401, 403, 437, 438, 441, 486, 508]);

/** @returns null for what is no candidate, and for the empty one that ends a list. */
export function parseCandidate(line: string): Candidate | null {
  const [, , transport = '', , address = '', , , type] = line.split(' ');
  const protocol = transport.toLowerCase();
  if (protocol !== 'udp' && protocol !== 'tcp') return null;
  if (type !== 'host' && type !== 'srflx' && type !== 'prflx' && type !== 'relay') return null;
  return { type, protocol, family: address.endsWith('.local') ? null : address.includes(':') ? 6 : 4 };
}

export function evidenceOf({ trace, answered, forMs }: Omit<FailedAttempt, 'code' | 'iceServers'>): ConnectEvidence {
  const { online, errors, steps } = trace;
  const gathered = candidatesIn(trace.gathered);
  const received = candidatesIn(trace.heard);
  return {
    online,
    answered,
    forMs,
    errors,
    steps,
    gathered: gathered.map(([, candidate]) => candidate),
    received: received.map(([, candidate]) => candidate),
    addresses: { gathered: gathered.map(([line]) => line), received: received.map(([line]) => line) },
  };
}

function candidatesIn(texts: readonly string[]): (readonly [line: string, candidate: Candidate])[] {
  const lines = texts.flatMap((text) =>
    [...text.matchAll(/^(?:a=)?(candidate:.*?)\r?$/gmu)].map(([, line]) => line ?? ''),
  );
  return lines.flatMap((line) => {
    const candidate = parseCandidate(line);
    return candidate === null ? [] : [[line, candidate] as const];
  });
}

/** The state a part of the connection was last seen in; null before its first. */
export function lastState({ steps }: Pick<ConnectEvidence, 'steps'>, of: Step['of']): string | null {
  return steps.findLast((step) => step.of === of)?.state ?? null;
}

/** The URLs of a scheme: `turn` finds `turns:` too. */
export function urlsOf(iceServers: IceServers, scheme: 'stun' | 'turn'): readonly string[] {
  return iceServers.flatMap(({ urls }) => urls).filter((url) => url.startsWith(scheme));
}

export function isRefusal({ code }: Pick<GatheringError, 'code'>): boolean {
  return REFUSALS.has(code);
}

/** The code of an attempt that has not become a lane: the nearest cause that the evidence shows. Rule [C10]. */
export function diagnose(evidence: ConnectEvidence, iceServers: IceServers): ErrorCode {
  const { online, answered, gathered, errors, forMs } = evidence;
  if (!online) return 'offline';
  const joinedMs = joinedFor(evidence);
  if (!isEncrypted(evidence) && (lastState(evidence, 'dtls') === 'failed' || joinedMs >= SILENT_MS))
    return 'dtls-failed';

  const gathering = lastState(evidence, 'gathering');
  const isGathered = gathering === 'complete';
  const relays = urlsOf(iceServers, 'turn');
  const relayErrors = errors.filter(({ url }) => url.startsWith('turn'));
  const isRefused = relayErrors.some(isRefusal);
  if (gathering !== null && gathered.length === 0 && (isGathered || forMs >= SILENT_MS)) {
    if (isRefused) return 'relay-refused';
    return isGathered && isUdpUntried(errors, iceServers) ? 'unsupported' : 'no-address';
  }
  if (!answered) return 'peer-silent';
  if (joinedMs >= 0) return 'connect-timeout';

  const isSilent = !isGathered && forMs >= SILENT_MS;
  if (relays.length > 0) {
    if (gathered.some(({ type }) => type === 'relay')) return 'connect-failed';
    if (isRefused) return 'relay-refused';
    return isGathered || isSilent || relayErrors.length > 0 ? 'relay-unreachable' : 'connect-failed';
  }
  const isMapped = gathered.some(({ type }) => type === 'srflx');
  const stunFailed = urlsOf(iceServers, 'stun').length > 0 && !isMapped && (isSilent || errors.length > 0);
  return stunFailed ? 'udp-blocked' : 'connect-failed';
}

/** Milliseconds for which ICE has had a working path; -1 without one. All of them, once the connection failed over it. */
function joinedFor({ steps, forMs }: ConnectEvidence): number {
  const last = steps.findLast(({ of }) => of === 'ice');
  if (last?.state !== 'connected' && last?.state !== 'completed') return -1;
  return steps.some(({ of, state }) => of === 'connection' && state === 'failed') ? Infinity : forMs - last.atMs;
}

function isEncrypted(evidence: ConnectEvidence): boolean {
  return lastState(evidence, 'dtls') === 'connected' || lastState(evidence, 'connection') === 'connected';
}

/**
 * True when a gathering that found nothing has not even tried the servers over UDP: a browser that may not use it tells
 * neither an address nor an error of them.
 */
export function isUdpUntried(errors: readonly GatheringError[], iceServers: IceServers): boolean {
  return iceServers.some(({ urls }) => urls.some(isOverUdp)) && !errors.some(({ url }) => isOverUdp(url));
}

function isOverUdp(url: string): boolean {
  return !url.includes('transport=tcp') && !/^(?:turns|stuns):/u.test(url);
}

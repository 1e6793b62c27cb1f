/** What this device can reach, as its probes found it, and what that means for connecting. Rule [C13]. */
import { explain, type ErrorCode } from './errors.ts';
import type { Room } from './ports.ts';

/** One address under which a server saw a socket of this device. */
export interface Mapping {
  /** `host:port` of the server. */
  readonly server: string;
  readonly family: 4 | 6;
  /** `address:port`. */
  readonly seen: string;
}

/**
 * What a NAT does with ports. `same`: one public port for all destinations, so that another device can be told of it; a
 * browser that hides this device's own addresses does not let it be told from `none`.
 * `changing`: another for each (symmetric), which needs a relay unless the other side is open.
 */
export type NatKind = 'none' | 'same' | 'changing' | 'unknown';

export interface RelayFinding {
  readonly url: string;
  /** Milliseconds of a message through the relay and back; null when none came back. */
  readonly rttMs: number | null;
  readonly failure: ErrorCode | null;
}

export interface Findings {
  readonly online: boolean;
  readonly webrtc: boolean;
  /** Milliseconds until the signaling server let this device in; null when it did not. */
  readonly signalingMs: number | null;
  /** `none` when a browser found no candidate at all, and `forbidden` when it found none without trying UDP. */
  readonly address: 'found' | 'none' | 'forbidden';
  readonly stun: readonly { readonly url: string; readonly answered: boolean }[];
  /** STUN servers saw this device, and none of them over IPv4. */
  readonly onlyIpv6: boolean;
  readonly nat: NatKind;
  readonly relays: readonly RelayFinding[];
  readonly room: Room | null;
  readonly camera: 'there' | 'denied' | 'none';
  readonly serviceWorker: boolean;
}

export interface Finding {
  readonly name: string;
  readonly verdict: 'good' | 'fair' | 'bad';
  readonly text: string;
}

/**
 * @param mappings what all servers saw of the same sockets. A browser reports an address once, however many saw it.
 * @param alone what each server saw that was asked alone.
 * @param own addresses of this device that the browser shows; empty where it hides them.
 */
export function natKind(mappings: readonly Mapping[], alone: readonly Mapping[], own: ReadonlySet<string>): NatKind {
  if (mappings.some(({ seen }) => own.has(seen))) return 'none';
  for (const family of [4, 6] as const) {
    const ofFamily = mappings.filter((mapping) => mapping.family === family);
    const servers = new Set(ofFamily.map(({ server }) => server));
    // Several sockets, which cannot be told apart.
    if (servers.size < ofFamily.length) return 'unknown';
    if (new Set(ofFamily.map(({ seen }) => seen)).size > 1) return 'changing';
  }
  // IPv6 is hardly ever translated: where there is IPv4 too, that is what holds devices apart.
  const family = mappings.some((mapping) => mapping.family === 4) ? 4 : 6;
  const ofFamily = alone.filter((mapping) => mapping.family === family);
  const hosts = new Set(ofFamily.map(({ server }) => server.replace(/:\d+$/u, '')));
  return mappings.length > 0 && hosts.size > 1 ? 'same' : 'unknown';
}

/** `UDP`, `TCP` or `TLS`: how a TURN URL is reached. RFC 7065. */
export function transportOf(url: string): 'UDP' | 'TCP' | 'TLS' {
  if (url.startsWith('turns:')) return 'TLS';
  return url.includes('transport=tcp') ? 'TCP' : 'UDP';
}

/** What all of it means, in one sentence, and what to do. */
export function meaningOf(
  findings: Findings,
): { readonly sentence: string; readonly next: string } & Pick<Finding, 'verdict'> {
  const { online, webrtc, signalingMs, address, stun, onlyIpv6, nat, relays } = findings;
  const bad = (code: ErrorCode) => ({ ...explain(code), verdict: 'bad' as const });
  if (!webrtc) return bad('unsupported');
  if (signalingMs === null) return bad(online ? 'server-unreachable' : 'offline');
  const relayed = relays.filter(({ rttMs }) => rttMs !== null).map(({ url }) => transportOf(url));
  const mapped = stun.some(({ answered }) => answered);
  if (relayed.length > 0) return throughRelay(relayed, mapped, findings);
  if (address === 'forbidden') return bad('unsupported');
  if (address === 'none') return bad('no-address');
  const [failure] = relays.flatMap(({ failure }) => failure ?? []).sort(refusalFirst);
  if (failure !== undefined) {
    const { sentence, next } = explain(failure);
    return { verdict: mapped ? 'fair' : 'bad', sentence: `${sentence} Only direct connections are left.`, next };
  }
  if (stun.length > 0 && !mapped) return bad('udp-blocked');
  if (stun.length === 0) {
    return {
      verdict: 'fair',
      sentence: 'This device can connect to others on its own network.',
      next: 'For devices elsewhere, the host of this server can add a STUN server and a TURN relay.',
    };
  }
  if (nat === 'changing') {
    return {
      verdict: 'fair',
      sentence: 'This network changes its ports for each connection, so this device reaches only some others.',
      next: 'Use another network, or ask the host of this server to add a TURN relay.',
    };
  }
  if (onlyIpv6) {
    return {
      verdict: 'fair',
      sentence: 'This network has only IPv6, so this device connects directly only to others that have it too.',
      next: 'For all others, ask the host of this server to add a TURN relay.',
    };
  }
  if (nat === 'unknown') {
    return {
      verdict: 'fair',
      sentence: 'This device can connect directly to others, though perhaps only to some.',
      next: 'Some networks never meet without a TURN relay, and this server has none.',
    };
  }
  return {
    verdict: 'good',
    sentence: 'This device can connect directly to most others.',
    next: 'Some networks never meet without a TURN relay, and this server has none.',
  };
}

function throughRelay(
  relayed: readonly string[],
  mapped: boolean,
  { address, nat }: Findings,
): ReturnType<typeof meaningOf> {
  const good = { verdict: 'good', next: 'Nothing is missing.' } as const;
  if (!relayed.includes('UDP') && !mapped) {
    const who = address === 'forbidden' ? 'This browser may not make' : 'This network blocks';
    return {
      ...good,
      sentence: `${who} direct connections; this device connects through the relay, over ${relayed[0] ?? 'TCP'}.`,
      next: 'That works everywhere, and is slower than a direct path.',
    };
  }
  if (nat === 'changing') {
    return { ...good, sentence: 'This device can connect to any other, mostly through the relay.' };
  }
  return { ...good, sentence: 'This device can connect to any other: directly where it can, else through the relay.' };
}

function refusalFirst(a: ErrorCode, b: ErrorCode): number {
  return Number(b === 'relay-refused') - Number(a === 'relay-refused');
}

const NAT_TEXT: Readonly<Record<Exclude<NatKind, 'unknown'>, string>> = {
  none: 'No address translation: others can reach this device directly.',
  same: 'None, or one public port for all: direct connections usually work.',
  changing: 'Another public port for each destination (symmetric): direct connections often fail.',
};

/** Each thing that was looked at, in the order in which a connection needs it. */
export function findingsList(findings: Findings): Finding[] {
  const { signalingMs, stun, nat, relays, room, camera, serviceWorker } = findings;
  return [
    signalingMs === null
      ? { name: 'Signaling', verdict: 'bad', text: 'The Beeline server did not answer.' }
      : { name: 'Signaling', verdict: 'good', text: `Connected in ${Math.round(signalingMs)} ms.` },
    stunFinding(stun),
    natFinding(nat, stun),
    ...(relays.length === 0
      ? [{ name: 'Relay', verdict: 'fair', text: 'This server has none.' } as const]
      : relayFindings(relays)),
    roomFinding(room),
    camera === 'there'
      ? { name: 'Camera', verdict: 'good', text: 'There is one for scanning QR codes.' }
      : {
          name: 'Camera',
          verdict: 'fair',
          text: camera === 'denied' ? 'Not allowed: use the link instead.' : 'None found: use the link instead.',
        },
    serviceWorker
      ? { name: 'Offline', verdict: 'good', text: 'Beeline opens without a network, and can stream downloads.' }
      : { name: 'Offline', verdict: 'fair', text: 'No service worker: Beeline needs a network to open.' },
  ];
}

function stunFinding(stun: Findings['stun']): Finding {
  const name = 'Public address';
  if (stun.length === 0) return { name, verdict: 'fair', text: 'This server names no STUN server.' };
  const answered = stun.filter((server) => server.answered).length;
  if (answered === 0) return { name, verdict: 'bad', text: 'No STUN server answered: UDP seems to be blocked.' };
  if (answered === stun.length) return { name, verdict: 'good', text: 'Found through STUN.' };
  // Those that have only the other family of addresses cannot answer, and one is enough.
  return { name, verdict: 'good', text: `Found through STUN: ${answered} of ${stun.length} servers answered.` };
}

function natFinding(nat: NatKind, stun: Findings['stun']): Finding {
  const name = 'Kind of NAT';
  if (nat !== 'unknown') return { name, verdict: nat === 'changing' ? 'fair' : 'good', text: NAT_TEXT[nat] };
  const isAnswered = stun.some(({ answered }) => answered);
  return {
    name,
    verdict: 'fair',
    text: isAnswered ? 'Cannot be told: that takes STUN servers at two addresses.' : 'Cannot be told without STUN.',
  };
}

/** One for each way to reach a relay: a network that has one family of addresses does not reach it over the other. */
function relayFindings(relays: readonly RelayFinding[]): Finding[] {
  return (['UDP', 'TCP', 'TLS'] as const).flatMap((transport) => {
    const all = relays.filter(({ url }) => transportOf(url) === transport);
    return all.length === 0 ? [] : [relayFinding(`Relay over ${transport}`, all)];
  });
}

function relayFinding(name: string, all: readonly RelayFinding[]): Finding {
  const rttMs = Math.min(...all.map((relay) => relay.rttMs ?? Infinity));
  if (rttMs < Infinity) return { name, verdict: 'good', text: `Works: ${Math.round(rttMs)} ms there and back.` };
  const isRefused = all.some(({ failure }) => failure === 'relay-refused');
  return { name, verdict: 'bad', text: isRefused ? 'It refused this device.' : 'Not reached.' };
}

function roomFinding(room: Room | null): Finding {
  const name = 'Storage';
  if (room === null) return { name, verdict: 'fair', text: 'The browser does not say.' };
  if (room.kind === 'memory')
    return { name, verdict: 'fair', text: 'Only memory: files of up to 256 MiB (a private window?).' };
  const free = room.freeBytes === null ? '' : ` About ${Math.floor(room.freeBytes / 1e9)} GB are free.`;
  return { name, verdict: 'good', text: `Received files survive a reload.${free}` };
}

/** Finds out what this device can reach, without a second one. Loaded with the check page. */
import type { Findings, Mapping, RelayFinding } from '../core/check.ts';
import { natKind } from '../core/check.ts';
import { isRefusal, isUdpUntried, type GatheringError } from '../core/diagnosis.ts';
import type { Clock, Random, Room, SignalingFactory } from '../core/ports.ts';
import type { IceAnswer } from '../core/signaling.ts';

/** Milliseconds that one probe may take: an allocation over TLS needs five round trips, and silence is no answer. */
const PROBE_MS = 5_000;

export interface ProbePorts {
  readonly signaling: SignalingFactory;
  readonly clock: Clock;
  readonly random: Random;
  readonly room: () => Promise<Room>;
}

type IceServers = IceAnswer['iceServers'];
interface Gathered {
  readonly candidates: readonly RTCIceCandidate[];
  readonly errors: readonly GatheringError[];
  readonly isComplete: boolean;
}

export async function probe({ signaling, clock, random, room }: ProbePorts): Promise<Findings> {
  const webrtc = 'RTCPeerConnection' in globalThis;
  const { ms, iceServers } = await probeSignaling(signaling, clock, random);
  const stunUrls = urlsOf(iceServers, 'stun');
  const [stun, nat, relays, found, camera, serviceWorker] = await Promise.all([
    webrtc ? Promise.all(stunUrls.map(probeStun)) : [],
    webrtc ? probeAll(iceServers) : null,
    webrtc ? Promise.all(relayServers(iceServers).map((server) => probeRelay(server, clock))) : [],
    room().catch(() => null),
    probeCamera(),
    probeServiceWorker(clock),
  ]);
  const alone = stun.flatMap(({ mappings }) => mappings);
  return {
    online: navigator.onLine,
    webrtc,
    signalingMs: ms,
    address: nat === null ? 'none' : addressOf(nat, iceServers),
    stun: stun.map(({ url, mappings }) => ({ url, answered: mappings.length > 0 })),
    onlyIpv6: alone.length > 0 && alone.every(({ family }) => family === 6),
    nat: natKind(mappingsOf(nat?.candidates ?? []), alone, ownOf(nat?.candidates ?? [])),
    relays,
    room: found,
    camera,
    serviceWorker,
  };
}

async function probeSignaling(
  factory: SignalingFactory,
  clock: Clock,
  random: Random,
): Promise<{ readonly ms: number | null; readonly iceServers: IceServers }> {
  const id = (): string => Array.from(random.bytes(16), (byte) => byte.toString(16).padStart(2, '0')).join('');
  const startedAt = clock.now();
  const line = factory.connect(id(), id());
  try {
    const isOpen = await within(
      clock,
      new Promise<boolean>((resolve) => {
        line.onstatus = (status) => resolve(status === 'open');
      }),
      false,
    );
    if (!isOpen) return { ms: null, iceServers: [] };
    const ms = clock.now() - startedAt;
    return { ms, iceServers: (await line.ice()).iceServers };
  } finally {
    line.close();
  }
}

function within<Value>(clock: Clock, promise: Promise<Value>, otherwise: Value): Promise<Value> {
  return new Promise((resolve, reject) => {
    const cancel = clock.after(PROBE_MS, () => resolve(otherwise));
    promise.then(resolve, reject).finally(cancel);
  });
}

/** Over each family of addresses, as far as this device and the server have it. */
async function probeStun(url: string): Promise<{ readonly url: string; readonly mappings: readonly Mapping[] }> {
  const { candidates } = await gather({ iceServers: [{ urls: url }] });
  return { url, mappings: mappingsOf(candidates) };
}

/** All servers from the same sockets, so that what they see can be compared. */
function probeAll(iceServers: IceServers): Promise<Gathered> {
  return gather({ iceServers: iceServers.map(({ urls, ...rest }) => ({ urls: [...urls], ...rest })) });
}

/** Ends with the gathering, or in time. */
async function gather(config: RTCConfiguration): Promise<Gathered> {
  const connection = new RTCPeerConnection(config);
  const candidates: RTCIceCandidate[] = [];
  const errors: GatheringError[] = [];
  let isComplete = false;
  try {
    connection.createDataChannel('probe');
    await new Promise<void>((resolve, reject) => {
      setTimeout(resolve, PROBE_MS);
      connection.onicecandidateerror = ({ url, errorCode, errorText }) =>
        errors.push({ url, code: errorCode, text: errorText });
      connection.onicecandidate = ({ candidate }) => {
        if (candidate !== null && candidate.candidate !== '') candidates.push(candidate);
        isComplete = candidate === null;
        if (isComplete) resolve();
      };
      connection.setLocalDescription().catch(reject);
    });
  } catch {
    // What was found until then counts.
  } finally {
    connection.close();
  }
  return { candidates, errors, isComplete };
}

function addressOf({ candidates, errors, isComplete }: Gathered, iceServers: IceServers): Findings['address'] {
  const isOwn = candidates.some(({ type }) => type !== 'relay');
  if (!isOwn && isComplete && isUdpUntried(errors, iceServers)) return 'forbidden';
  return candidates.length > 0 ? 'found' : 'none';
}

function relayServers(iceServers: IceServers): RTCIceServer[] {
  return iceServers.flatMap(({ urls, ...rest }) =>
    urls.filter((url) => url.startsWith('turn')).map((url) => ({ urls: url, ...rest })),
  );
}

/** Sends a message from one connection of this page to another, both through the relay and nothing else, and back. */
async function probeRelay(server: RTCIceServer, clock: Clock): Promise<RelayFinding> {
  const config: RTCConfiguration = { iceServers: [server], iceTransportPolicy: 'relay' };
  const [caller, callee] = [new RTCPeerConnection(config), new RTCPeerConnection(config)];
  const errors: GatheringError[] = [];
  caller.onicecandidateerror = ({ url, errorCode, errorText }) =>
    errors.push({ url, code: errorCode, text: errorText });
  const url = String(server.urls);
  try {
    const rttMs = await within(clock, echo(caller, callee, clock), null);
    return { url, rttMs, failure: rttMs === null ? failureOf(errors) : null };
  } catch {
    return { url, rttMs: null, failure: failureOf(errors) };
  } finally {
    caller.close();
    callee.close();
  }
}

function failureOf(errors: readonly GatheringError[]): RelayFinding['failure'] {
  return errors.some(isRefusal) ? 'relay-refused' : 'relay-unreachable';
}

async function echo(caller: RTCPeerConnection, callee: RTCPeerConnection, clock: Clock): Promise<number> {
  const channel = caller.createDataChannel('probe');
  callee.ondatachannel = ({ channel: far }) => {
    far.onmessage = ({ data }: MessageEvent<string>) => far.send(data);
  };
  for (const [from, to] of [
    [caller, callee],
    [callee, caller],
  ] as const) {
    from.onicecandidate = ({ candidate }) => {
      if (candidate !== null) to.addIceCandidate(candidate).catch(() => undefined);
    };
  }
  const answered = new Promise<number>((resolve) => {
    channel.onopen = () => {
      const sentAt = clock.now();
      channel.onmessage = () => resolve(clock.now() - sentAt);
      channel.send('there and back');
    };
  });
  const offer = await caller.createOffer();
  await callee.setRemoteDescription(offer);
  await caller.setLocalDescription(offer);
  const answer = await callee.createAnswer();
  await callee.setLocalDescription(answer);
  await caller.setRemoteDescription(answer);
  return answered;
}

function mappingsOf(candidates: readonly RTCIceCandidate[]): Mapping[] {
  return candidates.flatMap((candidate) => {
    const { type, address, port } = candidate;
    // Not typed yet; the server that saw the address. Source: W3C webrtc, RTCIceCandidate.
    const url = (candidate as { readonly url?: string | null }).url ?? '';
    if (type !== 'srflx' || address === null || port === null) return [];
    return [{ server: serverOf(url), family: address.includes(':') ? 6 : 4, seen: `${address}:${port}` } as const];
  });
}

function ownOf(candidates: readonly RTCIceCandidate[]): ReadonlySet<string> {
  return new Set(candidates.filter(({ type }) => type === 'host').map(({ address, port }) => `${address}:${port}`));
}

function urlsOf(iceServers: IceServers, scheme: string): string[] {
  return iceServers.flatMap(({ urls }) => urls).filter((url) => url.startsWith(scheme));
}

function serverOf(url: string): string {
  return url.replace(/^\w+:/u, '').replace(/\?.*$/u, '');
}

async function probeCamera(): Promise<Findings['camera']> {
  try {
    const { state } = await navigator.permissions.query({ name: 'camera' });
    if (state === 'denied') return 'denied';
  } catch {
    // A browser that does not tell asks when the camera is used.
  }
  const devices = await navigator.mediaDevices.enumerateDevices().catch(() => []);
  return devices.some(({ kind }) => kind === 'videoinput') ? 'there' : 'none';
}

/** On a first visit it is still being installed. */
async function probeServiceWorker(clock: Clock): Promise<boolean> {
  if (!('serviceWorker' in navigator)) return false;
  const ready = navigator.serviceWorker.ready.then(
    () => true,
    () => false,
  );
  return within(clock, ready, false);
}

/** Builds the adapters and starts sessions with them. Loaded when the first one starts: the home screen needs none. */
import { BeelineError } from './core/errors.ts';
import { deriveShareKeys, parseFragment } from './core/link.ts';
import { makeManifest } from './core/manifest.ts';
import type { Archive, Clock, Random, SinkFactory } from './core/ports.ts';
import { makeIdentity, randomId } from './flow/identity.ts';
import { Receiving } from './flow/receiving.ts';
import type { Picked } from './flow/services.ts';
import { Sharing } from './flow/sharing.ts';
import type { ReceivingSession, SharingSession } from './flow/views.ts';
import type { World } from './flow/world.ts';
import type { openStorage } from './disk/sinks.ts';
import { deviceName } from './net/device.ts';
import { PeerLaneFactory } from './net/lane.ts';
import { PeerJsSignaling } from './net/signaling.ts';

const clock: Clock = {
  now: () => performance.timeOrigin + performance.now(),
  after(ms, run) {
    const timer = setTimeout(run, ms);
    return () => clearTimeout(timer);
  },
};

const random: Random = {
  bytes: (length) => crypto.getRandomValues(new Uint8Array(length)),
  fraction: () => Math.random(),
};

const home = new URL('./', location.href.replace(/#.*$/u, ''));

type Storage = Awaited<ReturnType<typeof openStorage>>;

/** Loaded with the first session, beside the connection that it makes. */
let storage: Promise<Storage> | null = null;
function openDisk(): Promise<Storage> {
  storage ??= import('./disk/sinks.ts').then(({ openStorage }) => openStorage());
  return storage;
}

const sinks: SinkFactory = {
  room: async () => (await openDisk()).sinks.room(),
  open: async (plan, place) => (await openDisk()).sinks.open(plan, place),
  reopen: async (plan, kept) => (await openDisk()).sinks.reopen(plan, kept),
  forget: async (kept) => (await openDisk()).sinks.forget(kept),
};

const archive: Archive = {
  notes: async () => (await openDisk()).archive.notes(),
  note: async (note) => (await openDisk()).archive.note(note),
  receipt: async (id) => (await openDisk()).archive.receipt(id),
  keepReceipt: async (receipt) => (await openDisk()).archive.keepReceipt(receipt),
  share: async (id) => (await openDisk()).archive.share(id),
  keepShare: async (share) => (await openDisk()).archive.keepShare(share),
  forget: async (id) => (await openDisk()).archive.forget(id),
};

const world: World = {
  clock,
  random,
  subtle: crypto.subtle,
  lanes: new PeerLaneFactory(),
  signaling: new PeerJsSignaling(home, clock, random),
  sinks,
  archive,
  device: deviceName(navigator),
};

/** Says goodbye when the page goes away; what is closed has nobody left to tell. */
function told<Session extends Sharing | Receiving>(session: Session): Session {
  addEventListener('pagehide', () => session.sayBye());
  return session;
}

/** @throws BeelineError `unsupported` where WebRTC is missing or switched off. */
export async function share({ entries, source }: Picked): Promise<SharingSession> {
  requireWebRtc();
  const manifest = makeManifest(randomId(world), entries);
  return told(new Sharing(world, await makeIdentity(world), { manifest, source }, home.href));
}

/** @throws BeelineError `link-incomplete` or `unsupported`. */
export async function receive(fragment: string): Promise<ReceivingSession> {
  const secret = parseFragment(fragment);
  requireWebRtc();
  const keys = await deriveShareKeys(world.subtle, secret);
  return told(new Receiving(world, keys, await archive.receipt(keys.roomId)));
}

function requireWebRtc(): void {
  if (!('RTCPeerConnection' in globalThis)) throw new BeelineError('unsupported');
}

/** Builds the adapters that sessions work with. Loaded when the first one starts: the home screen needs none. */
import { BeelineError } from './core/errors.ts';
import { isKept } from './disk/kept.ts';
import type { Archive, SinkFactory } from './core/ports.ts';
import type { World } from './flow/world.ts';
import { random } from './home.ts';
import { clock, lanes, nudge, signaling } from './line.ts';
import { deviceName } from './net/device.ts';
import { openDisk } from './storage.ts';

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
  mayHaveReceipt: isKept,
  keepReceipt: async (receipt) => (await openDisk()).archive.keepReceipt(receipt),
  share: async (id) => (await openDisk()).archive.share(id),
  keepShare: async (share) => (await openDisk()).archive.keepShare(share),
  forget: async (role, id) => (await openDisk()).archive.forget(role, id),
};

export const world: World = {
  clock,
  nudge,
  random,
  subtle: crypto.subtle,
  lanes,
  signaling,
  sinks,
  archive,
  device: deviceName(navigator),
};

/** Says goodbye when the page goes away; what is closed has nobody left to tell. */
export function told<Session extends { sayBye(): void }>(session: Session): Session {
  addEventListener('pagehide', () => session.sayBye());
  return session;
}

/** Makes a connection ready. @throws BeelineError `unsupported` where the browser has none, or refuses it. */
export function prepareWebRtc(): void {
  try {
    lanes.prepare();
  } catch (cause) {
    throw new BeelineError('unsupported', '', { cause });
  }
}

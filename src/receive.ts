/** Starts receivers' sessions. Loaded when a link is opened. */
import { takeBegun } from './ahead.ts';
import { deriveShareKeys, parseFragment, type ShareKeys } from './core/link.ts';
import { Receiving } from './flow/receiving.ts';
import { dialLine, type ReceiverLine } from './flow/receiver-line.ts';
import type { ReceivingSession } from './flow/views.ts';
import { openDisk } from './storage.ts';
import { prepareWebRtc, told, world } from './world.ts';

// A lane must not wait for the network. Whoever makes one is told if this does not come.
import('./net/lane.ts').catch(() => undefined);

/** What the page's first script has begun, before the app could ask for it. */
let begun: { readonly fragment: string; readonly session: Promise<ReceivingSession> } | null = null;

/** Goes on with what the app will ask for. Nobody will if the address has changed meanwhile. */
export function receiveAhead(): void {
  const ahead = takeBegun();
  if (ahead === null) return;
  const { fragment, keys } = ahead;
  if (location.hash.slice(1) !== fragment) {
    ahead.close();
    return;
  }
  begun = { fragment, session: open(keys, () => ahead.take()) };
  begun.session.catch(() => undefined);
}

/** @throws BeelineError `link-incomplete` or `unsupported`. */
export async function receive(fragment: string): Promise<ReceivingSession> {
  receiveAhead();
  const before = begun;
  begun = null;
  if (before?.fragment === fragment) return before.session;
  // The address has changed meanwhile. Why it failed is nobody's business then.
  before?.session.then((session) => session.close()).catch(() => undefined);
  const secret = parseFragment(fragment);
  prepareWebRtc();
  const line = dialLine(world);
  return open(deriveShareKeys(world.subtle, secret), () => line);
}

/** Nothing waits for what it does not need: line, connection, keys and disk are made ready side by side. */
async function open(keys: Promise<ShareKeys>, takeLine: () => ReceiverLine): Promise<ReceivingSession> {
  // Asked for again below, where a failure is told.
  openDisk().catch(() => undefined);
  const known = await keys;
  return told(new Receiving(world, known, world.archive.receipt(known.roomId), takeLine()));
}

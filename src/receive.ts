/** Starts receivers' sessions. Loaded when a link is opened. */
import { BeelineError } from './core/errors.ts';
import { deriveShareKeys, parseFragment } from './core/link.ts';
import { Receiving } from './flow/receiving.ts';
import type { ReceiverLine } from './flow/receiver-line.ts';
import type { ReceivingSession } from './flow/views.ts';
import { takeLine } from './line.ts';
import { openDisk } from './storage.ts';
import { lanes, requireWebRtc, told, world } from './world.ts';

/** What the page's first script has begun, before the app could ask for it. */
let begun: { readonly fragment: string; readonly session: Promise<ReceivingSession> } | null = null;

/** Begins with the link that the app will ask for; what goes wrong is told then. */
export function receiveAhead(fragment: string): void {
  begun = { fragment, session: start(fragment) };
  begun.session.catch(() => undefined);
}

/** @throws BeelineError `link-incomplete` or `unsupported`. */
export function receive(fragment: string): Promise<ReceivingSession> {
  const ahead = begun;
  begun = null;
  if (ahead?.fragment === fragment) return ahead.session;
  // The address has changed meanwhile. Why it failed is nobody's business then.
  ahead?.session.then((session) => session.close()).catch(() => undefined);
  return start(fragment);
}

/** Nothing waits for what it does not need: line, connection, keys and disk are made ready side by side. */
async function start(fragment: string): Promise<ReceivingSession> {
  const secret = parseFragment(fragment);
  requireWebRtc();
  const { line, connection } = takeLine();
  prepare(connection, line);
  // Asked for again below, where a failure is told.
  openDisk().catch(() => undefined);
  const keys = await deriveShareKeys(world.subtle, secret);
  return told(new Receiving(world, keys, world.archive.receipt(keys.roomId), line));
}

/** @throws BeelineError `unsupported` where the browser refuses to make a connection; the line ends then. */
function prepare(connection: RTCPeerConnection | undefined, { signaling }: ReceiverLine): void {
  try {
    lanes.prepare(connection);
  } catch (cause) {
    signaling.close();
    throw new BeelineError('unsupported', '', { cause });
  }
}

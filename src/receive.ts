/** Starts receivers' sessions. Loaded when a link is opened. */
import type { Ahead } from './ahead.ts';
import { BeelineError } from './core/errors.ts';
import { deriveShareKeys, parseFragment } from './core/link.ts';
import { Receiving } from './flow/receiving.ts';
import { dialLine } from './flow/receiver-line.ts';
import type { ReceivingSession } from './flow/views.ts';
import { lanes } from './line.ts';
import { openDisk } from './storage.ts';
import { requireWebRtc, told, world } from './world.ts';

/** What the page's first script has begun, before the app could ask for it. */
let begun: { readonly fragment: string; readonly session: Promise<ReceivingSession> } | null = null;

/** Begins with the link that the app will ask for; what goes wrong is told then. */
export function receiveAhead(ahead: Ahead): void {
  const { fragment } = ahead;
  begun = { fragment, session: start(fragment, ahead) };
  begun.session.catch(() => undefined);
}

/** @throws BeelineError `link-incomplete` or `unsupported`. */
export function receive(fragment: string): Promise<ReceivingSession> {
  const before = begun;
  begun = null;
  if (before?.fragment === fragment) return before.session;
  // The address has changed meanwhile. Why it failed is nobody's business then.
  before?.session.then((session) => session.close()).catch(() => undefined);
  return start(fragment);
}

/** Nothing waits for what it does not need: line, connection, keys and disk are made ready side by side. */
async function start(fragment: string, ahead: Ahead | null = null): Promise<ReceivingSession> {
  const secret = parseFragment(fragment);
  requireWebRtc();
  // Asked for again below, where a failure is told.
  openDisk().catch(() => undefined);
  if (ahead === null) prepare();
  const line = ahead?.line ?? dialLine(world);
  const keys = await (ahead?.keys ?? deriveShareKeys(world.subtle, secret));
  return told(new Receiving(world, keys, world.archive.receipt(keys.roomId), line, ahead?.take()));
}

/** @throws BeelineError `unsupported` where the browser refuses to make a connection. */
function prepare(): void {
  try {
    lanes.prepare();
  } catch (cause) {
    throw new BeelineError('unsupported', '', { cause });
  }
}

/**
 * Stands in the page itself, before its first script: a page that was opened with a link dials the server, and makes its
 * first connection with its certificate, while its files are still on their way. In development the first script runs this.
 */
import { isFragment } from './core/link.ts';
import { randomId } from './flow/random-id.ts';
import { home, random } from './home.ts';
import { type EarlySocket, openEarly } from './net/socket.ts';

/** What the page has begun for the link in its address. */
export interface Dialed {
  readonly id: string;
  readonly token: string;
  readonly early: EarlySocket;
  readonly connection: RTCPeerConnection;
}

declare global {
  /** What is not in it when the page's first script starts never will be. */
  var dialed: Dialed | undefined;
}

if (isSecureContext && 'RTCPeerConnection' in globalThis && isFragment(location.hash)) globalThis.dialed ??= dial();

/** Nothing where the browser refuses a connection: who needs one later is told. */
function dial(): Dialed | undefined {
  const [id, token] = [randomId({ random }), randomId({ random })];
  const early = openEarly(home, id, token);
  try {
    return { id, token, early, connection: new RTCPeerConnection() };
  } catch {
    early.socket.close();
    return undefined;
  }
}

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
  /** Gives the page its icons and its manifest. */
  readonly dress: () => void;
}

declare global {
  /** Null where the browser refuses a connection. What is not in it when the page's first script starts never will be. */
  var dialed: Dialed | null | undefined;
}

const canDial = isSecureContext && 'RTCPeerConnection' in globalThis && isFragment(location.hash);
if (canDial && globalThis.dialed === undefined) globalThis.dialed = dial();

/** Who needs a connection later is told what refused it. */
function dial(): Dialed | null {
  const [id, token] = [randomId({ random }), randomId({ random })];
  const early = openEarly(home, id, token);
  try {
    return { id, token, early, connection: new RTCPeerConnection(), dress: undress() };
  } catch {
    early.socket.close();
    return null;
  }
}

/**
 * To fetch icons and manifest, and to draw them, takes two busy cores 20 ms while the page dials: they can wait. A page
 * without any icon would be asked for its `favicon.ico`.
 *
 * @returns what brings them back.
 */
function undress(): () => void {
  const links = document.head.querySelectorAll('link[rel~=icon],link[rel=apple-touch-icon],link[rel=manifest]');
  for (const link of links) link.remove();
  const blank = Object.assign(document.createElement('link'), { rel: 'icon', href: 'data:,' });
  document.head.append(blank);
  return () => blank.replaceWith(...links);
}

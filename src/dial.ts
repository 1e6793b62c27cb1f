/**
 * What a page that was opened with a link does while its files are still on their way: it dials the server, makes its first
 * connection with its certificate, and posts the offer of that. Stands in the page itself. In development the first script
 * runs it.
 */
import { deriveShareKeys, readFragment, type ShareKeys } from './core/link.ts';
import type { Bytes } from './core/bytes.ts';
import { isKept } from './disk/kept.ts';
import { sealOffer } from './flow/first-offer.ts';
import type { MadeOffer } from './flow/handshake.ts';
import { randomId } from './flow/random-id.ts';
import { home, random } from './home.ts';
import { LaneConnection } from './net/connection.ts';
import { type EarlySocket, openEarly, postOffer } from './net/socket.ts';

/** What the page has begun for the link in its address. */
export interface Dialed {
  /** The link's, without `#`: the address may change. */
  readonly fragment: string;
  readonly id: string;
  readonly token: string;
  readonly early: EarlySocket;
  readonly made: LaneConnection;
  readonly keys: Promise<ShareKeys>;
  /** Resolves when the request for it has been made. */
  readonly offer: Promise<PostedOffer>;
  /** Gives the page its icons and its manifest. */
  readonly dress: () => void;
}

/** Rule [C19]. */
export interface PostedOffer extends MadeOffer {
  /** By `performance.now`. */
  readonly postedAt: number;
}

declare global {
  /** Null where the browser refuses a connection. Undefined without a link: what has not been begun when the first script starts never will be. */
  var dialed: Dialed | null | undefined;
}

/** Once for a page. */
export function dialLink(): void {
  const secret = readFragment(location.hash);
  const canDial = isSecureContext && 'RTCPeerConnection' in globalThis;
  if (canDial && secret !== null && globalThis.dialed === undefined) globalThis.dialed = dial(secret);
}

/** Who needs a connection later is told what refused it. */
function dial(secret: Bytes): Dialed | null {
  const [id, token] = [randomId({ random }), randomId({ random })];
  let early: EarlySocket | null = null;
  try {
    early = openEarly(home, id, token);
    const made = new LaneConnection();
    const keys = deriveShareKeys(crypto.subtle, secret);
    const offer = post(id, token, made.offer(), keys);
    // Whoever goes on with them reads what became of them.
    for (const begun of [keys, offer]) begun.catch(() => undefined);
    return { fragment: location.hash.slice(1), id, token, early, made, keys, offer, dress: undress() };
  } catch {
    early?.socket.close();
    return null;
  }
}

async function post(id: string, token: string, making: Promise<string>, deriving: Promise<ShareKeys>) {
  const [sdp, keys] = await Promise.all([making, deriving]);
  const { subtle } = crypto;
  const offer = await sealOffer({ random, subtle }, keys, id, sdp, !isKept(keys.roomId));
  const posted = { ...offer, isTaken: false, postedAt: performance.now() };
  void postOffer(home, id, token, keys.roomId, offer.envelope).then((isTaken) => (posted.isTaken = isTaken));
  return posted;
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

/** What the protocol reads in a session description, and the one line in it that it changes. */
import { BeelineError } from './errors.ts';

/**
 * The certificate that a description commits to: `sha-256` and 32 bytes in upper-case hex. Every fingerprint line of the
 * description must name the same one, and the word must not stand anywhere else: a browser's parser is laxer about
 * space and case than this one, and must not find a line that this one overlooks. Source: RFC 8122, section 5.
 * @throws BeelineError `not-authentic` when there is none, more than one, or another hash.
 */
export function dtlsFingerprint(sdp: string): string {
  const lines = Array.from(sdp.matchAll(/^a=fingerprint:(\S+) (\S+)\r?$/gmu), ([, hash, value]) => `${hash} ${value}`);
  const mentions = sdp.match(/fingerprint/giu)?.length ?? 0;
  const found = new Set(lines);
  const only = lines[0];
  if (
    only === undefined ||
    found.size !== 1 ||
    lines.length !== mentions ||
    !/^sha-256 (?:[0-9A-F]{2}:){31}[0-9A-F]{2}$/u.test(only)
  ) {
    throw new BeelineError('not-authentic', 'description without one sha-256 fingerprint');
  }
  return only;
}

/**
 * An offer as whoever answers it is to hear it, to be DTLS server itself: with DTLS 1.3 its channels then open half a round
 * trip before the other side's, for the client is done first and begins with SCTP. So it is for the side that speaks first.
 * An offer that is not open to that stays as it is. Source: RFC 8842, section 5.3; RFC 9147, section 5.
 */
export function answeredAsServer(sdp: string): string {
  return sdp.replaceAll(/^a=setup:actpass(\r?)$/gmu, 'a=setup:active$1');
}

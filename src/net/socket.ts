/** A line's socket to the server. Stands in the page itself too, so it imports little. */
import { OFFER_PATH, WITH_ICE } from '../core/signaling.ts';

/** A socket that was opened before there was a line for it, and what the server has said to it. Times by `Clock.now`. */
export interface EarlySocket {
  readonly socket: WebSocket;
  readonly dialedAt: number;
  readonly said: readonly { readonly data: unknown; readonly at: number }[];
  /** With what the server has closed it; null while it has not. */
  readonly code: number | null;
}

/** Opens one under an id. @param base the server's own address. */
export function openSocket(base: URL, id: string, token: string): WebSocket {
  const url = address('peerjs', base, id, token);
  url.protocol = url.protocol.replace('http', 'ws');
  return new WebSocket(url);
}

/**
 * Says OFFER for one whose socket is not open yet. A page's own connection to the server is there already. Rule [C19].
 *
 * @returns whether the server has taken it.
 */
export function postOffer(base: URL, id: string, token: string, dst: string, payload: unknown): Promise<boolean> {
  const body = JSON.stringify({ type: 'OFFER', dst, payload });
  return fetch(address(OFFER_PATH, base, id, token), { method: 'POST', body }).then(
    ({ status }) => status === 204,
    () => false,
  );
}

function address(path: string, base: URL, id: string, token: string): URL {
  const url = new URL(path, base);
  url.search = String(new URLSearchParams({ key: 'peerjs', id, token, [WITH_ICE.name]: WITH_ICE.value }));
  return url;
}

/** Opens one for the line that will take it over. */
export function openEarly(base: URL, id: string, token: string): EarlySocket {
  const now = () => performance.timeOrigin + performance.now();
  const said: { data: unknown; at: number }[] = [];
  const socket = openSocket(base, id, token);
  const early = { socket, dialedAt: now(), said, code: null as number | null };
  socket.onmessage = ({ data }) => said.push({ data, at: now() });
  socket.onclose = ({ code }) => (early.code = code);
  return early;
}

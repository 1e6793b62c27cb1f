/** A line's socket to the server. Stands in the page itself too, so it imports little. */
import { WITH_ICE } from '../core/signaling.ts';

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
  const url = new URL('peerjs', base);
  url.protocol = url.protocol.replace('http', 'ws');
  url.search = String(new URLSearchParams({ key: 'peerjs', id, token, [WITH_ICE.name]: WITH_ICE.value }));
  return new WebSocket(url);
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

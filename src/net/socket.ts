/** A line's socket to the server. Stands in the page itself too, so it imports little. */
import { WITH_ICE } from '../core/signaling.ts';

/** A socket that was opened before there was a line for it, and what the server has said to it. */
export interface EarlySocket {
  readonly socket: WebSocket;
  /** By the clock of `Clock.now`. */
  readonly dialedAt: number;
  readonly said: readonly unknown[];
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
  const said: unknown[] = [];
  const socket = openSocket(base, id, token);
  socket.onmessage = ({ data }) => said.push(data);
  return { socket, dialedAt: performance.timeOrigin + performance.now(), said };
}

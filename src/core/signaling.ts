/**
 * What the page and the server both know about signaling: the PeerJS wire protocol's names and its bounds.
 * Source: peerjs-server 1.0.2 (`MessageType`), peerjs 1.5 (`socket.ts`).
 */

/** Bytes of one WebSocket message, as UTF-8. An SDP with its candidates, sealed and in base64, stays under 16 KiB. */
export const SIGNALING_MAX_BYTES = 64 * 1024;

/** Types a client may send. */
export const CLIENT_MESSAGE_TYPES = ['OFFER', 'ANSWER', 'CANDIDATE', 'LEAVE', 'EXPIRE', 'HEARTBEAT'] as const;
export type ClientMessageType = (typeof CLIENT_MESSAGE_TYPES)[number];

/** Types only the server sends. */
export const SERVER_MESSAGE_TYPES = ['OPEN', 'ID-TAKEN', 'ERROR', 'ICE'] as const;

/**
 * With this in the address of its socket, a client is told ICE before OPEN: an {@link IceAnswer}, for its first connection
 * not to wait for one. A stock client does not ask, and a stock server does not answer.
 */
export const WITH_ICE = { name: 'ice', value: '1' } as const;

/**
 * Where a client that is not connected yet may leave its first OFFER, by POST, with the query of its socket: `{type, dst, payload}` as over
 * that. A stock server answers 404. Rule [C19].
 */
export const OFFER_PATH = 'peerjs/offer';

/** Characters of a peer id or of a token; stock clients use 36 (a UUID) and about 11. */
export const PEER_ID_MAX = 64;

/** Milliseconds between heartbeats: the stock client's 5 s; the server drops a client after 90 s without one. */
export const HEARTBEAT_MS = 5_000;

/** What `GET /api/ice` answers. */
export interface IceAnswer {
  readonly iceServers: readonly {
    readonly urls: readonly string[];
    readonly username?: string;
    readonly credential?: string;
  }[];
  /** Seconds for which the credentials are good; 0 when there are none. */
  readonly ttl: number;
}

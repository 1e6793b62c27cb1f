const KIB = 1024;
const MIB = 1024 * KIB;

/** Bounds of the server. None was tuned by measurement: each is far above an honest client and far below harm. */
export interface Limits {
  /** Open sockets of the whole process. */
  readonly sockets: number;
  /** Open sockets of one address: an office behind one NAT fits. */
  readonly socketsPerAddress: number;
  /** WebSocket handshakes, offers before one, and id requests of one address per minute, each counted for itself. */
  readonly connectsPerMinute: number;
  /** Messages of one socket: a burst, then a rate per second. A sender answers each receiver with about 12. */
  readonly messages: Bucket;
  /** Bytes of one socket: a burst, then a rate per second. */
  readonly bytes: Bucket;
  /** Arrays and objects within one another in a payload; a stock client uses 3. */
  readonly payloadDepth: number;
  /** Bytes waiting for a client that does not read; above that it is cut. Must exceed `queue.perPeer.bytes`. */
  readonly sendBuffer: number;
  readonly queue: QueueLimits;
  /** `GET /api/ice` per minute: a credential per connection and per ICE restart. */
  readonly icePerMinute: { readonly session: number; readonly address: number };
  /** Milliseconds for an HTTP request to arrive: an offer is a few KB. Node looks every 30 s. */
  readonly requestMs: number;
  /** Milliseconds between WebSocket pings; a socket that missed one pong by the next is cut. */
  readonly pingMs: number;
  /** Milliseconds a client has to answer a close frame before its connection is cut. */
  readonly closeMs: number;
}

/** A token bucket: `burst` tokens at most, refilled at `perSecond`. */
export interface Bucket {
  readonly burst: number;
  readonly perSecond: number;
}

/** What may wait for peers that are not connected. */
export interface QueueLimits {
  /** For one absent peer. */
  readonly perPeer: Room;
  /** Of one sender for all absent peers: a whole class that opens a link at once is answered before its sockets are open. */
  readonly perSender: Room;
  readonly total: Room;
  /** Milliseconds before the sender gets EXPIRE: the 5 s of peerjs-server. */
  readonly lifetimeMs: number;
}

export interface Room {
  readonly messages: number;
  readonly bytes: number;
}

export const LIMITS: Limits = {
  sockets: 5_000,
  socketsPerAddress: 256,
  connectsPerMinute: 300,
  messages: { burst: 600, perSecond: 100 },
  bytes: { burst: 4 * MIB, perSecond: 512 * KIB },
  payloadDepth: 32,
  sendBuffer: MIB,
  queue: {
    perPeer: { messages: 64, bytes: 256 * KIB },
    perSender: { messages: 1_024, bytes: 4 * MIB },
    total: { messages: 10_000, bytes: 32 * MIB },
    lifetimeMs: 5_000,
  },
  icePerMinute: { session: 60, address: 600 },
  requestMs: 30_000,
  pingMs: 30_000,
  closeMs: 2_000,
};

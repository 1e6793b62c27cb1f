/**
 * Why the server closes a WebSocket: codes of RFC 6455 section 7.4.1 where one fits, else of its private range.
 * A client that was cut instead (it did not read, or did not answer a ping or a close frame) sees 1006.
 * `ws` itself sends 1002 for a malformed frame, 1007 for text that is not UTF-8 and 1009 for a message too big.
 */
export const CLOSE = {
  /** The client said LEAVE. */
  left: 1000,
  /** The server stops; come back. */
  stopping: 1001,
  /** A binary message; the protocol has none. */
  binary: 1003,
  /** The text is not JSON. */
  notJson: 1007,
  /** Refused; the reason says why: `key`, `id`, `token`, `id-taken`, `message` or `rate`. */
  refused: 1008,
  /** More than SIGNALING_MAX_BYTES; sent by `ws`. */
  tooBig: 1009,
  /** The server is full; try again later. */
  full: 1013,
  /** The same id and token connected anew; this socket must not reconnect, or two pages chase each other. */
  replaced: 4000,
  /** No HEARTBEAT for 90 s. */
  silent: 4001,
} as const;

export type CloseCode = (typeof CLOSE)[keyof typeof CLOSE];

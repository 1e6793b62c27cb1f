import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';
import { EventEmitter } from 'node:events';
import type { WebSocket } from 'ws';
import { CLOSE } from './close-codes.ts';
import type { CloseCode } from './close-codes.ts';

/** Who a socket speaks for, as it said in its URL. */
export interface Hello {
  readonly id: string;
  readonly token: string;
}

/**
 * One admitted socket, and at once the facade of it that the library is handed in place of the WebSocket. The library uses
 * `on('message' | 'close' | 'error')`, `send` and `close`, and hears only what the gateway lets through.
 * `close` is emitted synchronously when the session ends, not when the TCP connection does, so that the library's table of
 * clients and the gateway's always agree. `error` is never emitted: in the library it would end the process.
 */
export class PeerSocket extends EventEmitter {
  readonly id: string;
  /** A name for this session that says nothing about the id: it goes to the TURN server and into the log. */
  readonly tag = randomBytes(9).toString('base64url');
  /** Whether anything was heard since the last ping. */
  heard = true;
  readonly #token: Buffer;
  readonly #socket: WebSocket;
  readonly #sendBuffer: number;
  #ended = false;

  /** `sendBuffer`: bytes that may wait for a client that does not read. */
  constructor(socket: WebSocket, hello: Hello, sendBuffer: number) {
    super();
    this.id = hello.id;
    this.#token = digest(hello.token);
    this.#socket = socket;
    this.#sendBuffer = sendBuffer;
  }

  get ended(): boolean {
    return this.#ended;
  }

  /** Compares in a time that tells nothing about the token. */
  hasToken(token: string): boolean {
    return timingSafeEqual(this.#token, digest(token));
  }

  /**
   * Sends to the client; called by the library, and for messages that waited.
   * @throws {Error} when the session has ended or the client does not read: the library then tells the sender LEAVE.
   */
  send(text: string): void {
    if (!this.#ended && this.#socket.bufferedAmount > this.#sendBuffer) {
      this.#socket.terminate();
      this.#end();
    }
    if (this.#ended) throw new Error('The peer is gone.');
    this.#socket.send(text);
  }

  /** The library's way to drop a client: it does so after 90 s without HEARTBEAT. */
  close(): void {
    this.end(CLOSE.silent, 'silent');
  }

  /** Ends the session now and starts the closing handshake; nothing the client says afterwards is heard. */
  end(code: CloseCode, reason: string): void {
    if (this.#ended) return;
    this.#socket.close(code, reason);
    this.#end();
  }

  /** The connection has closed, or must not live on: it did not answer a ping. */
  cut(): void {
    this.#socket.terminate();
    this.#end();
  }

  ping(): void {
    this.heard = false;
    this.#socket.ping();
  }

  #end(): void {
    if (this.#ended) return;
    this.#ended = true;
    this.emit('close');
  }
}

function digest(token: string): Buffer {
  return createHash('sha256').update(token).digest();
}

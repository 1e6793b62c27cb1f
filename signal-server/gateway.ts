import type { IncomingMessage, ServerResponse } from 'node:http';
import { STATUS_CODES } from 'node:http';
import type { Duplex } from 'node:stream';
import type { RawData, WebSocket } from 'ws';
import { AbsentQueue } from './absent-queue.ts';
import { Admission, introduction } from './admission.ts';
import type { Admitted } from './admission.ts';
import { CLOSE } from './close-codes.ts';
import type { CloseCode } from './close-codes.ts';
import type { Config } from './env.ts';
import { pathOf, sendJson } from './http.ts';
import { iceAnswer } from './ice.ts';
import { startLibrary } from './library.ts';
import type { Library } from './library.ts';
import type { Limits } from './limits.ts';
import type { Log } from './log.ts';
import { parseClientMessage } from './messages.ts';
import type { Relay } from './messages.ts';
import type { OfferTaken } from './offer.ts';
import { PeerSocket } from './peer-socket.ts';
import type { Hello } from './peer-socket.ts';
import { TokenBucket } from './token-bucket.ts';

/** Where stock clients that were given only host and port open their WebSocket, whatever the key. */
const SOCKET_PATH = '/peerjs';

/** An HTTP or HTTPS server, or Vite's. */
export interface UpgradeSource {
  on(event: 'upgrade', listener: (request: IncomingMessage, socket: Duplex, head: Buffer) => void): unknown;
}

/**
 * Signaling. Owns the `upgrade` event; admits and watches every socket, and hands the library well-formed messages between
 * clients that are connected. Messages for others wait in the gateway's own bounded queue.
 */
export class Gateway {
  readonly #config: Config;
  readonly #limits: Limits;
  readonly #log: Log;
  readonly #library: Library;
  readonly #admission: Admission;
  /** The same clients as the library's own table. */
  readonly #peers = new Map<string, PeerSocket>();
  readonly #sockets = new Set<WebSocket>();
  readonly #absent: AbsentQueue;
  readonly #refusals = new Map<string, number>();
  readonly #heartbeat: NodeJS.Timeout;
  #stopping = false;

  constructor(config: Config, limits: Limits, log: Log) {
    this.#config = config;
    this.#limits = limits;
    this.#log = log;
    this.#library = startLibrary(config.key, config.allowedOrigins, limits);
    this.#admission = new Admission(config, limits);
    this.#absent = new AbsentQueue(limits.queue, (src, dst) => this.#sendExpire(src, dst));
    this.#heartbeat = setInterval(() => this.#beat(), limits.pingMs);
    this.#heartbeat.unref();
  }

  /** The live session of a peer id, for one who knows its token. */
  session(id: string, token: string): PeerSocket | undefined {
    const peer = this.#peers.get(id);
    return peer?.hasToken(token) === true ? peer : undefined;
  }

  /** Relays the offer of one whose socket is still on its way: what answers it waits for that, as for any absent peer. */
  takeOffer({ id, token }: Hello, { type, dst, payload }: Relay): OfferTaken {
    if (this.#stopping) return 'stopping';
    if (this.#peers.get(id)?.hasToken(token) === false) return 'id-taken';
    const text = JSON.stringify({ type, src: id, dst, payload });
    const peer = this.#peers.get(dst);
    if (peer !== undefined) return this.#deliver(peer, text) ? 'taken' : 'full';
    if (this.#absent.add({ src: id, dst, text })) return 'taken';
    this.#tally('queue');
    return 'full';
  }

  /**
   * Takes the server's upgrades. `foreign` says what becomes of those for another path: `refuse` answers 404; `leave` is for a
   * server with other listeners, such as Vite's hot reload.
   */
  attach(server: UpgradeSource, foreign: 'refuse' | 'leave'): void {
    server.on('upgrade', (request: IncomingMessage, socket: Duplex, head: Buffer) => {
      if (pathOf(request) === SOCKET_PATH) void this.#upgrade(request, socket, head);
      else if (foreign === 'refuse') refuseUpgrade(socket, 404);
    });
  }

  /** Answers the library's HTTP paths; false when the request is for another. */
  handle(request: IncomingMessage, response: ServerResponse): boolean {
    const path = pathOf(request);
    if (path !== `/${this.#config.key}/id` && path !== `/${this.#config.key}/peers`) return false;
    void this.#admission.allowsRequest(request).then((allowed) => {
      if (allowed) {
        this.#library.handle(request, response);
        return;
      }
      this.#tally('request rate');
      sendJson(response, 429, { error: 'rate' }, { 'retry-after': '60', 'access-control-allow-origin': '*' });
    });
    return true;
  }

  /** Ends every session with 1001 and resolves when all sockets are closed, within `closeMs`; new ones get 503. */
  async close(): Promise<void> {
    this.#stopping = true;
    clearInterval(this.#heartbeat);
    this.#absent.clear();
    const closed = [...this.#sockets].map((socket) => new Promise((resolve) => socket.once('close', resolve)));
    for (const peer of [...this.#peers.values()]) peer.end(CLOSE.stopping, 'stopping');
    await Promise.all(closed);
    this.#logRefusals();
  }

  async #upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): Promise<void> {
    socket.on('error', ignore);
    const admitted = this.#stopping ? stopping : await this.#admission.admit(request);
    if (admitted.kind === 'refused') {
      this.#tally(admitted.reason);
      refuseUpgrade(socket, admitted.status);
      return;
    }
    if (admitted.kind === 'admitted') {
      const release = (): void => this.#admission.release(admitted.address);
      if (socket.closed) {
        release();
        return;
      }
      socket.once('close', release);
    }
    this.#library.sockets.handleUpgrade(request, socket, head, (webSocket) => {
      socket.off('error', ignore);
      this.#greet(webSocket, request, admitted);
    });
  }

  #greet(socket: WebSocket, request: IncomingMessage, admitted: Exclude<Admitted, { kind: 'refused' }>): void {
    this.#sockets.add(socket);
    socket.on('close', () => this.#sockets.delete(socket));
    // A malformed frame or one too big; `ws` closes the socket by itself.
    socket.on('error', () => this.#tally('frame'));

    const refuse = (code: CloseCode, reason: string, type: 'ERROR' | 'ID-TAKEN', msg: string): void => {
      this.#tally(reason);
      socket.send(JSON.stringify({ type, payload: { msg } }));
      socket.close(code, reason);
    };
    if (this.#stopping) {
      socket.close(CLOSE.stopping, 'stopping');
      return;
    }
    if (admitted.kind === 'full') {
      refuse(CLOSE.full, admitted.reason, 'ERROR', 'Server has reached its concurrent user limit');
      return;
    }
    const said = introduction(request, this.#config.key);
    if (!said.ok) {
      refuse(CLOSE.refused, said.reason, 'ERROR', said.message);
      return;
    }
    const { hello, wantsIce } = said;
    const before = this.#peers.get(hello.id);
    if (before?.hasToken(hello.token) === false) {
      refuse(CLOSE.refused, 'id-taken', 'ID-TAKEN', 'ID is taken');
      return;
    }
    before?.end(CLOSE.replaced, 'replaced');

    const peer = new PeerSocket(socket, hello, this.#limits.sendBuffer);
    this.#peers.set(peer.id, peer);
    peer.once('close', () => {
      this.#peers.delete(peer.id);
      this.#log.debug({ session: peer.tag }, 'left');
    });
    this.#listen(peer, socket);
    if (wantsIce) {
      const payload = iceAnswer(this.#config, peer.tag, Math.floor(Date.now() / 1000));
      this.#deliver(peer, JSON.stringify({ type: 'ICE', payload }));
    }
    this.#library.connect(peer, hello);
    for (const { text } of this.#absent.take(peer.id)) this.#deliver(peer, text);
    this.#log.debug({ session: peer.tag, id: peer.id, address: admitted.address }, 'connected');
  }

  #listen(peer: PeerSocket, socket: WebSocket): void {
    const messages = new TokenBucket(this.#limits.messages);
    const bytes = new TokenBucket(this.#limits.bytes);
    const accept = (size: number): boolean => {
      peer.heard = true;
      if (peer.ended) return false;
      if (messages.take(1) && bytes.take(size)) return true;
      this.#endBadly(peer, CLOSE.refused, 'rate');
      return false;
    };
    socket.on('ping', (data: Buffer) => accept(data.length));
    socket.on('pong', (data: Buffer) => accept(data.length));
    socket.on('close', () => peer.cut());
    socket.on('message', (data: RawData, isBinary: boolean) => {
      const buffer = Buffer.isBuffer(data) ? data : Buffer.concat(Array.isArray(data) ? data : [new Uint8Array(data)]);
      if (!accept(buffer.length)) return;
      if (isBinary) this.#endBadly(peer, CLOSE.binary, 'binary');
      else this.#hear(peer, buffer.toString());
    });
  }

  #hear(peer: PeerSocket, text: string): void {
    const parsed = parseClientMessage(text, this.#limits.payloadDepth);
    if (!parsed.ok) {
      this.#endBadly(peer, parsed.code, parsed.reason);
      return;
    }
    const { message } = parsed;
    switch (message.kind) {
      case 'heartbeat':
        peer.emit('message', HEARTBEAT);
        if (message.asks) this.#deliver(peer, HEARTBEAT);
        return;
      case 'goodbye':
        peer.end(CLOSE.left, 'left');
        return;
      case 'relay':
        this.#relay(peer, message);
    }
  }

  /** The library sets `src` itself, to the id the socket was admitted with. */
  #relay(peer: PeerSocket, { type, dst, payload }: Relay): void {
    if (this.#peers.has(dst)) {
      peer.emit('message', JSON.stringify({ type, dst, payload }));
      return;
    }
    if (type === 'LEAVE' || type === 'EXPIRE') return;
    const text = JSON.stringify({ type, src: peer.id, dst, payload });
    if (this.#absent.add({ src: peer.id, dst, text })) return;
    this.#tally('queue');
    this.#sendExpire(peer.id, dst);
  }

  #sendExpire(src: string, dst: string): void {
    const sender = this.#peers.get(src);
    if (sender) this.#deliver(sender, JSON.stringify({ type: 'EXPIRE', src: dst, dst: src }));
  }

  /** @returns whether the peer is there and reads. */
  #deliver(peer: PeerSocket, text: string): boolean {
    try {
      peer.send(text);
      return true;
    } catch {
      this.#tally('slow reader');
      return false;
    }
  }

  #endBadly(peer: PeerSocket, code: CloseCode, reason: string): void {
    this.#tally(reason);
    this.#log.debug({ session: peer.tag, code, reason }, 'closed by the server');
    peer.end(code, reason);
  }

  #beat(): void {
    for (const peer of [...this.#peers.values()]) {
      if (peer.heard) peer.ping();
      else {
        this.#tally('no pong');
        peer.cut();
      }
    }
    this.#logRefusals();
  }

  #tally(reason: string): void {
    this.#refusals.set(reason, (this.#refusals.get(reason) ?? 0) + 1);
  }

  /** One line for all, so that a flood of clients is no flood of lines. */
  #logRefusals(): void {
    if (this.#refusals.size === 0) return;
    this.#log.info(
      { refused: Object.fromEntries(this.#refusals), peers: this.#peers.size },
      'refused since the last such line',
    );
    this.#refusals.clear();
  }
}

const HEARTBEAT = '{"type":"HEARTBEAT"}';

const stopping = { kind: 'refused', status: 503, reason: 'stopping' } as const;

function ignore(): void {
  // The peer went away during the handshake; `close` follows.
}

function refuseUpgrade(socket: Duplex, status: 403 | 404 | 429 | 503): void {
  const retry = status === 429 || status === 503 ? 'Retry-After: 60\r\n' : '';
  const text = STATUS_CODES[status] ?? '';
  socket.end(`HTTP/1.1 ${status} ${text}\r\nConnection: close\r\n${retry}Content-Length: 0\r\n\r\n`, () =>
    socket.destroy(),
  );
}

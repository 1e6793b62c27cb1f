import { once } from 'node:events';
import { connect } from 'node:net';
import type { Socket } from 'node:net';
import { WebSocket } from 'ws';
import type { ClientOptions } from 'ws';

export interface Message {
  readonly type: string;
  readonly src?: string;
  readonly dst?: string;
  readonly payload?: unknown;
}

export interface Closed {
  readonly code: number;
  readonly reason: string;
}

export interface Said {
  readonly id: string;
  readonly token?: string;
  readonly key?: string;
  /** Replaces the whole query. */
  readonly query?: string;
}

export function signalingPath({ id, token = `token-of-${id}`, key = 'peerjs', query }: Said): string {
  return `/peerjs?${query ?? new URLSearchParams({ key, id, token, version: '1.5.5' }).toString()}`;
}

/** A signaling client that does what it is told, well formed or not. */
export class Client {
  readonly id: string;
  readonly socket: WebSocket;
  readonly closed: Promise<Closed>;
  readonly #inbox: Message[] = [];
  #wake: (() => void) | undefined;
  #over = false;

  private constructor(port: number, said: Said, options: ClientOptions) {
    this.id = said.id;
    this.socket = new WebSocket(`ws://127.0.0.1:${port}${signalingPath(said)}`, options);
    this.socket.on('error', () => undefined);
    this.socket.on('message', (data: Buffer) => {
      this.#inbox.push(JSON.parse(data.toString()) as Message);
      this.#wake?.();
    });
    this.closed = new Promise((resolve) => {
      this.socket.on('close', (code, reason) => {
        this.#over = true;
        this.#wake?.();
        resolve({ code, reason: reason.toString() });
      });
    });
  }

  /** Connects, and does not wait. */
  static start(port: number, said: Said | string, options: ClientOptions = {}): Client {
    return new Client(port, typeof said === 'string' ? { id: said } : said, options);
  }

  /** Connects and waits for OPEN. */
  static async open(port: number, said: Said | string, options: ClientOptions = {}): Promise<Client> {
    const client = Client.start(port, said, options);
    const first = await client.next();
    if (first?.type !== 'OPEN') throw new Error(`expected OPEN, not ${JSON.stringify(first)}`);
    return client;
  }

  /** The next message, or undefined once the socket is closed and all were read. */
  async next(): Promise<Message | undefined> {
    while (this.#inbox.length === 0 && !this.#over) await new Promise<void>((resolve) => (this.#wake = resolve));
    return this.#inbox.shift();
  }

  /** Messages up to and with the one that `last` accepts, or until the socket is closed. */
  async until(last: (message: Message) => boolean): Promise<Message[]> {
    const messages: Message[] = [];
    for (let message = await this.next(); message; message = await this.next()) {
      messages.push(message);
      if (last(message)) break;
    }
    return messages;
  }

  send(message: unknown): void {
    this.socket.send(typeof message === 'string' ? message : JSON.stringify(message));
  }

  offer(dst: string, payload: unknown = { sdp: 'x' }): void {
    this.send({ type: 'OFFER', dst, payload });
  }

  /** Sends to itself and answers all that arrived before it: nothing sent earlier is still on its way. */
  async barrier(): Promise<Message[]> {
    const payload = `barrier ${Math.random()}`;
    this.offer(this.id, payload);
    return (await this.until((message) => message.payload === payload)).filter(
      (message) => message.payload !== payload,
    );
  }

  /** Resolves when the server has heard all that was sent so far, or has closed. */
  async heard(): Promise<void> {
    const pong = new Promise((resolve) => this.socket.once('pong', resolve));
    this.socket.ping();
    await Promise.race([pong, this.closed]);
  }

  async close(): Promise<void> {
    this.socket.close();
    await this.closed;
  }
}

/** A handshake made by hand, for frames that no client library sends. */
export async function rawClient(port: number, said: Said): Promise<Socket> {
  const socket = connect(port, '127.0.0.1');
  socket.on('error', () => undefined);
  await once(socket, 'connect');
  const lines = [
    `GET ${signalingPath(said)} HTTP/1.1`,
    'Host: 127.0.0.1',
    'Connection: Upgrade',
    'Upgrade: websocket',
    'Sec-WebSocket-Version: 13',
    'Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==',
  ];
  socket.write(`${lines.join('\r\n')}\r\n\r\n`);
  await once(socket, 'data');
  return socket;
}

/** Two honest clients: whatever others do, they must be able to talk. */
export class Pair {
  readonly #a: Client;
  readonly #b: Client;

  private constructor(a: Client, b: Client) {
    this.#a = a;
    this.#b = b;
  }

  static async open(port: number, name = 'honest'): Promise<Pair> {
    return new Pair(await Client.open(port, `${name}-a`), await Client.open(port, `${name}-b`));
  }

  /** Whether an offer and its answer arrive. */
  async talks(): Promise<boolean> {
    this.#a.offer(this.#b.id, 'question');
    const question = await this.#b.next();
    if (question?.payload !== 'question' || question.src !== this.#a.id) return false;
    this.#b.send({ type: 'ANSWER', dst: this.#a.id, payload: 'answer' });
    const answer = await this.#a.next();
    return answer?.payload === 'answer' && answer.src === this.#b.id;
  }
}

/**
 * As much of a TURN client as it takes to be refused by a relay, over UDP. Source: RFC 8489, RFC 8656.
 *
 *   turn-client.mjs ADDRESS PORT
 *
 * Answers each line of standard input, until it ends: `{client, credential, ask, args}` makes a client of that name the first
 * time, and prints `{code, relayed}`: 0 or an error's code, and the port on the relay that was given.
 */
import { createHash, createHmac, randomBytes } from 'node:crypto';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { isIPv6 } from 'node:net';
import process from 'node:process';
import { createInterface } from 'node:readline';

const COOKIE = 0x2112a442;
const METHODS = { allocate: 0x003, refresh: 0x004, permit: 0x008, bind: 0x009 };

const ATTRIBUTE = {
  username: 0x0006,
  integrity: 0x0008,
  error: 0x0009,
  channel: 0x000c,
  lifetime: 0x000d,
  peer: 0x0012,
  realm: 0x0014,
  nonce: 0x0015,
  relayed: 0x0016,
  family: 0x0017,
  transport: 0x0019,
};

const UDP = 17;
const INTEGRITY_BYTES = 24;
/** Milliseconds after which a request is sent again; UDP in a lab loses little, but coturn may still be starting. */
const AGAIN_MS = 500;

class TurnClient {
  #realm = '';
  #nonce = Buffer.alloc(0);
  /** The last request as it went out, with its signature. */
  #sent = Buffer.alloc(0);

  constructor(socket, server, credential) {
    this.socket = socket;
    this.server = server;
    this.credential = credential;
  }

  static async open(address, port, credential) {
    const socket = createSocket(isIPv6(address) ? 'udp6' : 'udp4');
    socket.bind();
    await once(socket, 'listening');
    return new TurnClient(socket, { address, port }, credential);
  }

  /** Asks for a port on the relay. @param ipv6 whether it is to be one. */
  allocate(ipv6 = false) {
    const family = ipv6 ? [attribute(ATTRIBUTE.family, Buffer.from([2, 0, 0, 0]))] : [];
    return this.#ask('allocate', [attribute(ATTRIBUTE.transport, Buffer.from([UDP, 0, 0, 0])), ...family]);
  }

  /** Asks for more time. */
  refresh() {
    return this.#ask('refresh', [attribute(ATTRIBUTE.lifetime, number32(600))]);
  }

  /** Asks to let packets of a peer in. */
  permit(peer) {
    return this.#ask('permit', (transaction) => [attribute(ATTRIBUTE.peer, xorAddress(peer, 9, transaction))]);
  }

  /** Asks for a channel to a peer. */
  bind(peer, port) {
    return this.#ask('bind', (transaction) => [
      attribute(ATTRIBUTE.channel, Buffer.from([0x40, 0x01, 0, 0])),
      attribute(ATTRIBUTE.peer, xorAddress(peer, port, transaction)),
    ]);
  }

  /** Says from here what another client has said, to the last bit. */
  async replay(other) {
    return { code: errorCode(await this.#request(other.#sent.subarray(8, 20), other.#sent)), relayed: null };
  }

  close() {
    this.socket.close();
  }

  /** Once more with what a first challenge says, as long as the nonce is not one of the server's. */
  async #ask(method, own) {
    for (let challenges = 0; ; challenges++) {
      const transaction = randomBytes(12);
      const attributes = typeof own === 'function' ? own(transaction) : own;
      const answer = await this.#request(transaction, this.#message(method, transaction, attributes));
      const code = errorCode(answer);
      const nonce = answer.get(ATTRIBUTE.nonce);
      const isChallenge = (code === 401 && this.#nonce.length === 0) || code === 438;
      if (challenges < 2 && isChallenge && nonce !== undefined) {
        this.#nonce = nonce;
        this.#realm = (answer.get(ATTRIBUTE.realm) ?? Buffer.from(this.#realm)).toString();
        continue;
      }
      const relayed = answer.get(ATTRIBUTE.relayed);
      return { code, relayed: relayed === undefined ? null : readXorAddress(relayed) };
    }
  }

  #message(method, transaction, own) {
    if (this.#nonce.length === 0) return Buffer.concat([header(METHODS[method], transaction, length(own)), ...own]);
    const { username, credential } = this.credential;
    const attributes = [
      ...own,
      attribute(ATTRIBUTE.username, Buffer.from(username)),
      attribute(ATTRIBUTE.realm, Buffer.from(this.#realm)),
      attribute(ATTRIBUTE.nonce, this.#nonce),
    ];
    // The length in the header counts the attribute that the hash goes into.
    const start = header(METHODS[method], transaction, length(attributes) + INTEGRITY_BYTES);
    const signed = Buffer.concat([start, ...attributes]);
    const key = createHash('md5').update(`${username}:${this.#realm}:${credential}`).digest();
    return Buffer.concat([signed, attribute(ATTRIBUTE.integrity, createHmac('sha1', key).update(signed).digest())]);
  }

  async #request(transaction, message) {
    this.#sent = message;
    const { address, port } = this.server;
    const send = () => {
      this.socket.send(message, port, address);
    };
    const again = setInterval(send, AGAIN_MS);
    try {
      send();
      for (;;) {
        const [answer] = await once(this.socket, 'message');
        if (answer.subarray(8, 20).equals(transaction)) return readAttributes(answer);
      }
    } finally {
      clearInterval(again);
    }
  }
}

function length(attributes) {
  return attributes.reduce((sum, { byteLength }) => sum + byteLength, 0);
}

function header(type, transaction, bytes) {
  const start = Buffer.alloc(8);
  start.writeUInt16BE(type, 0);
  start.writeUInt16BE(bytes, 2);
  start.writeUInt32BE(COOKIE, 4);
  return Buffer.concat([start, transaction]);
}

/** Type and length, the value, and zeros up to a multiple of four. */
function attribute(type, value) {
  const bytes = Buffer.alloc(4 + Math.ceil(value.length / 4) * 4);
  bytes.writeUInt16BE(type, 0);
  bytes.writeUInt16BE(value.length, 2);
  value.copy(bytes, 4);
  return bytes;
}

function readAttributes(message) {
  const found = new Map();
  for (let at = 20; at + 4 <= message.length;) {
    const bytes = message.readUInt16BE(at + 2);
    found.set(message.readUInt16BE(at), message.subarray(at + 4, at + 4 + bytes));
    at += 4 + Math.ceil(bytes / 4) * 4;
  }
  return found;
}

function errorCode(attributes) {
  const error = attributes.get(ATTRIBUTE.error);
  return error === undefined ? 0 : (error[2] ?? 0) * 100 + (error[3] ?? 0);
}

function number32(value) {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}

/** Family, port and address, covered by the cookie, and an IPv6 address by the transaction too. RFC 8489, section 14.2. */
function xorAddress(address, port, transaction) {
  const plain = isIPv6(address) ? ipv6Bytes(address) : Buffer.from(address.split('.').map(Number));
  const mask = Buffer.concat([number32(COOKIE), transaction]);
  const bytes = Buffer.alloc(4 + plain.length);
  bytes[1] = plain.length === 4 ? 1 : 2;
  bytes.writeUInt16BE(port ^ (COOKIE >>> 16), 2);
  for (const [i, byte] of plain.entries()) bytes[4 + i] = byte ^ (mask[i] ?? 0);
  return bytes;
}

/** Of IPv4; others are not asked for by a name. */
function readXorAddress(value) {
  const port = value.readUInt16BE(2) ^ (COOKIE >>> 16);
  const bytes = [...value.subarray(4, 8)].map((byte, i) => byte ^ (number32(COOKIE)[i] ?? 0));
  return `${bytes.join('.')}:${port}`;
}

/** An address in full or with `::`, whose last four bytes may be written as IPv4. */
function ipv6Bytes(address) {
  const text = new URL(`http://[${address}]`).hostname.slice(1, -1);
  const [head = '', tail = ''] = text.split('::');
  const groups = (half) => half.split(':').filter(Boolean);
  const zeros = Array(8 - groups(head).length - groups(tail).length).fill('0');
  const all = [...groups(head), ...zeros, ...groups(tail)].map((group) => Number.parseInt(group, 16));
  return Buffer.from(all.flatMap((group) => [group >>> 8, group & 0xff]));
}

const [address, port] = process.argv.slice(2);
const clients = new Map();
for await (const line of createInterface({ input: process.stdin })) {
  const { client: name, credential, ask, args } = JSON.parse(line);
  const client = clients.get(name) ?? (await TurnClient.open(address, Number(port), credential));
  client.credential = credential;
  clients.set(name, client);
  const answer = ask === 'replay' ? await client.replay(clients.get(args[0])) : await client[ask](...args);
  console.log(JSON.stringify(answer));
}
for (const client of clients.values()) client.close();

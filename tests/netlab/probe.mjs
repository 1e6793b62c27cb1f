/**
 * Packets by themselves, run in hosts of the lab to measure links and routers:
 *
 *   echo PORT                                        sends all back, until standard input ends
 *   count PORT                                       counts until then, and prints {packets, bytes, ms}
 *   ping ADDRESS PORT TIMES                          prints the round-trip times in ms, as a list
 *   flood ADDRESS PORT PACKETS BYTES PER_SECOND      sends packets of so many bytes, evenly
 *   mirror PORT                                      tells each sender its address as it is seen here, from PORT and from
 *                                                    another port, until standard input ends; accepts TCP connections too
 *   ask PORT ADDRESS:PORT...                         asks mirrors from one port; prints the list of answers of each
 *   connect ADDRESS:PORT...                          prints for each whether it accepts a TCP connection
 *   serve PORT                                       gives whoever asks over HTTP bytes without end, until standard input ends
 *   download ADDRESS:PORT SKIPPED MS                 prints how many bytes a download brought in MS, after SKIPPED ms
 *
 * Those that listen print a line when they do. Bytes are of IP packets; ms from the first packet to the last.
 */
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { createServer as createHttpServer, get } from 'node:http';
import { connect, createServer } from 'node:net';
import { Readable } from 'node:stream';
import process from 'node:process';
import { setTimeout } from 'node:timers/promises';

/** Bytes of an IPv4 and a UDP header. */
const HEADERS = 28;
/** Milliseconds after which a packet counts as lost. */
const LOST_MS = 500;
/** Milliseconds for what is still under way when the counting is to end. */
const UNDER_WAY_MS = 200;
/** Milliseconds after which a router counts as having dropped a question, or its answer, */
const ANSWER_MS = 1_000;
/** and those for a second answer after the first. */
const SECOND_MS = 200;
/** Room for what arrives while this process waits for a processor. */
const BUFFER_BYTES = 4 << 20;

const socket = createSocket({ type: 'udp4', recvBufferSize: BUFFER_BYTES });

function split(destination) {
  const [address, port] = destination.split(':');
  return [Number(port), address];
}

async function listen(port, onMessage) {
  socket.on('message', onMessage);
  socket.bind(Number(port));
  await once(socket, 'listening');
  console.log('listening');
  process.stdin.resume();
  await once(process.stdin, 'end');
}

function* endless() {
  const bytes = Buffer.alloc(64 << 10, 1);
  for (;;) yield bytes;
}

const commands = {
  async echo(port) {
    await listen(port, (message, { port: from, address }) => socket.send(message, from, address));
  },

  async count(port) {
    const counted = { packets: 0, bytes: 0, ms: 0 };
    let first = null;
    await listen(port, (message) => {
      first ??= performance.now();
      counted.packets += 1;
      counted.bytes += message.length + HEADERS;
      counted.ms = performance.now() - first;
    });
    await setTimeout(UNDER_WAY_MS);
    console.log(JSON.stringify(counted));
  },

  async ping(address, port, times) {
    const rtts = [];
    for (let i = 0; i < Number(times); i++) {
      const from = performance.now();
      socket.send(Buffer.from([i]), Number(port), address);
      const timeout = new AbortController();
      const answered = once(socket, 'message', { signal: timeout.signal }).then(() => performance.now() - from);
      const rtt = await Promise.race([answered.catch(() => null), setTimeout(LOST_MS, null, { ref: false })]);
      timeout.abort();
      if (rtt !== null) rtts.push(rtt);
    }
    console.log(JSON.stringify(rtts));
  },

  async flood(address, port, packets, bytes, perSecond) {
    const message = Buffer.alloc(Number(bytes) - HEADERS, 1);
    const from = performance.now();
    for (let sent = 0; sent < Number(packets);) {
      const due = Math.min(Number(packets), ((performance.now() - from) / 1000) * Number(perSecond));
      for (; sent < due; sent++) socket.send(message, Number(port), address);
      await setTimeout(1);
    }
  },

  async mirror(port) {
    const elsewhere = createSocket('udp4');
    const server = createServer((connection) => connection.end()).listen(Number(port));
    await listen(port, (_message, { port: from, address }) => {
      for (const one of [socket, elsewhere]) one.send(`${address}:${from}`, from, address);
    });
    server.close();
    elsewhere.close();
  },

  async ask(port, ...destinations) {
    const answers = destinations.map(() => []);
    socket.bind(Number(port));
    await once(socket, 'listening');
    for (const [i, destination] of destinations.entries()) {
      const hear = (message) => answers[i].push(String(message));
      socket.on('message', hear);
      const answered = once(socket, 'message').then(() => setTimeout(SECOND_MS));
      socket.send('?', ...split(destination));
      await Promise.race([answered, setTimeout(ANSWER_MS)]);
      socket.off('message', hear);
    }
    console.log(JSON.stringify(answers));
  },

  async connect(...destinations) {
    const accepted = destinations.map(async (destination) => {
      const connection = connect(...split(destination));
      const answered = once(connection, 'connect').then(
        () => true,
        () => false,
      );
      const isAccepted = await Promise.race([answered, setTimeout(ANSWER_MS, false)]);
      connection.destroy();
      return isAccepted;
    });
    console.log(JSON.stringify(await Promise.all(accepted)));
  },

  async serve(port) {
    const server = createHttpServer((_request, response) => {
      const body = Readable.from(endless());
      response.once('close', () => body.destroy());
      body.pipe(response);
    }).listen(Number(port));
    await once(server, 'listening');
    console.log('listening');
    process.stdin.resume();
    await once(process.stdin, 'end');
    server.closeAllConnections();
    server.close();
  },

  async download(source, skipped, ms) {
    const [response] = await once(get(`http://${source}/`), 'response');
    let bytes = 0;
    response.on('data', (part) => (bytes += part.length));
    await setTimeout(Number(skipped));
    const before = bytes;
    await setTimeout(Number(ms));
    console.log(bytes - before);
    response.destroy();
  },
};

const [name, ...args] = process.argv.slice(2);
await commands[name](...args);
socket.close();

import { createServer } from 'node:http';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { ExpressPeerServer } from 'peer';
import { WebSocketServer } from 'ws';
import type { ServerOptions } from 'ws';
import { SIGNALING_MAX_BYTES } from '../src/core/signaling.ts';
import type { Limits } from './limits.ts';
import type { Hello, PeerSocket } from './peer-socket.ts';

/** peerjs-server 1.0.2, which makes ids, keeps the table of clients, greets them and relays between those that are connected. */
export interface Library {
  /** Makes the handshakes; listens to no server by itself. */
  readonly sockets: WebSocketServer;
  /** Registers a client, which must not be registered already; it is sent OPEN before this returns. */
  readonly connect: (peer: PeerSocket, hello: Hello) => void;
  /** Answers `GET /<key>/id` and the other HTTP paths of the library. */
  readonly handle: (request: IncomingMessage, response: ServerResponse) => void;
}

/** Milliseconds between sweeps of the library's own queue, which stays empty: the most that a timer can wait. */
const NEVER_MS = 2 ** 31 - 1;

/** `origins`: those that may read the HTTP answers; none is any. */
export function startLibrary(key: string, origins: readonly string[], limits: Limits): Library {
  const options: ServerOptions & { closeTimeout: number } = {
    noServer: true,
    clientTracking: false,
    perMessageDeflate: false,
    maxPayload: SIGNALING_MAX_BYTES,
    closeTimeout: limits.closeMs,
    // A browser sends a message of 64 KiB in one frame, or a few.
    maxFragments: 64,
    maxBufferedChunks: 1024,
  };
  const sockets = new WebSocketServer(options);

  // The library wants a server to hand to `createWebSocketServer`, and starts when another Express app mounts it.
  const server = createServer();
  const host = ExpressPeerServer(server);
  const core = ExpressPeerServer(server, {
    key,
    path: '/',
    concurrent_limit: limits.sockets,
    cleanup_out_msgs: NEVER_MS,
    corsOptions: { origin: origins.length > 0 ? [...origins] : true },
    createWebSocketServer: () => sockets,
  });
  core.on('error', () => {
    // Without a listener an error ends the process; with PeerSocket in front the library has nothing to report.
  });
  host.disable('x-powered-by');
  host.use(core);

  return {
    sockets,
    connect: (peer, { id, token }) => {
      const query = new URLSearchParams({ id, token, key });
      sockets.emit('connection', peer, { url: `/peerjs?${query.toString()}` });
    },
    handle: (request, response) => {
      host(request, response);
    },
  };
}

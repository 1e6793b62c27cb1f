import { PeerServer } from 'peer';

/** peerjs-server as its README starts it, in a process of its own because the holes end it. Tells its parent the port. */
PeerServer({ port: 0, host: '127.0.0.1' }, (server) => process.send?.(server.address().port));
process.on('disconnect', () => process.exit(0));

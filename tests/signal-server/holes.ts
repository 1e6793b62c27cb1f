import { once } from 'node:events';
import { LIMITS } from '../../signal-server/limits.ts';
import type { Limits } from '../../signal-server/limits.ts';
import { Client, Pair, rawClient } from './client.ts';

/** Tries one hole of peerjs-server 1.0.2 on a server at a port of 127.0.0.1 and says whether it is there. */
export interface Hole {
  readonly name: string;
  readonly probe: (port: number) => Promise<'hole' | 'safe'>;
  /** Bounds of ours under which the hole shows soonest. */
  readonly limits?: Partial<Limits>;
}

const KIB = 1024;
const UNLIMITED = { burst: Number.MAX_SAFE_INTEGER, perSecond: 0 };

/** Whether a server still serves newcomers; false when its process has ended. */
async function lives(port: number): Promise<boolean> {
  try {
    return await (await Pair.open(port, 'newcomer')).talks();
  } catch {
    return false;
  }
}

function killer(name: string, text: string): Hole {
  return {
    name: `${name} ends the process`,
    async probe(port) {
      const client = await Client.open(port, 'attacker');
      client.send(text);
      await client.closed;
      return (await lives(port)) ? 'safe' : 'hole';
    },
  };
}

export const HOLES: readonly Hole[] = [
  {
    name: 'a malformed frame ends the process',
    async probe(port) {
      const socket = await rawClient(port, { id: 'attacker' });
      // All reserved bits and an unknown opcode (RFC 6455, section 5.2).
      socket.write(Buffer.from([0xff, 0x80, 0, 0, 0, 0]));
      socket.resume();
      await once(socket, 'close');
      return (await lives(port)) ? 'safe' : 'hole';
    },
  },
  killer('text that is not JSON', '{'),
  killer('JSON that is not an object', 'null'),
  {
    name: 'a message of 8 MiB is relayed',
    async probe(port) {
      const [attacker, victim] = [await Client.open(port, 'attacker'), await Client.open(port, 'victim')];
      attacker.offer('victim', 'x'.repeat(8 * KIB * KIB));
      return Promise.race([
        victim.next().then(() => 'hole' as const),
        attacker.closed.then(({ code }) => (code === 1009 ? ('safe' as const) : ('hole' as const))),
      ]);
    },
  },
  {
    name: 'after LEAVE a socket speaks on under an id that is now another’s',
    async probe(port) {
      const [old, victim] = [await Client.open(port, 'shared'), await Client.open(port, 'victim')];
      old.send({ type: 'LEAVE' });
      await old.heard();
      const heir = await Client.open(port, { id: 'shared', token: 'another' });
      old.offer('victim', 'from the old one');
      heir.offer('victim', 'from the heir');
      return Promise.race([
        victim.until(({ payload }) => payload === 'from the old one').then(() => 'hole' as const),
        old.closed.then(async ({ code }) => {
          const heard = await victim.next();
          return code === 1000 && heard?.payload === 'from the heir' ? ('safe' as const) : ('hole' as const);
        }),
      ]);
    },
  },
  {
    name: 'a reconnect with the same token gets no OPEN and leaves the old socket alive',
    async probe(port) {
      const old = await Client.open(port, 'again');
      const anew = Client.start(port, 'again');
      await once(anew.socket, 'open');
      const before = await anew.barrier();
      if (before[0]?.type !== 'OPEN') return 'hole';
      return (await old.closed).code === 4000 ? 'safe' : 'hole';
    },
  },
  {
    name: 'a socket may flood',
    async probe(port) {
      const client = await Client.open(port, 'attacker');
      const count = 3 * LIMITS.messages.burst;
      for (let n = 0; n < count; n++) client.offer('attacker', n);
      const heard = await client.until(({ payload }) => payload === count - 1);
      if (heard.length === count) return 'hole';
      return (await client.closed).code === 1008 ? 'safe' : 'hole';
    },
  },
  {
    name: 'one address may hold any number of sockets',
    limits: { socketsPerAddress: 20 },
    async probe(port) {
      const clients = Array.from({ length: 30 }, (_, n) => Client.start(port, `many-${n}`));
      const first = await Promise.all(clients.map((client) => client.next()));
      return first.every((message) => message?.type === 'OPEN') ? 'hole' : 'safe';
    },
  },
  {
    name: 'one address may connect at any rate',
    limits: { connectsPerMinute: 20 },
    async probe(port) {
      for (let n = 0; n < 30; n++) {
        const client = Client.start(port, `again-${n}`);
        if ((await client.next())?.type !== 'OPEN') return 'safe';
        await client.close();
      }
      return 'hole';
    },
  },
  {
    name: 'any number of messages is kept for an absent peer',
    async probe(port) {
      const client = await Client.open(port, 'attacker');
      const count = 3 * LIMITS.queue.perPeer.messages;
      for (let n = 0; n < count; n++) client.offer('absent', n);
      const expired = (await client.barrier()).filter(({ type }) => type === 'EXPIRE').length;
      const absent = await Client.open(port, 'absent');
      const kept = (await absent.barrier()).length;
      return kept < count && kept + expired === count ? 'safe' : 'hole';
    },
  },
  {
    name: 'a payload nested 20,000 deep closes the socket of the one it is sent to',
    async probe(port) {
      const [attacker, victim] = [await Client.open(port, 'attacker'), await Client.open(port, 'victim')];
      attacker.send(`{"type":"OFFER","dst":"victim","payload":${'['.repeat(20_000)}${']'.repeat(20_000)}}`);
      return Promise.race([
        victim.closed.then(() => 'hole' as const),
        attacker.closed.then(({ code }) => (code === 1008 ? ('safe' as const) : ('hole' as const))),
      ]);
    },
  },
  {
    name: 'messages for a client that does not read pile up in memory',
    limits: { messages: UNLIMITED, bytes: UNLIMITED },
    async probe(port) {
      const slow = await rawClient(port, { id: 'slow' });
      slow.pause();
      const client = await Client.open(port, 'attacker');
      const payload = 'x'.repeat(60 * KIB);
      // 30 MiB: what the kernel holds for a loopback connection is less (tcp_wmem and tcp_rmem, about 10 MiB).
      for (let n = 0; n < 512; n++) client.offer('slow', payload);
      const left = (await client.barrier()).some(({ type, src }) => type === 'LEAVE' && src === 'slow');
      slow.destroy();
      return left ? 'safe' : 'hole';
    },
  },
  {
    name: 'ids are given out under any key',
    async probe(port) {
      return (await fetch(`http://127.0.0.1:${port}/nonsense/id`)).ok ? 'hole' : 'safe';
    },
  },
];

/** What the real coturn refuses, configured as `npm run turn` configures it. */
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { turnCredential } from '../../signal-server/ice.ts';
import { Lab } from './lab.ts';
import type { Plug } from './lan.ts';
import { labRefusal } from './namespaces.ts';
import { LabRelay } from './relay.ts';
import { TurnClients } from './turn-client.ts';

const NORTH = 'north-secret';
const SOUTH = 'south-secret';
const PORT = 3478;

const refusal = await labRefusal();
if (refusal !== null) console.log(`Skipped: ${refusal}`);

/** Good for an hour from now, or with a negative number since then no more. */
function credentialOf(session: string, secret = NORTH, hours = 1) {
  return turnCredential(secret, session, Math.floor(Date.now() / 1000) + hours * 3600);
}

describe.skipIf(refusal !== null)('the relay', () => {
  let lab: Lab;
  let person: Plug;
  let server: Plug;
  let hidden: Plug;
  let relay: LabRelay;
  let clients: TurnClients;

  beforeAll(async () => {
    lab = Lab.open();
    const core = await lab.router('core');
    const internet = await lab.lan(core, '203.0.113', '2001:db8:0:0');
    const inside = await lab.lan(core, '192.168.7');
    person = await internet.plug(await lab.host('person'));
    server = await internet.plug(await lab.host('relay'));
    hidden = await inside.plug(await lab.host('hidden'));
  });
  afterAll(() => lab.close());

  afterEach(async () => {
    clients.close();
    await relay.close();
  });

  /** At the address of one of its hosts. */
  async function start({ host, address, address6 }: Plug, env: Readonly<Record<string, string>> = {}): Promise<void> {
    const addresses = [address, ...(address6 === null ? [] : [address6])];
    relay = await LabRelay.start({ host, addresses }, [NORTH], env);
    clients = TurnClients.start(person.host, address, PORT);
  }

  test('lets in a credential of the server, and nobody without one', async () => {
    await start(server);
    const anna = credentialOf('anna');
    const { code, relayed } = await clients.ask('anna', anna, 'allocate');
    expect([code, relayed]).toEqual([0, expect.stringMatching(/^203\.0\.113\.3:\d+$/)]);
    expect(await clients.ask('anna', anna, 'refresh')).toMatchObject({ code: 0 });
    expect(await clients.ask('guest', { username: 'guest', credential: 'guest' }, 'allocate')).toMatchObject({
      code: 401,
    });
  });

  test('refuses what has expired, what is forged, and what is another session’s', async () => {
    await start(server);
    const anna = credentialOf('anna');
    const berta = credentialOf('berta');
    const asks = [
      ['expired', credentialOf('anna', NORTH, -1)],
      ['forged', credentialOf('anna', SOUTH)],
      ['longer', { ...anna, username: anna.username.replace(/^\d+/, (expiry) => String(Number(expiry) + 1)) }],
      ['mixed', { username: anna.username, credential: berta.credential }],
    ] as const;
    for (const [name, credential] of asks) {
      expect([name, await clients.ask(name, credential, 'allocate')]).toEqual([name, { code: 401, relayed: null }]);
    }
  });

  test('lets nobody use what is another session’s, or say again what another has said', async () => {
    await start(server);
    const anna = credentialOf('anna');
    expect(await clients.ask('anna', anna, 'allocate')).toMatchObject({ code: 0 });
    expect(await clients.ask('listener', anna, 'replay', 'anna')).toMatchObject({ code: 438 });
    expect(await clients.ask('anna', credentialOf('berta'), 'permit', '203.0.113.1')).toMatchObject({ code: 441 });
    expect(await clients.ask('anna', credentialOf('berta'), 'refresh')).toMatchObject({ code: 441 });
    expect(await clients.ask('anna', anna, 'refresh')).toMatchObject({ code: 0 });
  });

  test('gives a session no more than its share, whichever credentials it has, and all together no more than there is', async () => {
    await start(server, { TURN_USER_QUOTA: '3', TURN_TOTAL_QUOTA: '5' });
    const codes: number[] = [];
    const asks = ['anna', 'anna', 'anna', 'anna', 'berta', 'berta', 'clara'];
    for (const [i, session] of asks.entries()) {
      codes.push((await clients.ask(`${session} ${i}`, credentialOf(session, NORTH, i + 1), 'allocate')).code);
    }
    expect(codes).toEqual([0, 0, 0, 486, 0, 0, 486]);
  });

  test('relays to public addresses only', async () => {
    await start(server);
    const anna = credentialOf('anna');
    await clients.ask('ipv4', anna, 'allocate');
    await clients.ask('ipv6', anna, 'allocate', true);
    const allowed = ['203.0.113.1', '203.0.113.3', '8.8.8.8', '2001:db8::1', '2606:4700::1111'];
    const refused = [
      ...[
        '0.0.0.0',
        '10.1.2.3',
        '100.64.0.1',
        '127.0.0.1',
        '127.9.9.9',
        '169.254.169.254',
        '172.16.0.1',
        '172.31.255.255',
      ],
      ...['192.168.7.2', '198.18.0.1', '224.0.0.251', '239.255.255.250', '255.255.255.255'],
      ...['::', '::1', '::7f00:1', '::ffff:127.0.0.1', '::ffff:192.168.7.2', '64:ff9b::7f00:1', '2002:7f00:1::1'],
      ...['fc00::1', 'fd12:3456::1', 'fe80::1', 'fec0::1', 'ff02::1', 'ff05::2'],
    ];
    const ask = async (peer: string): Promise<readonly number[]> => {
      const client = peer.includes(':') ? 'ipv6' : 'ipv4';
      const permitted = await clients.ask(client, anna, 'permit', peer);
      return [permitted.code, (await clients.ask(client, anna, 'bind', peer, 9)).code];
    };
    for (const peer of refused) expect([peer, ...(await ask(peer))]).toEqual([peer, 403, 403]);
    for (const peer of allowed) expect([peer, (await ask(peer))[0]]).toEqual([peer, 0]);
  });

  test('inside a private network, relays to itself and to none of its neighbors', async () => {
    await start(hidden);
    const anna = credentialOf('anna');
    expect(await clients.ask('anna', anna, 'allocate')).toMatchObject({ code: 0 });
    expect(await clients.ask('anna', anna, 'permit', hidden.address)).toMatchObject({ code: 0 });
    expect(await clients.ask('anna', anna, 'permit', '192.168.7.1')).toMatchObject({ code: 403 });
  });

  test('takes a second secret while it runs, and what the first has signed goes on', async () => {
    await start(server);
    const [old, young] = [credentialOf('anna'), credentialOf('berta', SOUTH)];
    expect(await clients.ask('anna', old, 'allocate')).toMatchObject({ code: 0 });
    expect(await clients.ask('berta', young, 'allocate')).toMatchObject({ code: 401 });
    await relay.addSecret(SOUTH);
    expect(await clients.ask('berta', young, 'allocate')).toMatchObject({ code: 0 });
    expect(await clients.ask('anna', old, 'refresh')).toMatchObject({ code: 0 });
    expect(await clients.ask('clara', credentialOf('clara'), 'allocate')).toMatchObject({ code: 0 });
  });

  test('after a restart knows all its secrets', async () => {
    await start(server);
    await relay.stop();
    await relay.start([SOUTH, NORTH]);
    for (const secret of [SOUTH, NORTH]) {
      expect(await clients.ask(secret, credentialOf('anna', secret), 'allocate')).toMatchObject({ code: 0 });
    }
  });
});

/** Routers translate and filter as their kind says. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Host } from './host.ts';
import { Lab } from './lab.ts';
import type { Lan } from './lan.ts';
import { labRefusal } from './namespaces.ts';
import { openHome, setPolicy, type Home, type Policy } from './nat.ts';
import { listen, probe } from './probe.ts';

const OPEN: Policy = { nat: 'port-restricted', egress: 'all' };
const INNER_PORT = 40_000;
/** Milliseconds for a test, in which some packets must count as dropped. */
const TEST_MS = 20_000;

const refusal = await labRefusal();
if (refusal !== null) console.log(`Skipped: ${refusal}`);

describe.skipIf(refusal !== null)('a router', { timeout: TEST_MS }, () => {
  let lab: Lab;
  let internet: Lan;
  let home: Home;
  let person: Host;

  beforeAll(async () => {
    lab = Lab.open();
    const core = await lab.router('core');
    internet = await lab.lan(core, '203.0.113');
    for (const port of [443, 3478]) await listen(core, 'mirror', port);
    home = await openHome(lab, 'home', internet, '192.168.1', OPEN);
    person = await lab.host('person');
    await home.lan.plug(person);
  });
  afterAll(() => lab.close());

  /** What two ports of one server on the internet see and answer. */
  async function ask(from: Host, port = INNER_PORT): Promise<string[][]> {
    const destinations = [443, 3478].map((to) => `${internet.gateway}:${to}`);
    return (await probe(from, 'ask', port, ...destinations)) as string[][];
  }

  async function connect(from: Host): Promise<boolean[]> {
    return (await probe(from, 'connect', `${internet.gateway}:443`, `${internet.gateway}:3478`)) as boolean[];
  }

  test('port-restricted: one outer port for all destinations, and only answers come in', async () => {
    await setPolicy(home.router, home.outside, OPEN);
    expect(await ask(person)).toEqual([[`203.0.113.2:${INNER_PORT}`], [`203.0.113.2:${INNER_PORT}`]]);
  });

  test('symmetric: another outer port for each destination, and only answers come in', async () => {
    await setPolicy(home.router, home.outside, { nat: 'symmetric', egress: 'all' });
    const [first = [], second = []] = await ask(person, INNER_PORT + 1);
    expect([first.length, second.length]).toEqual([1, 1]);
    expect(first[0]).toMatch(/^203\.0\.113\.2:/);
    expect(second[0]).not.toBe(first[0]);
  });

  test('none: the own address for all, and anything comes in', async () => {
    const office = await openHome(lab, 'office', internet, '198.51.100', { nat: 'none', egress: 'all' });
    const clerk = await lab.host('clerk');
    const { address } = await office.lan.plug(clerk);
    const seen = `${address}:${INNER_PORT}`;
    expect(await ask(clerk)).toEqual([
      [seen, seen],
      [seen, seen],
    ]);
  });

  test('no UDP out: TCP still goes', async () => {
    await setPolicy(home.router, home.outside, { nat: 'port-restricted', egress: 'no-udp' });
    expect(await ask(person, INNER_PORT + 2)).toEqual([[], []]);
    expect(await connect(person)).toEqual([true, true]);
  });

  test('only TCP to port 443 out', async () => {
    await setPolicy(home.router, home.outside, { nat: 'port-restricted', egress: 'tcp-443' });
    expect(await ask(person, INNER_PORT + 3)).toEqual([[], []]);
    expect(await connect(person)).toEqual([true, false]);
  });

  test('a home behind a carrier: both translate', async () => {
    const carrier = await openHome(lab, 'carrier', internet, '100.64.0', { nat: 'symmetric', egress: 'all' });
    const inner = await openHome(lab, 'inner', carrier.lan, '192.168.2', OPEN);
    const neighbor = await lab.host('neighbor');
    await inner.lan.plug(neighbor);
    const [first = [], second = []] = await ask(neighbor);
    expect(first[0]).toMatch(/^203\.0\.113\.\d+:/);
    expect(second[0]).not.toBe(first[0]);
  });

  test('two hosts that reach for each other at once meet through port-restricted routers', async () => {
    await setPolicy(home.router, home.outside, OPEN);
    const other = await openHome(lab, 'other', internet, '192.168.3', OPEN);
    const peer = await lab.host('peer');
    await other.lan.plug(peer);
    const [here = '', there = ''] = [(await ask(person)).flat()[0], (await ask(peer)).flat()[0]];
    const both = [
      probe(person, 'ask', INNER_PORT, there, there, there),
      probe(peer, 'ask', INNER_PORT, here, here, here),
    ];
    for (const heard of (await Promise.all(both)) as string[][][]) expect(heard.flat()).toContain('?');
  });
});

/** The check page in each kind of network: what it concludes, and what it found. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { explain } from '../../src/core/errors.ts';
import { Checks, type Checked } from './check.ts';
import { KINDS, type Kind } from './internet.ts';
import { labRefusal } from './namespaces.ts';

const refusal = await labRefusal();
if (refusal !== null) console.log(`Skipped: ${refusal}`);

const ANY = 'This device can connect to any other: directly where it can, else through the relay.';
const MOST = 'This device can connect directly to most others.';

/** Of a server with a relay, and of one without; null where that is out of reach. */
const SENTENCES: Readonly<Record<Kind, readonly [relayed: string, bare: string | null]>> = {
  open: [ANY, MOST],
  'port-restricted': [ANY, MOST],
  symmetric: [
    'This device can connect to any other, mostly through the relay.',
    'This network changes its ports for each connection, so this device reaches only some others.',
  ],
  carrier: [ANY, MOST],
  'no-udp': [
    'This network blocks direct connections; this device connects through the relay, over TCP.',
    explain('udp-blocked').sentence,
  ],
  'tcp-443': ['This network blocks direct connections; this device connects through the relay, over TLS.', null],
  ipv6: [ANY, 'This network has only IPv6, so this device connects directly only to others that have it too.'],
};

const FOUND = ['good', /^Found through STUN/u] as const;
const NO_STUN = ['not working', /^No STUN server answered/u] as const;
const UNTRANSLATED = ['good', /^No address translation/u] as const;
const SAME_PORT = ['good', /one public port for all/u] as const;
const UNTOLD = ['limited', /^Cannot be told without STUN/u] as const;
const WORKS = ['good', /^Works: \d+ ms/u] as const;
const NOT_REACHED = ['not working', /^Not reached/u] as const;

type Row = readonly [verdict: string, text: RegExp];
const reached = (address: Row, nat: Row, udp: Row, tcp: Row): Readonly<Record<string, Row>> => ({
  Signaling: ['good', /^Connected in \d+ ms/u],
  'Public address': address,
  'Kind of NAT': nat,
  'Relay over UDP': udp,
  'Relay over TCP': tcp,
  'Relay over TLS': WORKS,
  Offline: ['good', /opens without a network/u],
});

const ROWS: Readonly<Record<Kind, Readonly<Record<string, Row>>>> = {
  open: reached(FOUND, UNTRANSLATED, WORKS, WORKS),
  'port-restricted': reached(FOUND, SAME_PORT, WORKS, WORKS),
  symmetric: reached(FOUND, ['limited', /symmetric/u], WORKS, WORKS),
  carrier: reached(FOUND, SAME_PORT, WORKS, WORKS),
  'no-udp': reached(NO_STUN, UNTOLD, NOT_REACHED, WORKS),
  'tcp-443': reached(NO_STUN, UNTOLD, NOT_REACHED, NOT_REACHED),
  ipv6: reached(FOUND, UNTRANSLATED, WORKS, WORKS),
};

function expectRows({ rows }: Checked, expected: Readonly<Record<string, Row>>): void {
  for (const [name, [verdict, text]] of Object.entries(expected)) {
    expect([name, rows[name]]).toEqual([name, { verdict, text: expect.stringMatching(text) as string }]);
  }
}

describe.skipIf(refusal !== null)('[C13] the check page', () => {
  let checks: Checks;

  beforeAll(async () => {
    checks = await Checks.open();
  });
  afterAll(() => checks.close());

  test.for(KINDS)('judges a network rightly: %s', async (kind) => {
    const { relayed, bare } = await checks.in(kind);
    const [withRelay, without] = SENTENCES[kind];
    expect(relayed.sentence).toContain(withRelay);
    expectRows(relayed, ROWS[kind]);
    expect(Object.keys(relayed.rows).filter((name) => name.startsWith('Relay'))).toHaveLength(3);
    if (without === null || bare === null) {
      expect([without, bare]).toEqual([null, null]);
      return;
    }
    expect(bare.sentence).toContain(without);
    expectRows(bare, { 'Kind of NAT': ROWS[kind]['Kind of NAT'] ?? UNTOLD, Relay: ['limited', /has none/u] });
  });

  test('tells a browser that may not use UDP from a network that blocks it', async () => {
    const options = { policies: { WebRtcIPHandling: 'disable_non_proxied_udp' } };
    const { relayed, bare } = await checks.in('port-restricted', options);
    expect(relayed.sentence).toContain('This browser may not make direct connections; this device connects through');
    expect(bare?.sentence).toContain(explain('unsupported').sentence);
    expectRows(relayed, { 'Relay over UDP': NOT_REACHED, 'Relay over TCP': WORKS, 'Relay over TLS': WORKS });
  });
});

import { describe, expect, it } from 'vitest';
import { type Findings, findingsList, type Mapping, meaningOf, natKind } from '../../src/core/check.ts';
import { explain } from '../../src/core/errors.ts';

const UDP = 'turn:relay.example:3478?transport=udp';
const TLS = 'turns:relay.example:443?transport=tcp';
const works = (url: string) => ({ url, rttMs: 20, failure: null });
const fails = (url: string, failure: 'relay-refused' | 'relay-unreachable') => ({ url, rttMs: null, failure });

const findings = (change: Partial<Findings>): Findings => ({
  online: true,
  webrtc: true,
  signalingMs: 40,
  address: 'found',
  stun: [{ url: 'stun:a', answered: true }],
  onlyIpv6: false,
  nat: 'same',
  relays: [],
  room: { kind: 'opfs', freeBytes: 4e9 },
  camera: 'there',
  serviceWorker: true,
  ...change,
});
const silent = [{ url: 'stun:a', answered: false }];

describe('what the findings mean', () => {
  it.each<[string, string, Partial<Findings>]>([
    ['bad', explain('unsupported').sentence, { webrtc: false }],
    ['bad', explain('offline').sentence, { online: false, signalingMs: null }],
    ['bad', explain('server-unreachable').sentence, { signalingMs: null }],
    ['bad', explain('no-address').sentence, { address: 'none' }],
    ['bad', explain('unsupported').sentence, { address: 'forbidden', stun: silent, nat: 'unknown' }],
    ['good', 'This browser may not make direct', { address: 'forbidden', stun: silent, relays: [works(TLS)] }],
    ['bad', explain('udp-blocked').sentence, { stun: silent, nat: 'unknown' }],
    ['bad', explain('relay-unreachable').sentence, { stun: silent, relays: [fails(UDP, 'relay-unreachable')] }],
    [
      'fair',
      explain('relay-refused').sentence,
      { relays: [fails(TLS, 'relay-unreachable'), fails(UDP, 'relay-refused')] },
    ],
    ['fair', 'on its own network', { stun: [], nat: 'unknown' }],
    ['fair', 'only some others', { nat: 'changing' }],
    ['fair', 'perhaps only to some', { nat: 'unknown' }],
    ['fair', 'only IPv6', { onlyIpv6: true, nat: 'none' }],
    ['good', 'directly to most others', {}],
    ['good', 'directly where it can, else through the relay', { relays: [works(UDP)] }],
    ['good', 'mostly through the relay', { nat: 'changing', relays: [works(UDP)] }],
    ['good', 'through the relay, over TLS', { stun: silent, relays: [fails(UDP, 'relay-unreachable'), works(TLS)] }],
  ])('[C13] is %s: %s', (verdict, sentence, change) => {
    const meaning = meaningOf(findings(change));
    expect([meaning.verdict, meaning.sentence]).toEqual([verdict, expect.stringContaining(sentence)]);
  });

  it('has a line for each thing, also where nothing is configured', () => {
    const none = findingsList(findings({ stun: [], nat: 'unknown', room: null, camera: 'none', serviceWorker: false }));
    expect(none.map(({ name }) => name)).toEqual([
      ...['Signaling', 'Public address', 'Kind of NAT', 'Relay', 'Storage', 'Camera', 'Offline'],
    ]);
    for (const { text } of none) expect(text).toMatch(/^\p{Lu}.+\.$/u);
    const relays = findingsList(findings({ relays: [works(UDP), fails(TLS, 'relay-refused')] }));
    expect(relays.filter(({ name }) => name.startsWith('Relay')).map(({ verdict }) => verdict)).toEqual([
      'good',
      'bad',
    ]);
  });
});

it('[C13] has one row for each way to a relay, and the best of what it found there', () => {
  const [OTHER_UDP, OTHER_TLS] = [UDP, TLS].map((url) => url.replace('relay.example', '[2001:db8::7]')) as [
    string,
    string,
  ];
  const relays = [
    fails(OTHER_UDP, 'relay-unreachable'),
    works(UDP),
    fails(OTHER_TLS, 'relay-unreachable'),
    fails(TLS, 'relay-refused'),
  ];
  const rows = findingsList(findings({ relays })).filter(({ name }) => name.startsWith('Relay'));
  expect(rows).toEqual([
    { name: 'Relay over UDP', verdict: 'good', text: 'Works: 20 ms there and back.' },
    { name: 'Relay over TLS', verdict: 'bad', text: 'It refused this device.' },
  ]);
});

it('[C13] says why it cannot tell the kind of NAT', () => {
  const textOf = (change: Partial<Findings>) =>
    findingsList(findings({ nat: 'unknown', ...change })).find(({ name }) => name === 'Kind of NAT')?.text;
  expect(textOf({})).toContain('STUN servers at two addresses');
  expect(textOf({ stun: silent })).toContain('without STUN');
});

describe('the kind of NAT', () => {
  const [A, B] = ['a.example:3478', 'b.example:3478'];
  const seen = (server: string, address: string, family: 4 | 6 = 4): Mapping => ({ server, seen: address, family });
  const at = (server: string, family: 4 | 6 = 4): Mapping => seen(server, 'any', family);
  it.each<[string, Mapping[], Mapping[], string[]]>([
    ['unknown', [], [at(A), at(B)], []],
    ['none', [seen(A, '203.0.113.7:5')], [at(A)], ['203.0.113.7:5']],
    ['changing', [seen(A, '203.0.113.7:5'), seen(B, '203.0.113.7:6')], [at(A), at(B)], []],
    ['same', [seen(A, '203.0.113.7:5')], [at(A), at(B)], []],
    ['same', [seen(A, '203.0.113.7:5'), seen(A, '[2001:db8::1]:5', 6)], [at(A), at(B), at(A, 6)], []],
    ['same', [seen(A, '[2001:db8::1]:5', 6)], [at(A, 6), at(B, 6)], []],
    ['unknown', [seen(A, '203.0.113.7:5'), seen(B, '[2001:db8::1]:5', 6)], [at(A), at(B, 6)], []],
    ['unknown', [seen(A, '203.0.113.7:5')], [at(A)], []],
    ['unknown', [seen(A, '203.0.113.7:5')], [at(A), at('a.example:3479')], []],
    ['unknown', [seen(A, '203.0.113.7:5'), seen(A, '203.0.113.7:6')], [at(A), at(B)], []],
  ])('[C13] is %s for %j where alone %j', (kind, mappings, alone, own) => {
    expect(natKind(mappings, alone, new Set(own))).toBe(kind);
  });
});

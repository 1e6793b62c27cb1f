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
  hasAddress: true,
  stun: [{ url: 'stun:a', answered: true }],
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
    ['bad', explain('no-address').sentence, { hasAddress: false }],
    ['bad', explain('udp-blocked').sentence, { stun: silent, nat: 'unknown' }],
    ['bad', explain('relay-unreachable').sentence, { stun: silent, relays: [fails(UDP, 'relay-unreachable')] }],
    [
      'fair',
      explain('relay-refused').sentence,
      { relays: [fails(TLS, 'relay-unreachable'), fails(UDP, 'relay-refused')] },
    ],
    ['fair', 'on its own network', { stun: [], nat: 'unknown' }],
    ['fair', 'only some others', { nat: 'changing' }],
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

describe('the kind of NAT', () => {
  const [A, B] = ['a.example:3478', 'b.example:3478'];
  const seen = (server: string, address: string, family: 4 | 6 = 4): Mapping => ({ server, seen: address, family });
  it.each<[string, Mapping[], string[], string[]]>([
    ['unknown', [], [A, B], []],
    ['none', [seen(A, '203.0.113.7:5')], [A], ['203.0.113.7:5']],
    ['changing', [seen(A, '203.0.113.7:5'), seen(B, '203.0.113.7:6')], [A, B], []],
    ['same', [seen(A, '203.0.113.7:5')], [A, B], []],
    ['same', [seen(A, '203.0.113.7:5'), seen(A, '[2001:db8::1]:5', 6)], [A, B], []],
    ['unknown', [seen(A, '203.0.113.7:5')], [A], []],
    ['unknown', [seen(A, '203.0.113.7:5')], [A, 'a.example:3479'], []],
    ['unknown', [seen(A, '203.0.113.7:5'), seen(A, '203.0.113.7:6')], [A, B], []],
  ])('[C13] is %s for %j seen by %j', (kind, mappings, asked, own) => {
    expect(natKind(mappings, new Set(asked), new Set(own))).toBe(kind);
  });
});

import { describe, expect, it } from 'vitest';
import { pathOf, readPath } from '../../src/net/stats.ts';

type Report = Parameters<typeof pathOf>[0];
type Stats = Report extends ReadonlyMap<string, infer One> ? One : never;
type Of<Type extends Stats['type']> = Extract<Stats, { type: Type }>;
type Candidate = Partial<Of<'local-candidate' | 'remote-candidate'>>;

/** Chromium: short ids, more kinds of stats than are read, the address of a host candidate hidden behind mDNS. */
function chromium(local: Candidate, remote: Candidate, roundTrip: number | null = 0.0015): Report {
  const pair = { type: 'candidate-pair', localCandidateId: 'Ilocal', remoteCandidateId: 'Iremote' } as const;
  return new Map<string, Stats>([
    ['CFaa', { type: 'other' }],
    ['CPfailed', { ...pair, localCandidateId: 'Ia', currentRoundTripTime: 9 }],
    ['CPchosen', roundTrip === null ? pair : { ...pair, currentRoundTripTime: roundTrip }],
    ['Ia', { type: 'local-candidate', candidateType: 'relay', relayProtocol: 'tcp' }],
    ['Ilocal', { type: 'local-candidate', candidateType: 'host', ...local }],
    ['Iremote', { type: 'remote-candidate', candidateType: 'host', ...remote }],
    ['T01', { type: 'transport', selectedCandidatePairId: 'CPchosen' }],
  ]);
}

/** Firefox: ids in braces, several transports of which one has begun, and no address, or a word, where it hides it. */
function firefox(local: Candidate, remote: Candidate): Report {
  return new Map<string, Stats>([
    ['transport_id_1', { type: 'transport' }],
    ['transport_id_0', { type: 'transport', selectedCandidatePairId: '{b1}' }],
    [
      '{b1}',
      { type: 'candidate-pair', localCandidateId: '{l1}', remoteCandidateId: '{r1}', currentRoundTripTime: 0.02 },
    ],
    ['{l1}', { type: 'local-candidate', candidateType: 'host', address: null, ...local }],
    ['{r1}', { type: 'remote-candidate', candidateType: 'host', address: null, ...remote }],
  ]);
}

describe.each([
  ['Chromium', chromium, 1.5],
  ['Firefox', firefox, 20],
] as const)('the path that %s reports', (_, report, rttMs) => {
  it.each([
    ['two host candidates', {}, {}],
    ['one with a name of mDNS', {}, { address: '0b1e.local' }],
    ['one with a private address', {}, { address: '192.168.1.7' }],
    ['a remote seen from its packets, at a private address', {}, { candidateType: 'prflx', address: '192.168.1.7' }],
    ['one on 10/8', {}, { candidateType: 'prflx', address: '10.1.2.3' }],
    ['one on 172.16/12', {}, { candidateType: 'prflx', address: '172.31.255.1' }],
    ['one at a link-local address', {}, { candidateType: 'prflx', address: 'fe80::1' }],
    ['one at a unique local address', { candidateType: 'prflx', address: 'fd12::1' }, {}],
    ['one on this device', {}, { candidateType: 'prflx', address: '::1' }],
    ['a remote whose address is hidden', {}, { candidateType: 'prflx', address: '' }],
    ['a remote whose address Firefox hides', {}, { candidateType: 'prflx', address: '(redacted)' }],
  ] as const)('is the LAN for %s', (_, local, remote) => {
    expect(pathOf(report(local, remote))).toEqual({ kind: 'lan', relayProtocol: null, rttMs });
  });

  it.each([
    ['a reflexive candidate on this side', { candidateType: 'srflx', address: '192.168.1.7' }, {}],
    ['a reflexive candidate on the other', {}, { candidateType: 'srflx' }],
    ['a host with a public address', {}, { address: '203.0.113.9' }],
    ['a remote seen at a public address', {}, { candidateType: 'prflx', address: '203.0.113.9' }],
    ['one just outside 172.16/12', {}, { candidateType: 'prflx', address: '172.32.0.1' }],
    ['one at a public IPv6 address', {}, { candidateType: 'prflx', address: '2001:db8::1' }],
  ] as const)('is direct for %s', (_, local, remote) => {
    expect(pathOf(report(local, remote))).toEqual({ kind: 'direct', relayProtocol: null, rttMs });
  });

  it.each(['udp', 'tcp', 'tls'] as const)('is relayed over %s', (relayProtocol) => {
    const local = { candidateType: 'relay', relayProtocol } as const;
    expect(pathOf(report(local, {}))).toEqual({ kind: 'relay', relayProtocol, rttMs });
  });

  it('is relayed over UDP when only the other side uses a relay, however that reaches it', () => {
    expect(pathOf(report({}, { candidateType: 'relay' }))).toEqual({ kind: 'relay', relayProtocol: 'udp', rttMs });
  });
});

describe('a report that says little', () => {
  it('has no round trip before one was measured', () => {
    expect(pathOf(chromium({}, {}, null))).toMatchObject({ kind: 'lan', rttMs: null });
  });

  it.each([
    ['nothing', []],
    ['no selected pair', [['T01', { type: 'transport' }]]],
    ['a pair that is gone', [['T01', { type: 'transport', selectedCandidatePairId: 'CP1' }]]],
    [
      'candidates that are gone',
      [
        ['T01', { type: 'transport', selectedCandidatePairId: 'CP1' }],
        ['CP1', { type: 'candidate-pair', localCandidateId: 'a', remoteCandidateId: 'b' }],
      ],
    ],
    ['an id that names something else', [['T01', { type: 'transport', selectedCandidatePairId: 'T01' }]]],
  ] as [string, [string, Stats][]][])('gives no path for %s', (_, entries) => {
    expect(pathOf(new Map(entries))).toBeNull();
  });

  it('is read from a connection’s own map', async () => {
    const getStats = () => Promise.resolve(chromium({}, {}));
    const connection = { getStats } as unknown as RTCPeerConnection;
    expect(await readPath(connection)).toMatchObject({ kind: 'lan' });
  });
});

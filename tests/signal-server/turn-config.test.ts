import { describe, expect, it } from 'vitest';
import { isDeniedPeer, turnConfig } from '../../signal-server/turn-config.ts';
import type { RelayOptions } from '../../signal-server/turn-config.ts';

const OPTIONS: RelayOptions = {
  realm: 'turn.example.org',
  secrets: ['new', 'old'],
  addresses: [{ local: '198.51.100.7' }],
  port: 3478,
  tls: { port: 443, cert: '/etc/beeline/cert.pem', key: '/etc/beeline/key.pem' },
  relayPorts: [49_152, 65_535],
  userQuota: 240,
  totalQuota: 4_800,
  bytesPerSecond: 0,
  folder: '/var/lib/beeline',
};

const lines = (options: Partial<RelayOptions> = {}) => turnConfig({ ...OPTIONS, ...options }).split('\n');

describe('the configuration of coturn', () => {
  it('lets in what one of the secrets has signed, with quotas and fresh nonces', () => {
    expect(lines()).toEqual(
      expect.arrayContaining([
        'use-auth-secret',
        'static-auth-secret=new',
        'static-auth-secret=old',
        'realm=turn.example.org',
        'user-quota=240',
        'total-quota=4800',
        'stale-nonce=600',
        'fingerprint',
      ]),
    );
    expect(lines({ bytesPerSecond: 1_000_000 })).toContain('max-bps=1000000');
  });

  it('leaves out what is of no use to browsers', () => {
    expect(lines()).toEqual(
      expect.arrayContaining(['no-cli', 'no-multicast-peers', 'no-tcp-relay', 'no-dtls', 'no-rfc5780']),
    );
    expect(lines().filter((line) => /web-admin|allow-loopback|no-auth|lt-cred|server-relay/.test(line))).toEqual([]);
  });

  it('speaks TLS with a certificate, on port 443 if asked, and else not at all', () => {
    expect(lines()).toEqual(
      expect.arrayContaining([
        'tls-listening-port=443',
        'cert=/etc/beeline/cert.pem',
        'pkey=/etc/beeline/key.pem',
        'no-tlsv1',
      ]),
    );
    expect(lines({ tls: null })).toContain('no-tls');
  });

  it('begins no denied range with the unspecified address, which coturn takes for no lower bound in either family', () => {
    expect(lines().filter((line) => line.startsWith('denied-peer-ip=::-'))).toEqual([]);
  });

  it('relays to its own address, where that lies in a denied network', () => {
    const allowed = (...addresses: RelayOptions['addresses']) =>
      lines({ addresses }).filter((line) => line.startsWith('allowed-peer-ip'));
    expect(allowed({ local: '198.51.100.7' }, { local: '2a01:db8::7' })).toEqual([]);
    expect(allowed({ local: '10.0.0.7', public: '198.51.100.7' })).toEqual(['allowed-peer-ip=10.0.0.7']);
    expect(allowed({ local: 'fd00::7' })).toEqual(['allowed-peer-ip=fd00::7']);
  });

  it('tells the public address of a machine behind a NAT', () => {
    expect(lines({ addresses: [{ local: '10.0.0.7', public: '198.51.100.7' }] })).toEqual(
      expect.arrayContaining(['listening-ip=10.0.0.7', 'relay-ip=10.0.0.7', 'external-ip=198.51.100.7/10.0.0.7']),
    );
  });
});

describe('peers', () => {
  it.each([
    ...[
      '0.0.0.0',
      '10.0.0.1',
      '100.127.255.255',
      '127.0.0.1',
      '169.254.169.254',
      '172.31.0.1',
      '192.168.0.1',
      '224.0.0.1',
    ],
    ...['::1', '::ffff:10.0.0.1', '64:ff9b::a00:1', '2001::1', '2002:a00:1::1', 'fd00::1', 'fe80::1', 'ff02::1'],
  ])('%s is denied', (address) => expect(isDeniedPeer(address)).toBe(true));

  it.each([
    '1.1.1.1',
    '9.255.255.255',
    '11.0.0.0',
    '100.128.0.0',
    '172.32.0.1',
    '223.255.255.255',
    '2606:4700::1111',
    '2a00::1',
  ])('%s is not', (address) => expect(isDeniedPeer(address)).toBe(false));
});

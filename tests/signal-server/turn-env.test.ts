import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { ConfigError, readConfig } from '../../signal-server/env.ts';
import { keptSecret } from '../../signal-server/secret.ts';
import { readRelay } from '../../signal-server/turn-env.ts';

const OWN = ['192.0.2.7', '192.0.2.8', '2001:db8::7'];

describe('the environment of a relay', () => {
  it('has a default for everything', () => {
    expect(readRelay({}, OWN)).toEqual({
      options: {
        realm: 'beeline',
        addresses: OWN.map((local) => ({ local })),
        port: 3478,
        tls: null,
        relayPorts: [49_152, 65_535],
        userQuota: 240,
        totalQuota: 4_800,
        bytesPerSecond: 0,
      },
      secrets: undefined,
      urls: {
        stun: ['stun:192.0.2.7:3478', 'stun:192.0.2.8:3478', 'stun:[2001:db8::7]:3478'],
        turn: ['192.0.2.7', '192.0.2.8'].flatMap((host) => [
          `turn:${host}:3478?transport=udp`,
          `turn:${host}:3478?transport=tcp`,
        ]),
      },
    });
  });

  it('names one host in all URLs, and TLS with a certificate', () => {
    const env = {
      TURN_HOST: 'turn.example.org',
      TURN_ADDRESSES: '198.51.100.7/10.0.0.7, 2001:db8::7',
      TURN_TLS_PORT: '443',
      TURN_CERT: '/etc/cert.pem',
      TURN_KEY: '/etc/key.pem',
      TURN_SECRET: 'new,old',
    };
    const { options, secrets, urls } = readRelay(env, []);
    expect(options).toMatchObject({
      realm: 'turn.example.org',
      addresses: [{ public: '198.51.100.7', local: '10.0.0.7' }, { local: '2001:db8::7' }],
      tls: { port: 443, cert: '/etc/cert.pem', key: '/etc/key.pem' },
    });
    expect(secrets).toEqual(['new', 'old']);
    expect(urls.turn).toEqual([
      'turn:turn.example.org:3478?transport=udp',
      'turn:turn.example.org:3478?transport=tcp',
      'turns:turn.example.org:443?transport=tcp',
    ]);
  });

  it('gives the server what it reads: its URLs, and of several secrets the first to sign with', () => {
    const { urls } = readRelay({}, OWN);
    const config = readConfig({
      STUN_URLS: urls.stun.join(),
      TURN_URLS: urls.turn.join(),
      TURN_SECRET: 'new,old',
    });
    expect([config.stunUrls, config.turnUrls, config.turnSecret]).toEqual([urls.stun, urls.turn, 'new']);
  });

  it.each([
    ['TURN_HOST', 'turn:example.org'],
    ['TURN_ADDRESSES', 'example.org'],
    ['TURN_ADDRESSES', '192.0.2.7/10.0.0.7/10.0.0.8'],
    ['TURN_ADDRESSES', '192.0.2.7/fd00::7'],
    ['TURN_PORT', '0'],
    ['TURN_TLS_PORT', '65536'],
    ['TURN_CERT', 'cert.pem'],
    ['TURN_KEY', '/etc/key.pem\nno-auth'],
    ['TURN_SECRET', 'a b'],
    ['TURN_SECRET', 'a,,b'],
    ['TURN_SECRET', 'x'.repeat(513)],
    ['TURN_RELAY_PORTS', '1023-2000'],
    ['TURN_RELAY_PORTS', '50000-49999'],
    ['TURN_USER_QUOTA', '0'],
    ['TURN_TOTAL_QUOTA', 'many'],
    ['TURN_BYTES_PER_S', '-1'],
  ])('refuses %s=%s in one sentence that names it', (name, value) => {
    const read = () => readRelay({ [name]: value }, OWN);
    expect(read).toThrow(ConfigError);
    expect(read).toThrow(new RegExp(`^${name} must be [^\\n]*\\.$`));
  });

  it('refuses a certificate without its key, and a machine without an address', () => {
    expect(() => readRelay({ TURN_CERT: '/etc/cert.pem' }, OWN)).toThrow(
      /^TURN_CERT and TURN_KEY must be set together/,
    );
    expect(() => readRelay({}, [])).toThrow(/^TURN_ADDRESSES must be set/);
  });
});

describe('the secret', () => {
  it('is made once, for its owner’s eyes, and made anew when its file is spoilt', () => {
    const folder = join(mkdtempSync(join(tmpdir(), 'beeline-secret-')), 'turn');
    onTestFinished(() => rmSync(join(folder, '..'), { recursive: true }));
    const made = keptSecret(folder);
    expect(made).toMatch(/^[\w-]{43}$/);
    expect(keptSecret(folder)).toBe(made);
    expect(statSync(join(folder, 'secret')).mode & 0o777).toBe(0o600);
    writeFileSync(join(folder, 'secret'), 'short');
    expect(keptSecret(folder)).toMatch(/^(?!short)[\w-]{43}$/);
  });
});

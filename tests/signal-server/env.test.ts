import { describe, expect, it } from 'vitest';
import { ConfigError, readConfig } from '../../signal-server/env.ts';

describe('environment', () => {
  it('has a default for everything', () => {
    expect(readConfig({ PATH: '/bin', PORT: '', STUN_URLS: '  ' })).toEqual({
      port: 8080,
      host: undefined,
      key: 'peerjs',
      stunUrls: [],
      turnUrls: [],
      turnSecret: undefined,
      turnTtlS: 1800,
      logLevel: 'info',
      allowedOrigins: [],
      trustedProxies: 0,
    });
  });

  it('reads lists', () => {
    const config = readConfig({
      STUN_URLS: 'stun:a.example, stuns:[2001:db8::1]:5349',
      TURN_URLS: 'turn:192.0.2.1:3478?transport=tcp,turns:b.example',
      TURN_SECRET: 's',
      ALLOWED_ORIGINS: 'https://a.example,http://localhost:3000',
      TRUST_PROXY: 'true',
    });
    expect(config.stunUrls).toEqual(['stun:a.example', 'stuns:[2001:db8::1]:5349']);
    expect(config.turnUrls).toEqual(['turn:192.0.2.1:3478?transport=tcp', 'turns:b.example']);
    expect(config.allowedOrigins).toEqual(['https://a.example', 'http://localhost:3000']);
    expect(config.trustedProxies).toBe(1);
  });

  it.each([
    ['PORT', '65536'],
    ['PORT', '80a'],
    ['PORT', '-1'],
    ['HOST', 'http://x'],
    ['PEERJS_KEY', 'a/b'],
    ['STUN_URLS', 'stun://a.example'],
    ['STUN_URLS', 'stun:a.example,'],
    ['STUN_URLS', 'turn:a.example'],
    ['STUN_URLS', Array(9).fill('stun:a.example').join()],
    ['TURN_URLS', 'turn:a.example?transport=quic'],
    ['TURN_URLS', 'turn:user@a.example'],
    ['TURN_TTL_S', '599'],
    ['TURN_TTL_S', '3601'],
    ['LOG_LEVEL', 'loud'],
    ['ALLOWED_ORIGINS', 'a.example'],
    ['ALLOWED_ORIGINS', 'https://a.example/'],
    ['TRUST_PROXY', 'yes'],
  ])('refuses %s=%s in one sentence that names it', (name, value) => {
    const read = () => readConfig({ TURN_SECRET: 's', [name]: value });
    expect(read).toThrow(ConfigError);
    expect(read).toThrow(new RegExp(`^${name} must be [^\\n]*\\.$`));
  });

  it('refuses TURN without its secret, and does not repeat a secret', () => {
    expect(() => readConfig({ TURN_URLS: 'turn:a.example' })).toThrow(/^TURN_SECRET must be set/);
    expect(() => readConfig({ TURN_SECRET: 'hidden'.repeat(100) })).toThrow(/^TURN_SECRET (?!.*hidden)/);
  });
});

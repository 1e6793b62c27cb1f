import { expect, it } from 'vitest';
import type { FailedAttempt } from '../../src/core/diagnosis.ts';
import { failureReport, withoutHosts } from '../../src/core/report.ts';

const ADDRESSES = /203\.0\.113\.7|2001:db8|relay\.example|192\.0\.2\.3/u;

const attempt: FailedAttempt = {
  code: 'relay-refused',
  trace: {
    online: true,
    gathered: ['candidate:1 1 udp 1 203.0.113.7 5 typ srflx raddr 0.0.0.0 rport 0'],
    heard: ['candidate:1 1 udp 1 2001:db8::7 5 typ host'],
    errors: [{ url: 'turn:relay.example:3478?transport=udp', code: 401, text: 'Unauthorized from 192.0.2.3' }],
    steps: [{ of: 'ice', state: 'failed', atMs: 15_000 }],
  },
  answered: true,
  forMs: 15_100,
  iceServers: [{ urls: ['turn:relay.example:3478?transport=udp'], username: 'name', credential: 'secret' }],
};
const report = (withAddresses: boolean) =>
  failureReport({ browser: 'Test', code: 'relay-refused', signaling: 'open', attempt }, withAddresses);

it('[C12] holds no address and no host unless it may, and never a credential', () => {
  expect(report(false)).not.toMatch(ADDRESSES);
  expect(report(true)).toMatch(/203\.0\.113\.7[^]*2001:db8::7/u);
  for (const text of [report(false), report(true)]) {
    expect(text).not.toMatch(/secret|username/u);
    expect(text).toMatch(/error 401 of turn:[^]*15000 ms: ice failed/u);
  }
  expect(report(false)).toContain('gathered here: 1 srflx udp IPv4');
});

it('[C12] says so when nothing was tried', () => {
  const told = failureReport({ browser: 'T', code: 'server-unreachable', signaling: 'offline', attempt: null }, false);
  expect(told).toContain('reason: server-unreachable\nsignaling: offline');
  const unopened = failureReport({ browser: 'T', code: 'unsupported', signaling: null, attempt: null }, false);
  expect(unopened).toContain('reason: unsupported\nsignaling: not begun');
});

it.each([
  ['turns:[2001:db8::1]:443?transport=tcp', 'turns:(host):443?transport=tcp'],
  ['stun:192.0.2.1:3478', 'stun:(host):3478'],
  ['from 192.0.2.x to fe80::1', 'from (address) to (address)'],
  ['at 12:30, code 701', 'at 12:30, code 701'],
])('[C12] takes the hosts out of %s', (text, without) => {
  expect(withoutHosts(text)).toBe(without);
});

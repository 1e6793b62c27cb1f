import type { IncomingMessage } from 'node:http';
import { describe, expect, it } from 'vitest';
import { addressKey, clientAddress } from '../../signal-server/address.ts';

const from = (remoteAddress: string, forwarded?: string) =>
  ({ socket: { remoteAddress }, headers: { 'x-forwarded-for': forwarded } }) as unknown as IncomingMessage;

describe('address', () => {
  it.each([
    ['192.0.2.1', '192.0.2.1'],
    ['::ffff:192.0.2.1', '192.0.2.1'],
    ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2::/64'],
    ['2001:DB8:1:2::9', '2001:db8:1:2::/64'],
    ['2001:db8::1', '2001:db8:0:0::/64'],
    ['::1', '0:0:0:0::/64'],
    ['fe80::1%eth0', 'fe80:0:0:0::/64'],
    ['64:ff9b::192.0.2.1', '64:ff9b:0:0::/64'],
    ['unknown', 'unknown'],
  ])('%s counts as %s', (address, key) => {
    expect(addressKey(address)).toBe(key);
  });

  it('believes as many forwarded entries as there are proxies, from the end', () => {
    const request = from('192.0.2.1', '203.0.113.1, 203.0.113.2,203.0.113.3');
    expect([0, 1, 2].map((proxies) => clientAddress(request, proxies))).toEqual([
      '192.0.2.1',
      '203.0.113.3',
      '203.0.113.2',
    ]);
    expect(clientAddress(from('192.0.2.1', 'nonsense'), 1)).toBe('192.0.2.1');
    expect(clientAddress(from('192.0.2.1'), 1)).toBe('192.0.2.1');
  });
});

import { isIP, isIPv4 } from 'node:net';
import { networkInterfaces } from 'node:os';
import type { IncomingMessage } from 'node:http';

/**
 * The key under which a client is rate limited: its IPv4 address, or the /64 of its IPv6 address, because one household
 * is given at least that much.
 * `x-forwarded-for` counts only from behind `trustedProxies` proxies: each appends the address it saw, so the entry that many
 * from the end is the last one that a client cannot forge. No other header is believed.
 */
export function clientAddress(request: IncomingMessage, trustedProxies: number): string {
  const direct = request.socket.remoteAddress ?? 'unknown';
  if (trustedProxies === 0) return addressKey(direct);
  const header = request.headers['x-forwarded-for'];
  const entries = (Array.isArray(header) ? header.join(',') : (header ?? '')).split(',').map((entry) => entry.trim());
  const claimed = entries.at(-trustedProxies) ?? '';
  return addressKey(isIP(claimed) === 0 ? direct : claimed);
}

/** Shortens an IPv6 address to its /64 and unwraps an IPv4-mapped one. */
export function addressKey(address: string): string {
  const plain = address.split('%')[0] ?? address;
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(plain)?.[1];
  if (mapped !== undefined) return mapped;
  if (isIP(plain) !== 6) return plain;
  const [head = '', tail] = plain.split('::');
  const left = head === '' ? [] : head.split(':');
  const right = tail === undefined || tail === '' ? [] : tail.split(':');
  const rightLength = right.length + (right.at(-1)?.includes('.') ? 1 : 0);
  const zeros = tail === undefined ? 0 : Math.max(0, 8 - left.length - rightLength);
  const groups = [...left, ...Array<string>(zeros).fill('0'), ...right];
  return `${groups
    .slice(0, 4)
    .map((group) => (Number.parseInt(group, 16) || 0).toString(16))
    .join(':')}::/64`;
}

/** Addresses by which other devices may reach this machine, IPv4 first; without loopback and link-local ones. */
export function lanAddresses(): string[] {
  const found = Object.values(networkInterfaces())
    .flatMap((entries) => entries ?? [])
    .filter(({ internal, address }) => !internal && !/^(?:169\.254\.|fe80:)/i.test(address))
    .map(({ address }) => address);
  return [...new Set(found)].sort((a, b) => Number(isIPv4(b)) - Number(isIPv4(a)));
}

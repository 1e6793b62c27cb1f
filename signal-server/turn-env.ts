import { isIP, isIPv6 } from 'node:net';
import * as v from 'valibot';
import { ConfigError, HOST, integer, list, readVariables, secrets, SECRETS_EXPECTED } from './env.ts';
import type { Environment } from './env.ts';
import type { RelayAddress, RelayOptions } from './turn-config.ts';

/** What the environment says of a relay that runs here. */
export interface RelayEnvironment {
  readonly options: Omit<RelayOptions, 'secrets' | 'folder'>;
  /** Undefined when one is to be made and kept. */
  readonly secrets: readonly string[] | undefined;
  /** By which clients reach it; what the server's `STUN_URLS` and `TURN_URLS` take. */
  readonly urls: { readonly stun: readonly string[]; readonly turn: readonly string[] };
}

/**
 * Allocations of one session at a time. A connection takes one for each TURN URL and network, and a sender makes several
 * connections to each receiver.
 */
const USER_QUOTA = 240;
const TOTAL_QUOTA = 4_800;

/**
 * Hosts in the URLs without TURN_HOST. Of TURN with three URLs each, fewer than the eight that a page reads; of STUN one more,
 * because two addresses of one family tell what a NAT does with ports.
 */
const TURN_HOSTS = 2;
const STUN_HOSTS = 3;

function parseAddress(text: string): RelayAddress {
  const [first = '', local] = text.split('/');
  return local === undefined ? { local: first } : { public: first, local };
}

function isAddress(text: string): boolean {
  const parts = text.split('/');
  return parts.length <= 2 && parts.every((part) => isIP(part) === isIP(parts[0] ?? '') && isIP(part) !== 0);
}

/** A path in the file of coturn, which has neither quotes nor escapes. */
const path = v.pipe(v.string(), v.regex(/^\/\S{1,4095}$/));

const ports = v.pipe(
  v.string(),
  v.regex(/^\d{1,5}-\d{1,5}$/),
  v.transform((text) => text.split('-').map(Number)),
  v.tuple([v.pipe(v.number(), v.minValue(1024)), v.pipe(v.number(), v.maxValue(65_535))]),
  v.check(([first, last]) => first <= last),
);

const entries = {
  TURN_HOST: v.optional(v.pipe(v.string(), v.maxLength(253), v.regex(new RegExp(`^${HOST}$`)))),
  TURN_ADDRESSES: v.optional(
    v.pipe(
      list(isAddress),
      v.transform((items) => items.map(parseAddress)),
    ),
  ),
  TURN_PORT: v.optional(integer(1, 65_535), '3478'),
  TURN_TLS_PORT: v.optional(integer(1, 65_535), '5349'),
  TURN_CERT: v.optional(path),
  TURN_KEY: v.optional(path),
  TURN_SECRET: v.optional(secrets),
  TURN_RELAY_PORTS: v.optional(ports, '49152-65535'),
  TURN_USER_QUOTA: v.optional(integer(1, 1_000_000), String(USER_QUOTA)),
  TURN_TOTAL_QUOTA: v.optional(integer(1, 1_000_000), String(TOTAL_QUOTA)),
  TURN_BYTES_PER_S: v.optional(integer(0, 999_999_999), '0'),
};

const expected: Readonly<Record<keyof typeof entries, string>> = {
  TURN_HOST: 'a host name or an address, by which clients reach the relay',
  TURN_ADDRESSES:
    'a comma-separated list of at most 8 addresses of this machine, each with its public one in front if it has another: 198.51.100.7/10.0.0.7',
  TURN_PORT: 'a port from 1 to 65535',
  TURN_TLS_PORT: 'a port from 1 to 65535',
  TURN_CERT: 'the whole path of a PEM file, without spaces',
  TURN_KEY: 'the whole path of a PEM file, without spaces',
  TURN_SECRET: SECRETS_EXPECTED,
  TURN_RELAY_PORTS: 'two ports from 1024 to 65535, such as 49152-65535',
  TURN_USER_QUOTA: 'a whole number of allocations from 1',
  TURN_TOTAL_QUOTA: 'a whole number of allocations from 1',
  TURN_BYTES_PER_S: 'a whole number of bytes per second, 0 for no limit',
};

/**
 * Reads what a relay on this machine is to be like.
 * @param own addresses of this machine, for when none are given.
 * @throws {ConfigError} for a wrong value, a certificate without its key, or no address at all.
 */
export function readRelay(env: Environment, own: readonly string[]): RelayEnvironment {
  const value = readVariables(entries, expected, env);
  const addresses = value.TURN_ADDRESSES ?? own.map((local) => ({ local }));
  if (addresses.length === 0) {
    throw new ConfigError('TURN_ADDRESSES must be set: this machine has no address by which others may reach it.');
  }
  const { TURN_CERT: cert, TURN_KEY: key, TURN_HOST: host } = value;
  if ((cert === undefined) !== (key === undefined)) {
    throw new ConfigError('TURN_CERT and TURN_KEY must be set together: the certificate and its key.');
  }
  const tls = cert === undefined || key === undefined ? null : { port: value.TURN_TLS_PORT, cert, key };
  const hosts = host === undefined ? addresses.map(urlHost) : [host];
  return {
    options: {
      realm: host === undefined || host.startsWith('[') ? 'beeline' : host,
      addresses,
      port: value.TURN_PORT,
      tls,
      relayPorts: value.TURN_RELAY_PORTS,
      userQuota: value.TURN_USER_QUOTA,
      totalQuota: value.TURN_TOTAL_QUOTA,
      bytesPerSecond: value.TURN_BYTES_PER_S,
    },
    secrets: value.TURN_SECRET,
    urls: {
      stun: hosts.slice(0, STUN_HOSTS).map((name) => `stun:${name}:${value.TURN_PORT}`),
      turn: hosts.slice(0, TURN_HOSTS).flatMap((name) => turnUrls(name, value.TURN_PORT, tls?.port)),
    },
  };
}

function urlHost({ local, public: outer = local }: RelayAddress): string {
  return isIPv6(outer) ? `[${outer}]` : outer;
}

function turnUrls(host: string, port: number, tlsPort: number | undefined): string[] {
  const plain = [`turn:${host}:${port}?transport=udp`, `turn:${host}:${port}?transport=tcp`];
  return tlsPort === undefined ? plain : [...plain, `turns:${host}:${tlsPort}?transport=tcp`];
}

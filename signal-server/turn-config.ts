import { BlockList, isIPv6 } from 'node:net';

/** An address at which a relay is reached. */
export interface RelayAddress {
  /** One of the machine's own. */
  readonly local: string;
  /** What clients see of it, where a NAT with one public address per machine stands in front. */
  readonly public?: string;
}

/** What a relay is to do; `turnConfig` writes it down for coturn. */
export interface RelayOptions {
  /** Named in every challenge; letters, digits, `.` and `-`. */
  readonly realm: string;
  /** Each signs credentials that are accepted; several while one takes over from another. */
  readonly secrets: readonly string[];
  readonly addresses: readonly RelayAddress[];
  /** UDP and TCP. */
  readonly port: number;
  /** TCP; null without a certificate. */
  readonly tls: { readonly port: number; readonly cert: string; readonly key: string } | null;
  /** First and last UDP port of what is relayed: one for each allocation. */
  readonly relayPorts: readonly [number, number];
  /** Allocations of one session at a time. */
  readonly userQuota: number;
  /** Allocations of all sessions at a time. */
  readonly totalQuota: number;
  /** Bytes per second of one allocation, in each direction; 0 is no limit. */
  readonly bytesPerSecond: number;
  /** A folder of its own, for its database of secrets and its process id. */
  readonly folder: string;
}

/**
 * Networks to which nothing is relayed, as first and last address, because coturn 4.6 knows no prefixes: a relay stands
 * inside its operator's network, and must not be a way into it. Source: the IANA special-purpose address registries
 * (RFC 6890). The networks of examples (RFC 5737, RFC 3849) are missing: nobody is there. No range begins with `::`, which
 * coturn takes for no lower bound, below which all of IPv4 lies; it refuses that address by itself.
 */
export const DENIED_PEERS: readonly (readonly [first: string, last: string])[] = [
  ['0.0.0.0', '0.255.255.255'],
  ['10.0.0.0', '10.255.255.255'],
  ['100.64.0.0', '100.127.255.255'],
  ['127.0.0.0', '127.255.255.255'],
  ['169.254.0.0', '169.254.255.255'],
  ['172.16.0.0', '172.31.255.255'],
  ['192.0.0.0', '192.0.0.255'],
  ['192.88.99.0', '192.88.99.255'],
  ['192.168.0.0', '192.168.255.255'],
  ['198.18.0.0', '198.19.255.255'],
  ['224.0.0.0', '255.255.255.255'],
  // Loopback, and IPv4 in disguise: compatible, mapped, translated (RFC 6052, RFC 8215), Teredo and 6to4.
  ['::1', '::ffff:ffff'],
  ['::ffff:0:0', '::ffff:ffff:ffff'],
  ['64:ff9b::', '64:ff9b:1:ffff:ffff:ffff:ffff:ffff'],
  ['2001::', '2001:0:ffff:ffff:ffff:ffff:ffff:ffff'],
  ['2002::', '2002:ffff:ffff:ffff:ffff:ffff:ffff:ffff'],
  // Discarded, unique local, link-local, once site-local, and multicast.
  ['100::', '100::ffff:ffff:ffff:ffff'],
  ['fc00::', 'fdff:ffff:ffff:ffff:ffff:ffff:ffff:ffff'],
  ['fe80::', 'feff:ffff:ffff:ffff:ffff:ffff:ffff:ffff'],
  ['ff00::', 'ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff'],
];

type Family = 'ipv4' | 'ipv6';

const familyOf = (address: string): Family => (isIPv6(address) ? 'ipv6' : 'ipv4');

/** One list each, because Node finds an IPv4 address in the IPv6 range of mapped ones too. */
const denied: Readonly<Record<Family, BlockList>> = { ipv4: new BlockList(), ipv6: new BlockList() };
for (const [first, last] of DENIED_PEERS) denied[familyOf(first)].addRange(first, last, familyOf(first));

/** True for an address in `DENIED_PEERS`. */
export function isDeniedPeer(address: string): boolean {
  return denied[familyOf(address)].check(address, familyOf(address));
}

/**
 * The configuration of coturn 4.5 or later, as the text of its file.
 *
 * Two people who both need the relay meet at its own address, so that is allowed where it lies in a denied network. Then
 * whatever listens on UDP at that address can be reached over the relay; coturn has no finer rule.
 */
export function turnConfig(options: RelayOptions): string {
  const { realm, secrets, addresses, port, tls, relayPorts, userQuota, totalQuota, bytesPerSecond, folder } = options;
  const own = addresses.map(({ local }) => local);
  const translated = addresses.flatMap((address) =>
    address.public === undefined ? [] : [`external-ip=${address.public}/${address.local}`],
  );
  const lines = [
    '# Written by Beeline from the environment (signal-server/turn-config.ts).',
    `realm=${realm}`,
    ...own.map((address) => `listening-ip=${address}`),
    ...own.map((address) => `relay-ip=${address}`),
    ...translated,
    `listening-port=${port}`,
    `min-port=${relayPorts[0]}`,
    `max-port=${relayPorts[1]}`,
    '',
    ...(tls === null
      ? ['no-tls']
      : [`tls-listening-port=${tls.port}`, `cert=${tls.cert}`, `pkey=${tls.key}`, 'no-tlsv1', 'no-tlsv1_1']),
    '# No browser speaks TLS over UDP to a relay.',
    'no-dtls',
    '',
    '# Who may use it, and how much.',
    'use-auth-secret',
    ...secrets.map((secret) => `static-auth-secret=${secret}`),
    'fingerprint',
    'stale-nonce=600',
    `user-quota=${userQuota}`,
    `total-quota=${totalQuota}`,
    ...(bytesPerSecond === 0 ? [] : [`max-bps=${bytesPerSecond}`]),
    '',
    '# What it does not do.',
    'no-cli',
    'no-tcp-relay',
    'no-multicast-peers',
    'no-rfc5780',
    'no-stun-backward-compatibility',
    'response-origin-only-with-rfc5780',
    'no-software-attribute',
    '',
    '# Where it does not reach.',
    ...DENIED_PEERS.map(([first, last]) => `denied-peer-ip=${first}-${last}`),
    ...own.filter(isDeniedPeer).map((address) => `allowed-peer-ip=${address}`),
    '',
    `userdb=${folder}/turndb`,
    `pidfile=${folder}/turnserver.pid`,
    'log-file=stdout',
    'simple-log',
  ];
  return `${lines.join('\n')}\n`;
}

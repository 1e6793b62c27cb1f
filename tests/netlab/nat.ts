/** Routers between people and the internet: how they translate addresses, and what they let out. By nftables. */
import type { Host } from './host.ts';
import type { Lab } from './lab.ts';
import type { Lan, Plug } from './lan.ts';
import { ensureProgram } from '../programs.mjs';

/**
 * - `none`: routes, and lets in what comes.
 * - `port-restricted`: one outer port for all that an inner port speaks with, and in comes only what answers (RFC 4787:
 *   endpoint-independent mapping, address and port-dependent filtering). Netfilter keeps the inner port where it is free.
 * - `symmetric`: another random outer port for each destination (address and port-dependent mapping).
 */
export type Nat = 'none' | 'port-restricted' | 'symmetric';

/** What may go out: anything, all but UDP, or only connections to TCP port 443. */
export type Egress = 'all' | 'no-udp' | 'tcp-443';

export interface Policy {
  readonly nat: Nat;
  readonly egress: Egress;
}

/**
 * What is new from outside is dropped before it reaches the router itself too: an answer, or its mere memory of the
 * connection, would occupy the outer port that an inner host is about to punch its hole with.
 */
const KEEP_OUT = 'ct state new drop';

/** The rules as nftables reads them. @param outside device that leads to the internet. */
export function ruleset(outside: string, { nat, egress }: Policy): string {
  const out = `oifname "${outside}"`;
  const original = `${out} ct direction original`;
  const allowed: Record<Egress, readonly string[]> = {
    all: [],
    'no-udp': [`${out} meta l4proto udp drop`],
    'tcp-443': [`${original} meta l4proto != tcp drop`, `${original} tcp dport != 443 drop`],
  };
  const fromOutside = nat === 'none' ? [] : [`iifname "${outside}" ${KEEP_OUT}`];
  const translated: Record<Nat, readonly string[]> = {
    none: [],
    'port-restricted': [`${out} masquerade`],
    symmetric: [`${out} masquerade fully-random`],
  };
  return [
    'table inet router',
    'delete table inet router',
    'table inet router {',
    ...chain('input', 'filter hook input priority filter', fromOutside),
    ...chain('forward', 'filter hook forward priority filter', [...fromOutside, ...allowed[egress]]),
    ...chain('postrouting', 'nat hook postrouting priority srcnat', translated[nat]),
    '}',
  ].join('\n');
}

function chain(name: string, type: string, rules: readonly string[]): string[] {
  return [`chain ${name} {`, `type ${type};`, ...rules, '}'];
}

/** Sets what a router does, at once and instead of what it did. Connections it knows keep their ports. */
export async function setPolicy(router: Host, outside: string, policy: Policy): Promise<void> {
  await router.exec(ensureProgram('nft', 'nftables'), [ruleset(outside, policy)]);
}

/** Also drops what a router forwards and this matches, either way and from now on. */
export async function drop({ router }: Pick<Home, 'router'>, ...matches: readonly string[]): Promise<void> {
  const rules = matches.map((match) => `${match} drop`);
  const table = ['table inet dropped {', ...chain('forward', 'filter hook forward priority filter', rules), '}'];
  await router.exec(ensureProgram('nft', 'nftables'), [table.join('\n')]);
}

/** Drops nothing any more beside what its policy says. */
export async function dropNothing({ router }: Pick<Home, 'router'>): Promise<void> {
  const table = ['table inet dropped', 'delete table inet dropped'];
  await router.exec(ensureProgram('nft', 'nftables'), [table.join('\n')]);
}

/** Drops what a router forwards over UDP and this matches, once for each port that it comes from. */
export async function dropFirst({ router }: Pick<Home, 'router'>, match: string): Promise<void> {
  const rule = `${match} udp sport != @known add @known { udp sport } drop`;
  const table = [
    'table inet first {',
    'set known { type inet_service; size 65535; flags dynamic; }',
    ...chain('forward', 'filter hook forward priority filter', [rule]),
    '}',
  ];
  await router.exec(ensureProgram('nft', 'nftables'), [table.join('\n')]);
}

/** A network behind a router of its own. */
export interface Home {
  readonly router: Host;
  /** The router's device that leads outside, and its address there. */
  readonly outside: string;
  readonly address: string;
  /** Where its people are plugged in. */
  readonly lan: Lan;
}

/**
 * A router that is plugged into another network, with a network of its own behind it. A home in the network of a home has
 * two NATs in front of it, as one behind a carrier's has.
 * @param prefix of its own network, such as `192.168.1`. @param prefix6 such as `2001:db8:0:1`, which is never translated.
 */
export async function openHome(
  lab: Lab,
  name: string,
  upstream: Lan,
  prefix: string,
  policy: Policy,
  prefix6: string | null = null,
): Promise<Home> {
  const router = await lab.router(name);
  const { device, address, address6 } = await upstream.plug(router);
  const lan = await lab.lan(router, prefix, prefix6);
  if (policy.nat === 'none') await upstream.router.ip('route', 'add', lan.subnet, 'via', address);
  if (prefix6 !== null && address6 !== null) {
    await upstream.router.ip('-6', 'route', 'add', `${prefix6}::/64`, 'via', address6);
  }
  await setPolicy(router, device, policy);
  return { router, outside: device, address, lan };
}

/** Ports from which the guests of a hairpin speak: ranges of their own, because netfilter keeps a port but promises nothing. */
const GUEST_PORTS = [
  [20_000, 29_999],
  [30_000, 39_999],
] as const;

/**
 * Lets two hosts of one home reach each other by the outer address (RFC 4787, REQ-9). The outer port tells which of them
 * is meant, so this holds for what they open from now on.
 */
export async function hairpin({ router, address: outer, lan }: Home, guests: readonly [Plug, Plug]): Promise<void> {
  const inward = guests.map(({ address }, i) => {
    const [first, last] = GUEST_PORTS[i] ?? GUEST_PORTS[0];
    return `iifname "${lan.device}" ip daddr ${outer} udp dport ${first}-${last} dnat ip to ${address}`;
  });
  const table = [
    'table inet hairpin {',
    ...chain('prerouting', 'nat hook prerouting priority dstnat', inward),
    ...chain('postrouting', 'nat hook postrouting priority srcnat', [
      `oifname "${lan.device}" ct status dnat snat ip to ${outer}`,
    ]),
    '}',
  ].join('\n');
  await router.exec(ensureProgram('nft', 'nftables'), [table]);
  for (const [i, { host }] of guests.entries()) {
    const range = (GUEST_PORTS[i] ?? GUEST_PORTS[0]).join(' ');
    await host.exec('sh', ['-ec', `echo ${range} >/proc/sys/net/ipv4/ip_local_port_range`]);
  }
}

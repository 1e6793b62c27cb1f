/** Chromium on a host of the lab. Playwright speaks to it over pipes, for which namespaces do not matter. */
import { createHash } from 'node:crypto';
import { chmod, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { ensureChromium } from '../chromium.mjs';
import { Device } from '../e2e/browser.ts';
import type { Host } from './host.ts';

const CACHE = fileURLToPath(new URL('../../node_modules/.cache/netlab', import.meta.url));

/**
 * What Playwright switches off, which another `--disable-features` would switch on again and which matters to these pages,
 * and the hiding of host candidates behind names of mDNS, whose multicast no router forwards.
 */
const DISABLED = ['WebRtcHideLocalIpsWithMdns', 'HttpsUpgrades', 'HttpsFirstBalancedModeAutoEnable', 'PaintHolding'];

/** What an administrator's policies for this machine's Chromium lie in. Source: Debian's package, as Chromium's own builds. */
const POLICIES = '/etc/chromium';

/**
 * A program that starts Chromium in the namespace that `--netns=` names, so that it does so too after a crash. With
 * `--policies=`, that folder lies over the one of policies, for this browser alone: `ip netns exec` unshares mounts.
 */
async function writeWrapper(chromium: string): Promise<string> {
  const path = join(CACHE, 'chromium');
  const script = `#!/bin/sh
netns= policies=
for argument; do
  case $argument in
    --netns=*) netns=\${argument#--netns=} ;;
    --policies=*) policies=\${argument#--policies=} ;;
  esac
done
if [ -z "$policies" ]; then exec ip netns exec "$netns" '${chromium}' "$@"; fi
mkdir -p ${POLICIES}
exec ip netns exec "$netns" sh -ec 'mount --bind "$0" ${POLICIES}; exec "$@"' "$policies" '${chromium}' "$@"
`;
  await mkdir(CACHE, { recursive: true });
  await writeFile(path, script);
  await chmod(path, 0o755);
  return path;
}

/** The same folder for the same policies. */
async function writePolicies(policies: Readonly<Record<string, unknown>>): Promise<string> {
  const text = JSON.stringify(policies);
  const folder = join(CACHE, `policies-${createHash('sha256').update(text).digest('hex').slice(0, 16)}`);
  await mkdir(join(folder, 'policies', 'managed'), { recursive: true });
  await writeFile(join(folder, 'policies', 'managed', 'lab.json'), text);
  return folder;
}

let wrapper: Promise<string> | null = null;

/** What a person's browser is to be like, beside what every one in the lab is. */
export interface BrowserOptions {
  /** What a name resolves to; all others are asked of the system. */
  readonly names?: Readonly<Record<string, string>>;
  /** Enterprise policies: https://chromeenterprise.google/policies. */
  readonly policies?: Readonly<Record<string, unknown>>;
}

/**
 * A person's browser on a host.
 *
 * Service workers, WebCrypto and OPFS want a secure page. The origins given here count as one, which needs neither a
 * certificate (Chromium runs no service worker on one that it was told to ignore the errors of) nor a proxy on the host's
 * loopback address, over which the page's traffic would go instead of over the lab.
 *
 * @param origins such as `http://203.0.113.1:80`.
 */
export async function launchOn(
  host: Host,
  origins: readonly string[],
  { names = {}, policies }: BrowserOptions = {},
): Promise<Device> {
  const rules = Object.entries(names).map(([name, address]) => `MAP ${name} ${address}`);
  wrapper ??= writeWrapper(ensureChromium());
  const args = [
    `--netns=${host.netns}`,
    ...(policies === undefined ? [] : [`--policies=${await writePolicies(policies)}`]),
    `--disable-features=${DISABLED.join(',')}`,
    `--unsafely-treat-insecure-origin-as-secure=${origins.join(',')}`,
    ...(rules.length === 0 ? [] : [`--host-resolver-rules=${rules.join(',')}`]),
    // The relay's certificate is one of the lab. Pages here have none.
    '--ignore-certificate-errors',
  ];
  return Device.launch(args, await wrapper);
}

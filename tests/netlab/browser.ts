/** Chromium on a host of the lab. Playwright speaks to it over pipes, for which namespaces do not matter. */
import { chmod, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import process from 'node:process';
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

/** A program that starts Chromium in the namespace that `--netns=` names, so that it does so too after a crash. */
async function writeWrapper(chromium: string): Promise<string> {
  const path = join(CACHE, 'chromium');
  const script = `#!/bin/sh
for argument; do
  case $argument in --netns=*) exec ip netns exec "\${argument#--netns=}" '${chromium}' "$@" ;; esac
done
exec '${chromium}' "$@"
`;
  await mkdir(CACHE, { recursive: true });
  await writeFile(path, script);
  await chmod(path, 0o755);
  return path;
}

let wrapper: Promise<string> | null = null;

/**
 * A person's browser on a host.
 *
 * Service workers, WebCrypto and OPFS want a secure page. The origins given here count as one, which needs neither a
 * certificate (Chromium runs no service worker on one that it was told to ignore the errors of) nor a proxy on the host's
 * loopback address, over which the page's traffic would go instead of over the lab.
 *
 * @param origins such as `http://203.0.113.1:80`.
 * @param names what a name resolves to; all others are asked of the system.
 */
export async function launchOn(
  host: Host,
  origins: readonly string[],
  names: Readonly<Record<string, string>> = {},
): Promise<Device> {
  const rules = Object.entries(names).map(([name, address]) => `MAP ${name} ${address}`);
  wrapper ??= writeWrapper(ensureChromium());
  process.env.CHROMIUM_PATH = await wrapper;
  return Device.launch([
    `--netns=${host.netns}`,
    `--disable-features=${DISABLED.join(',')}`,
    `--unsafely-treat-insecure-origin-as-secure=${origins.join(',')}`,
    ...(rules.length === 0 ? [] : [`--host-resolver-rules=${rules.join(',')}`]),
    // The relay's certificate is one of the lab. Pages here have none.
    '--ignore-certificate-errors',
  ]);
}

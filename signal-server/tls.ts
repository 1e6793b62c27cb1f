import { X509Certificate } from 'node:crypto';
import { chmodSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { isIP } from 'node:net';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { generate } from 'selfsigned';
import { lanAddresses } from './address.ts';

/** A certificate and its key, both PEM. */
export interface Certificate {
  readonly cert: string;
  readonly key: string;
}

const DAY_MS = 24 * 60 * 60 * 1000;
/** Apple's systems refuse certificates good for more than 825 days, and public ones for more than 398. */
const LIFETIME_MS = 397 * DAY_MS;
/** A certificate this close to its end is made anew. */
const RENEW_MS = 7 * DAY_MS;

/** Names and addresses by which this machine is reached now: also its mDNS name, by which Apple's systems find it. */
export function ownHosts(): string[] {
  const name = hostname().toLowerCase();
  const valid = /^[a-z0-9](?:[a-z0-9.-]{0,251}[a-z0-9])?$/.test(name);
  const names = !valid ? [] : name.includes('.') || name === 'localhost' ? [name] : [name, `${name}.local`];
  return [...new Set(['localhost', ...names, '127.0.0.1', '::1', ...lanAddresses()])];
}

/**
 * Answers the certificate kept in `folder`, or makes and keeps one when there is none, it ends within 7 days of `now`, or it does not
 * cover one of `hosts`: a person who has accepted it once is not asked again. ECDSA P-256, self-signed, no authority over
 * other names. The key file is readable by its owner alone.
 */
export async function keptCertificate(
  folder: string,
  hosts: readonly string[],
  now = new Date(),
): Promise<Certificate> {
  const at = { cert: join(folder, 'cert.pem'), key: join(folder, 'key.pem') };
  const kept = readKept(at);
  if (kept && isGood(kept, hosts, now)) return kept;

  const made = await generate([{ name: 'commonName', value: 'Beeline on this network' }], {
    keyType: 'ec',
    curve: 'P-256',
    algorithm: 'sha256',
    notBeforeDate: new Date(now.getTime() - DAY_MS),
    notAfterDate: new Date(now.getTime() - DAY_MS + LIFETIME_MS),
    extensions: [
      { name: 'basicConstraints', cA: false, critical: true },
      { name: 'keyUsage', digitalSignature: true, critical: true },
      { name: 'extKeyUsage', serverAuth: true },
      {
        name: 'subjectAltName',
        altNames: hosts.map((host) => (isIP(host) === 0 ? { type: 2, value: host } : { type: 7, ip: host })),
      },
    ],
  });
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  writeFileSync(at.key, made.private, { mode: 0o600 });
  chmodSync(at.key, 0o600);
  writeFileSync(at.cert, made.cert);
  return { cert: made.cert, key: made.private };
}

function readKept(at: Certificate): Certificate | undefined {
  try {
    return { cert: readFileSync(at.cert, 'utf8'), key: readFileSync(at.key, 'utf8') };
  } catch {
    return undefined;
  }
}

function isGood({ cert }: Certificate, hosts: readonly string[], now: Date): boolean {
  try {
    const certificate = new X509Certificate(cert);
    const covers = (host: string) =>
      (isIP(host) === 0 ? certificate.checkHost(host) : certificate.checkIP(host)) !== undefined;
    return new Date(certificate.validTo).getTime() > now.getTime() + RENEW_MS && hosts.every(covers);
  } catch {
    return false;
  }
}

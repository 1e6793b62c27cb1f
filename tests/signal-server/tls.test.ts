import { X509Certificate, createPrivateKey } from 'node:crypto';
import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { keptCertificate, ownHosts } from '../../signal-server/tls.ts';

const HOSTS = ['localhost', 'box.local', '127.0.0.1', '::1', '192.0.2.7'];
const NOW = new Date('2030-01-01T00:00:00Z');
const days = (count: number) => new Date(NOW.getTime() + count * 24 * 60 * 60 * 1000);

let folder: string;
beforeEach(() => {
  folder = join(mkdtempSync(join(tmpdir(), 'beeline-tls-')), 'tls');
});
afterEach(() => rmSync(join(folder, '..'), { recursive: true }));

describe('certificate', () => {
  it('is ECDSA, covers every host, and its key is for the owner’s eyes', async () => {
    const { cert, key } = await keptCertificate(folder, HOSTS, NOW);
    const certificate = new X509Certificate(cert);
    expect(certificate.publicKey.asymmetricKeyType).toBe('ec');
    expect(certificate.checkPrivateKey(createPrivateKey(key))).toBe(true);
    expect(certificate.ca).toBe(false);
    expect(HOSTS.map((host) => certificate.checkHost(host) ?? certificate.checkIP(host))).toEqual(HOSTS);
    expect(statSync(join(folder, 'key.pem')).mode & 0o777).toBe(0o600);
    expect(new Date(certificate.validTo).getTime()).toBeLessThan(days(398).getTime());
  });

  it('is kept, while it is good and covers what is needed', async () => {
    const first = await keptCertificate(folder, HOSTS, NOW);
    expect(await keptCertificate(folder, HOSTS, days(300))).toEqual(first);
    expect(await keptCertificate(folder, HOSTS.slice(2), NOW)).toEqual(first);
  });

  it('is made anew for a new address, near its end, and when the file is spoilt', async () => {
    const first = await keptCertificate(folder, HOSTS, NOW);
    const second = await keptCertificate(folder, [...HOSTS, '192.0.2.8'], NOW);
    expect(second).not.toEqual(first);
    const third = await keptCertificate(folder, HOSTS, days(390));
    expect(third).not.toEqual(second);
    writeFileSync(join(folder, 'cert.pem'), 'spoilt');
    expect(await keptCertificate(folder, HOSTS, days(390))).not.toEqual(third);
  });

  it('can be made for this very machine', async () => {
    expect(ownHosts()).toEqual(expect.arrayContaining(['localhost', '127.0.0.1', '::1']));
    const first = await keptCertificate(folder, ownHosts());
    expect(await keptCertificate(folder, ownHosts())).toEqual(first);
  });
});

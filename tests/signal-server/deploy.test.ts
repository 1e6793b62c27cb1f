/** What lies in deploy/ is what the program reads and writes. */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseEnv } from 'node:util';
import { describe, expect, it, onTestFinished } from 'vitest';
import { readConfig } from '../../signal-server/env.ts';
import { keptCertificate } from '../../signal-server/tls.ts';
import { turnConfig } from '../../signal-server/turn-config.ts';
import { readRelay } from '../../signal-server/turn-env.ts';

const DEPLOY = fileURLToPath(new URL('../../deploy', import.meta.url));
const FOLDER = '/opt/beeline/.data/turn';
const NGINX = '/usr/sbin/nginx';
const ANALYZE = '/usr/bin/systemd-analyze';

const read = (name: string) => readFileSync(join(DEPLOY, name), 'utf8');
const env = parseEnv(read('beeline.env'));

function temporary(): string {
  const folder = mkdtempSync(join(tmpdir(), 'beeline-deploy-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  return folder;
}

describe('deploy/', () => {
  it('beeline.env is understood by both programs, and tells the page of the relay that it configures', () => {
    const { urls } = readRelay(env, []);
    const config = readConfig(env);
    expect([config.stunUrls, config.turnUrls]).toEqual([urls.stun, urls.turn]);
  });

  it('turnserver.conf is what beeline.env becomes', () => {
    const { options, secrets = [] } = readRelay(env, []);
    expect(read('turnserver.conf')).toBe(turnConfig({ ...options, secrets, folder: FOLDER }));
  });

  it.skipIf(!existsSync(ANALYZE)).each(['beeline.service', 'beeline-turn.service'])('%s is a unit', (name) => {
    const folder = temporary();
    // Programs, users and files of the host it is for are not here.
    const unit = read(name)
      .replace(/^User=.*$/m, '')
      .replace(/^(EnvironmentFile=|WorkingDirectory=|Documentation=).*$/gm, '')
      .replace('/usr/bin/node', process.execPath);
    writeFileSync(join(folder, name), unit);
    const { status, stderr } = spawnSync(ANALYZE, ['verify', '--man=no', join(folder, name)], { encoding: 'utf8' });
    expect([status, stderr.split('\n').filter((line) => line.includes(name))]).toEqual([0, []]);
  });

  it.skipIf(!existsSync(NGINX))('nginx.conf is a site', async () => {
    const folder = temporary();
    await keptCertificate(folder, ['beeline.example.org']);
    const site = read('nginx.conf')
      .replaceAll(/\S+\/fullchain\.pem/g, `${folder}/cert.pem`)
      .replaceAll(/\S+\/privkey\.pem/g, `${folder}/key.pem`)
      // Ports and addresses of that host: a socket in the folder for each.
      .replaceAll(/listen \S+?( ssl http2)?;/g, (_, flags: string | undefined, at: number) => {
        return `listen unix:${folder}/${at}.sock${flags ?? ''};`;
      });
    const kinds = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'];
    const paths = ['access_log off;', ...kinds.map((kind) => `${kind}_temp_path ${folder}/${kind};`)];
    writeFileSync(
      join(folder, 'nginx.conf'),
      `pid ${folder}/pid; error_log stderr; events {}\nhttp {\n${paths.join('\n')}\n${site}\n}\n`,
    );
    const { status, stderr } = spawnSync(NGINX, ['-t', '-c', join(folder, 'nginx.conf')], { encoding: 'utf8' });
    expect([status, stderr]).toEqual([0, expect.stringContaining('test is successful')]);
  });
});

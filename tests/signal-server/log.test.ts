import { afterEach, describe, expect, it } from 'vitest';
import { Client, Pair } from './client.ts';
import { startOurs } from './targets.ts';
import type { Ours } from './targets.ts';

let ours: Ours | undefined;
afterEach(async () => {
  await ours?.stop();
  ours = undefined;
});

/** A day of a server in short: honest clients, refused ones, an answer and an error each. */
async function live(target: Ours): Promise<void> {
  const { port } = target;
  expect(await (await Pair.open(port)).talks()).toBe(true);
  const bad = await Client.open(port, 'secret-id');
  await fetch(`http://127.0.0.1:${port}/api/ice?id=secret-id`, {
    headers: { authorization: 'Bearer token-of-secret-id' },
  });
  bad.send('{"secret-name.txt":');
  await bad.closed;
  const thief = Client.start(port, { id: 'honest-a', token: 'secret-token' });
  await thief.closed;
  await target.app.close();
}

describe('log', () => {
  it('has no id, token, address or payload at the default level', async () => {
    ours = await startOurs();
    await live(ours);
    const lines = ours.logged();
    expect(lines).toContain('"refused":{"json":1,"id-taken":1}');
    expect(lines).not.toMatch(/secret|honest|127\.0\.0\.1|token-of/);
  });

  it('has ids and addresses, but no tokens, when debugging', async () => {
    ours = await startOurs({ logLevel: 'debug' });
    await live(ours);
    expect(ours.logged()).toMatch(/"id":"secret-id","address":"127\.0\.0\.1"/);
    expect(ours.logged()).not.toMatch(/secret-token|token-of|secret-name/);
  });
});

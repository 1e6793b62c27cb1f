import { afterEach, describe, expect, it, vi } from 'vitest';
import { Pair } from './client.ts';
import { HOLES } from './holes.ts';
import { startBare, startOurs } from './targets.ts';
import type { Target } from './targets.ts';

/** Processes start and sockets close slowly on a busy machine; none of these tests is about speed. */
vi.setConfig({ testTimeout: 60_000 });

let target: Target | undefined;
afterEach(async () => {
  await target?.stop();
  target = undefined;
});

describe.each(HOLES)('$name', ({ probe, limits = {} }) => {
  it('not here, and two honest clients talk on', async () => {
    target = await startOurs({ limits });
    const pair = await Pair.open(target.port);
    expect(await probe(target.port)).toBe('safe');
    expect(await pair.talks()).toBe(true);
  });

  it('in peerjs-server alone', async () => {
    target = await startBare();
    expect(await probe(target.port)).toBe('hole');
  });
});

/** The link does what its shape says, and nothing of a lab outlives its owner. */
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Lab } from './lab.ts';
import { PERFECT, type Link } from './link.ts';
import { addNamespace, labRefusal, sweep } from './namespaces.ts';
import { listen, probe } from './probe.ts';
import { median } from '../bench/report.ts';

const PORT = 9;

interface Counted {
  readonly packets: number;
  /** Of IP packets. */
  readonly bytes: number;
  /** From the first to the last. */
  readonly ms: number;
}

const refusal = await labRefusal();
if (refusal !== null) console.log(`Skipped: ${refusal}`);

describe.skipIf(refusal !== null)('a shaped link', () => {
  let lab: Lab;
  let link: Link;

  beforeAll(async () => {
    lab = Lab.open();
    link = await lab.link(await lab.host('a'), await lab.host('b'), PERFECT);
  });
  afterAll(() => lab.close());

  test('a packet takes half the round-trip time each way', async () => {
    await link.shape({ ...PERFECT, rttMs: 60 });
    const rtts = await ping(link, 9);
    expect(rtts).toHaveLength(9);
    expect(median(rtts) / 60).toBeGreaterThan(0.97);
    expect(median(rtts) / 60).toBeLessThan(1.5);
  });

  test('packets are lost as often as asked, each by itself', async () => {
    await link.shape({ ...PERFECT, loss: 0.05 });
    const { packets } = await flood(link, { packets: 2_000, bytes: 100, perSecond: 4_000 });
    // Binomial: a mean of 100 lost, and five times its standard deviation of 9.7.
    expect(2_000 - packets).toBeGreaterThan(51);
    expect(2_000 - packets).toBeLessThan(149);
  });

  test('packets lost in bursts are as many', async () => {
    await link.shape({ ...PERFECT, loss: 0.1, burst: 4 });
    const before = (await link.traffic()).ab.lost;
    const { packets } = await flood(link, { packets: 2_000, bytes: 100, perSecond: 4_000 });
    expect((await link.traffic()).ab.lost - before).toBe(2_000 - packets);
    // A mean of 200; runs of four make the standard deviation 2.5 times that of single losses, so about 33.
    expect(2_000 - packets).toBeGreaterThan(35);
    expect(2_000 - packets).toBeLessThan(365);
  });

  test('what comes faster than the rate is dropped when the queue is full, and the rest arrives at the rate', async () => {
    await link.shape({ ...PERFECT, rateMbit: 20, queueBytes: 32_768 });
    const before = (await link.traffic()).ab;
    const { packets, bytes, ms } = await flood(link, { packets: 2_500, bytes: 1_200, perSecond: 3_600 });
    const after = (await link.traffic()).ab;
    expect((bytes * 8) / 1_000 / ms / 20).toBeGreaterThan(0.8);
    expect((bytes * 8) / 1_000 / ms / 20).toBeLessThan(1.05);
    expect(after.dropped - before.dropped).toBe(2_500 - packets);
    expect(after.lost).toBe(before.lost);
  });

  test('a link that is down loses everything, one direction or both', async () => {
    await link.shape(PERFECT);
    await link.down(['ba']);
    const before = await link.traffic();
    expect(await ping(link, 1)).toEqual([]);
    const during = await link.traffic();
    expect(during.ab.packets - before.ab.packets).toBe(1);
    expect(during.ba.dropped - before.ba.dropped).toBe(1);
    await link.up();
    expect(await ping(link, 1)).toHaveLength(1);
  });
});

describe.skipIf(refusal !== null)('a lab', () => {
  test('leaves nothing behind', async () => {
    const lab = Lab.open();
    const router = await lab.router('router');
    const host = await lab.host('host');
    await (await lab.lan(router, '192.168.1')).plug(host);
    host.spawn('sleep', ['600']);
    await lab.close();
    expect(await namespaces()).not.toMatch(`${host.netns}\n`);
    expect(await namespaces()).not.toMatch(`${router.netns}\n`);
  });

  test('what a killed owner left is swept, with the processes in it', async () => {
    const owner = spawn('sleep', ['600']);
    const stat = `/proc/${String(owner.pid)}/stat`;
    const start = (await promisify(execFile)('cut', ['-d', ' ', '-f', '22', stat])).stdout.trim();
    const name = `beeline-${String(owner.pid)}-${start}-1-left`;
    await addNamespace(name);
    const inside = spawn('ip', ['netns', 'exec', name, 'sleep', '600']);
    const gone = Promise.all([once(owner, 'exit'), once(inside, 'exit')]);
    expect(sweep()).not.toContain(name);
    owner.kill('SIGKILL');
    await once(owner, 'exit');
    expect(sweep()).toContain(name);
    await gone;
    expect(await namespaces()).not.toContain(name);
  });
});

async function namespaces(): Promise<string> {
  return (await promisify(execFile)('ip', ['netns', 'list'])).stdout;
}

/** Round-trip times in ms of the packets that came back. */
async function ping({ a, b }: Link, times: number): Promise<number[]> {
  const end = await listen(b.host, 'echo', PORT);
  const rtts = await probe(a.host, 'ping', b.address, PORT, times);
  await end();
  return rtts as number[];
}

interface Flood {
  readonly packets: number;
  /** Of an IP packet. */
  readonly bytes: number;
  readonly perSecond: number;
}

/** What arrives at the other end. */
async function flood({ a, b }: Link, { packets, bytes, perSecond }: Flood): Promise<Counted> {
  const end = await listen(b.host, 'count', PORT);
  await probe(a.host, 'flood', b.address, PORT, packets, bytes, perSecond);
  return (await end()) as Counted;
}

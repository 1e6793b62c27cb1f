/** [C17] A page dials before what receives has come: its session goes on with that dial, whatever has become of it. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { PIECE_BYTES } from '../../src/core/limits.ts';
import type { Signaling } from '../../src/core/ports.ts';
import { type Dial, dialSender } from '../../src/flow/handshake.ts';
import { randomId } from '../../src/flow/random-id.ts';
import { Receiving } from '../../src/flow/receiving.ts';
import { ManualClock } from '../doubles/clock.ts';
import { acceptAll, at, holdOffers, openScene, type Scene, type TestWorld, until } from '../doubles/world.ts';

let scene: Scene;
let world: TestWorld;
let id: string;
let signaling: Signaling;
let dial: Dial;
let receiving: Receiving | null;

beforeEach(async () => {
  scene = await openScene([3 * PIECE_BYTES]);
  world = scene.world;
  receiving = null;
});

afterEach(() => {
  receiving?.close();
  scene.close();
});

function begin(): void {
  id = randomId(world);
  signaling = world.signaling.connect(id);
  signaling.onmessage = (message) => dial.receive(message);
  dial = dialSender(world, signaling, scene.identity.keys, id, true);
}

function adopt(): Receiving {
  const line = { id, signaling, dial, takeOffer: () => null };
  receiving = new Receiving(world, scene.identity.keys, Promise.resolve(null), line);
  return receiving;
}

async function arrivesOverOneLane(session: Receiving): Promise<void> {
  await arrives(session);
  expect(scene.world.lanes.lanes).toHaveLength(1);
}

async function arrives(session: Receiving): Promise<void> {
  await acceptAll(session);
  await until(session, at('finished'));
  expect(scene.world.sinks.sinks[0]?.written).toBe(3 * PIECE_BYTES);
}

describe('[C17] a dial that was begun before its session', () => {
  it('is gone on with before the sender has heard of it', async () => {
    const letGo = holdOffers(scene);
    begin();
    const session = adopt();
    letGo();
    await arrivesOverOneLane(session);
  });

  it('shows the list that has come with its answer', async () => {
    scene.world.lanes.opening = () => new Promise(() => undefined);
    begin();
    await expect.poll(() => dial.isAnswered).toBe(true);
    await until(adopt(), at('offered'));
  });

  it('gives the lane that it has opened', async () => {
    begin();
    await dial.opened;
    await arrivesOverOneLane(adopt());
  });

  it('[C4] gives way to another one when the lane that it has opened has ended meanwhile', async () => {
    begin();
    (await dial.opened).close();
    const session = adopt();
    await expect.poll(() => scene.world.lanes.lanes.length, { timeout: 30_000 }).toBe(2);
    await arrives(session);
  });

  it('[C11] says what holds it up when that was known before', async () => {
    scene.world.lanes.opening = () => new Promise(() => undefined);
    const clock = new ManualClock();
    world = { ...scene.world, clock };
    begin();
    await expect.poll(() => dial.isAnswered).toBe(true);
    clock.advance(10_000);
    await until(adopt(), ({ lastFailed }) => lastFailed !== null);
  });

  it('is made again when it has failed', async () => {
    scene.sharing.close();
    begin();
    await expect(dial.opened).rejects.toMatchObject({ code: 'sender-away' });
    const { state } = await until(adopt(), ({ state }) => state.at === 'connecting' && state.reason !== null);
    expect(state).toMatchObject({ reason: 'sender-away' });
  });
});

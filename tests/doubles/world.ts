import { makeManifest } from '../../src/core/manifest.ts';
import type { Offer } from '../../src/flow/delivery.ts';
import { Receiving } from '../../src/flow/receiving.ts';
import { makeIdentity, type ShareIdentity } from '../../src/flow/identity.ts';
import { randomId } from '../../src/flow/random-id.ts';
import { Sharing } from '../../src/flow/sharing.ts';
import type { ReceivingView, Watchable } from '../../src/flow/views.ts';
import type { World } from '../../src/flow/world.ts';
import { MemoryArchive } from './archive.ts';
import { realClock, realRandom } from './clock.ts';
import { FakeNetwork } from './lanes.ts';
import { FakeSignaling } from './signaling.ts';
import { MemorySinkFactory } from './sink.ts';
import { MemorySource } from './source.ts';

/** A world in memory: two sides of one share may use the same. */
export interface TestWorld extends World {
  readonly lanes: FakeNetwork;
  readonly signaling: FakeSignaling;
  readonly sinks: MemorySinkFactory;
  readonly archive: MemoryArchive;
}

export function makeWorld(parts: Partial<TestWorld> = {}): TestWorld {
  return {
    clock: realClock,
    nudge: () => () => undefined,
    random: realRandom,
    subtle: crypto.subtle,
    lanes: new FakeNetwork(),
    signaling: new FakeSignaling(),
    sinks: new MemorySinkFactory(),
    archive: new MemoryArchive(),
    device: 'Test on Node',
    ...parts,
  };
}

export function makeOffer(sizes: readonly number[], paths: readonly string[] = []): Offer & { source: MemorySource } {
  const source = MemorySource.random(sizes);
  return { source, manifest: makeManifest(randomId({ random: realRandom }), source.entries(paths)) };
}

export interface Scene {
  readonly world: TestWorld;
  readonly identity: ShareIdentity;
  readonly offer: Offer & { source: MemorySource };
  readonly sharing: Sharing;
  receive(world?: TestWorld): Receiving;
  close(): void;
}

/** A sender with these files, and as many receivers as a test asks for. */
export async function openScene(sizes: readonly number[], paths: readonly string[] = []): Promise<Scene> {
  const world = makeWorld();
  const identity = await makeIdentity(world);
  const offer = makeOffer(sizes, paths);
  const sharing = new Sharing(world, identity, offer, 'https://test.example/');
  const receivers: Receiving[] = [];
  return {
    world,
    identity,
    offer,
    sharing,
    receive(its = world) {
      const receiving = new Receiving(its, identity.keys);
      receivers.push(receiving);
      return receiving;
    },
    close() {
      for (const receiving of receivers) receiving.close();
      sharing.close();
    },
  };
}

/** Resolves with the first view that satisfies `wanted`, the present one included. */
export function until<View>(watchable: Watchable<View>, wanted: (view: View) => boolean): Promise<View> {
  return new Promise((resolve) => {
    if (wanted(watchable.view)) {
      resolve(watchable.view);
      return;
    }
    const stop = watchable.watch((view) => {
      if (!wanted(view)) return;
      stop();
      resolve(view);
    });
  });
}

export function at(...states: ReceivingView['state']['at'][]): (view: ReceivingView) => boolean {
  return ({ state }) => states.includes(state.at);
}

/** Waits for the offer and accepts all of it. */
export async function acceptAll(receiving: Receiving): Promise<void> {
  const { entries } = await until(receiving, at('offered', 'failed'));
  receiving.accept(
    (entries ?? []).map((entry) => entry.index),
    null,
  );
}

/** Ends the lane that was opened last. */
export function cut({ world }: Scene): void {
  world.lanes.lanes.at(-1)?.[0].close();
}

/** The signaling line holds back all messages until the returned function is called. */
export function holdOffers({ world: { signaling } }: Scene): () => void {
  const honest = signaling.relay;
  const held: (() => void)[] = [];
  signaling.relay = (message) => held.push(() => honest(message));
  return () => {
    signaling.relay = honest;
    for (const send of held.splice(0)) send();
  };
}

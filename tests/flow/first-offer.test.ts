/** [C19] An offer that is posted before its sender has a line. */
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { deferred } from '../../src/core/deferred.ts';
import type { Lane, Signaling } from '../../src/core/ports.ts';
import { type FirstOffer, sealOffer } from '../../src/flow/first-offer.ts';
import { type Dial, dialSender } from '../../src/flow/handshake.ts';
import { Redial } from '../../src/flow/redial.ts';
import { randomId } from '../../src/flow/random-id.ts';
import type { Relayed } from '../doubles/signaling.ts';
import { openScene, type Scene } from '../doubles/world.ts';

let scene: Scene;
let id: string;
let offer: FirstOffer;
let line: Signaling | undefined;
let dial: Dial | null;
/** What the server keeps for the receiver until it has a line. */
let waiting: Relayed[];

beforeEach(async () => {
  scene = await openScene([1]);
  const { world, identity } = scene;
  [id, dial, line, waiting] = [randomId(world), null, undefined, []];
  offer = await sealOffer(world, identity.keys, id, world.lanes.prepare(), true);
  world.signaling.relay = (message) => {
    if (message.dst === id && line === undefined) waiting.push(message);
    else world.signaling.deliver(message);
  };
});

afterEach(() => {
  dial?.close();
  scene.close();
});

function post(): void {
  const { keys } = scene.identity;
  scene.world.signaling.relay({ type: 'OFFER', src: id, dst: keys.roomId, payload: offer.envelope });
}

/** The line opens, and the dial goes on over it. */
function goOn(isTaken: boolean): Dial {
  const { world, identity } = scene;
  line = world.signaling.connect(id);
  line.onmessage = (message) => dial?.receive(message);
  dial = dialSender(world, line, identity.keys, id, true, { ...offer, isTaken });
  for (const message of waiting.splice(0)) world.signaling.deliver(message);
  return dial;
}

const saidBy = (src: string) => scene.world.signaling.seen.filter((message) => message.src === src);

describe('[C19] a dial whose offer was made before its line', () => {
  it('goes on with the answer that has come meanwhile, and says nothing again', async () => {
    post();
    await expect.poll(() => waiting.map(({ type }) => type)).toEqual(['ANSWER']);
    await goOn(true).opened;
    expect(saidBy(id)).toEqual([]);
    expect(scene.world.lanes.lanes).toHaveLength(1);
  });

  it('hears the answer even before there are servers to connect with', async () => {
    post();
    await expect.poll(() => waiting).toHaveLength(1);
    const { promise, resolve } = deferred();
    const connect = scene.world.signaling.connect.bind(scene.world.signaling);
    vi.spyOn(scene.world.signaling, 'connect').mockImplementation((who) => {
      const made = connect(who);
      made.ice = () => promise.then(() => ({ iceServers: [], ttl: 0 }));
      return made;
    });
    const made = goOn(true);
    await new Promise((done) => setTimeout(done));
    expect(made.isAnswered).toBe(false);
    resolve(undefined);
    await made.opened;
  });

  it('says the same offer over its line when the server has not taken it', async () => {
    await goOn(false).opened;
    expect(saidBy(id)).toMatchObject([{ type: 'OFFER', payload: offer.envelope }]);
  });

  it('[S8] is answered once when it was posted and is said as well', async () => {
    const warn = vi.spyOn(console, 'warn');
    post();
    await expect.poll(() => waiting).toHaveLength(1);
    await goOn(false).opened;
    await new Promise((done) => setTimeout(done));
    expect(saidBy(id)).toHaveLength(1);
    expect(saidBy(scene.identity.keys.roomId)).toHaveLength(1);
    expect(scene.world.lanes.lanes).toHaveLength(1);
    expect(warn).not.toHaveBeenCalled();
    warn.mockRestore();
  });

  /** The answer comes over the line, once that is open. */
  async function redialed(onlane: (lane: Lane) => void, stops: boolean): Promise<Redial> {
    const { world, identity } = scene;
    post();
    await expect.poll(() => waiting).toHaveLength(1);
    const signaling = world.signaling.connect(id);
    line = signaling;
    const made = [{ ...offer, isTaken: true }];
    const ignore = () => undefined;
    const handlers = { takesHeadStart: () => true, ongreeting: ignore, onfailed: ignore, ontrouble: ignore };
    const redial = new Redial(
      world,
      { id, signaling, dial: null, takeOffer: () => made.shift() ?? null },
      identity.keys,
      { ...handlers, onlane, onstatus: ignore },
    );
    redial.dial(0);
    if (stops) redial.stop();
    await expect.poll(() => signaling.status).toBe('open');
    for (const message of waiting.splice(0)) world.signaling.deliver(message);
    return redial;
  }

  it('is the session’s when the line opens after it', async () => {
    const { promise, resolve } = deferred<Lane>();
    const redial = await redialed(resolve, false);
    await promise;
    expect(saidBy(id)).toEqual([]);
    redial.close();
  });

  it('gives way to another when the session was stopped meanwhile: nobody has heard what answers it', async () => {
    const redial = await redialed(() => undefined, true);
    await new Promise((done) => setTimeout(done));
    redial.dial(0);
    await expect.poll(() => saidBy(id).map(({ type }) => type)).toEqual(['OFFER']);
    expect(saidBy(id)[0]?.payload).not.toMatchObject({ c: offer.connection });
    redial.close();
  });

  it('is told when the sender is away', async () => {
    scene.sharing.close();
    const made = goOn(true);
    made.receive({ type: 'EXPIRE', src: scene.identity.keys.roomId, payload: undefined });
    await expect(made.opened).rejects.toMatchObject({ code: 'sender-away' });
  });
});

import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { BeelineError } from '../../src/core/errors.ts';
import { CHUNK_BYTES, CHUNK_HEADER_BYTES, PIECE_BYTES } from '../../src/core/limits.ts';
import type { Lane, PathInfo } from '../../src/core/ports.ts';
import { FurtherLanes } from '../../src/flow/further-lanes.ts';
import { makeIdentity } from '../../src/flow/identity.ts';
import { Receiving } from '../../src/flow/receiving.ts';
import type { PieceSender } from '../../src/flow/send.ts';
import { Sharing } from '../../src/flow/sharing.ts';
import { ManualClock } from '../doubles/clock.ts';
import type { FakeLane } from '../doubles/lanes.ts';
import { makeOffer, makeWorld, type TestWorld } from '../doubles/world.ts';
import { WatchedCrypto } from './hostile-scene.ts';

const LONG_PATH: PathInfo = { kind: 'direct', relayProtocol: null, rttMs: 60 };
const CHUNK_MESSAGE_BYTES = CHUNK_HEADER_BYTES + CHUNK_BYTES;
/** In one step of time each lane carries one message. */
const STEP_MS = 50;

/** One transfer over lanes that each carry a message per step, in a time that stands still otherwise. */
class LaneScene {
  readonly clock = new ManualClock();
  readonly crypto = new WatchedCrypto();
  readonly world: TestWorld = makeWorld({ clock: this.clock, subtle: this.crypto.subtle });
  readonly offer = makeOffer([64 * PIECE_BYTES]);
  /** Lanes by their order, that carry nothing. */
  readonly stuck = new Set<number>();
  /** Lanes by their order, that were given something. */
  readonly given = new Set<number>();
  #waiting: { readonly lane: number; readonly go: () => void }[] = [];
  #sharing: Sharing | null = null;
  readonly #receivers: Receiving[] = [];

  constructor(info: PathInfo = LONG_PATH) {
    this.world.lanes.onmeet = (pair) => {
      const lane = this.world.lanes.lanes.length - 1;
      for (const end of pair) {
        end.info = info;
        end.bulk.pace = () => {
          this.given.add(lane);
          return new Promise((go) => this.#waiting.push({ lane, go }));
        };
      }
    };
  }

  /** Lanes but the first become what `opened` says. */
  breakFurther(opened: () => Promise<Lane>): void {
    const { lanes } = this.world;
    const attempt = lanes.attempt.bind(lanes);
    lanes.attempt = (options) => {
      if (lanes.lanes.length === 0) return attempt(options);
      return { opened: opened(), signal: () => undefined, close: () => undefined };
    };
  }

  /** @param thinkMs for which the person looks at the list. */
  async begin(thinkMs = 0): Promise<void> {
    await this.offerTo(1, thinkMs);
    await this.accept();
  }

  async accept(): Promise<void> {
    this.receiving.accept([0], null);
    await this.crypto.quiet();
  }

  /** So many receivers have the list for so long. */
  async offerTo(receivers: number, forMs: number): Promise<void> {
    const identity = await makeIdentity(this.world);
    this.#sharing = new Sharing(this.world, identity, this.offer, 'https://test.example/');
    for (let count = 0; count < receivers; count++) this.#receivers.push(new Receiving(this.world, identity.keys));
    await this.crypto.quiet();
    for (let ms = 0; ms < forMs; ms += STEP_MS) await this.#step();
  }

  get sharing(): Sharing {
    if (this.#sharing === null) throw new Error('not begun');
    return this.#sharing;
  }

  get receiving(): Receiving {
    const [receiving] = this.#receivers;
    if (receiving === undefined) throw new Error('not begun');
    return receiving;
  }

  /** Lets time pass until this holds; fails after `atMostMs`. */
  async until(holds: () => boolean, atMostMs = 120_000): Promise<void> {
    for (let ms = 0; !holds(); ms += STEP_MS) {
      if (ms > atMostMs) throw new Error(`not within ${atMostMs} ms: ${JSON.stringify(this.receiving.view.state.at)}`);
      await this.#step();
    }
  }

  /** Lets time pass until the transfer is over, and compares. */
  async finish(): Promise<void> {
    await this.until(() => ['finished', 'failed'].includes(this.receiving.view.state.at));
    expect(this.receiving.view.state.at).toBe('finished');
    const received = this.world.sinks.sinks.at(-1)?.bytes(0) ?? new Uint8Array();
    expect(Buffer.compare(received, this.offer.source.bytes(0))).toBe(0);
  }

  get lanes(): number {
    return this.receiving.view.lanes;
  }

  get verified(): number {
    return this.receiving.view.progress?.verifiedBytes ?? 0;
  }

  /** The sender's end of a lane; the receiver made the first, the sender the others. */
  senderEnd(lane: number): FakeLane {
    const end = this.world.lanes.lanes[lane]?.[lane === 0 ? 1 : 0];
    if (end === undefined) throw new Error(`no lane ${lane}`);
    return end;
  }

  close(): void {
    for (const receiving of this.#receivers) receiving.close();
    this.#sharing?.close();
  }

  async #step(): Promise<void> {
    this.clock.advance(STEP_MS);
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const { lane, go } of waiting) {
      if (this.stuck.has(lane)) this.#waiting.push({ lane, go });
      else go();
    }
    await this.crypto.quiet();
  }
}

describe('lanes that are not drained', () => {
  it('[A2] [G5] count until the receiver is told that they end: never are there more than fifteen', async () => {
    const clock = new ManualClock();
    const known = new Set<number>();
    const openLane = { bulk: {}, close: () => undefined } as unknown as Lane;
    let retired = 0;
    const sender = {
      isLimited: false,
      isDrained: () => false,
      addLane: () => undefined,
      retireLane: () => (retired += 1),
      setPath: () => undefined,
      setHeld: () => undefined,
      sendLate: () => undefined,
    } as unknown as PieceSender;
    let verifiedBytes = 0;
    const lanes = new FurtherLanes({
      world: {
        clock,
        lanes: {
          attempt: ({ onSignal }) => {
            onSignal({ kind: 'offer', sdp: 'v=0' });
            return { opened: Promise.resolve(openLane), signal: () => undefined, close: () => undefined };
          },
        },
      },
      ice: () => Promise.resolve({ iceServers: [], ttl: 0 }),
      say: (message) => {
        if (message.t === 'lane') known.add(message.lane);
        else if (message.t === 'lane-end') known.delete(message.lane);
      },
      hear: () => undefined,
      pace: () => ({ verifiedBytes, leftBytes: 2 ** 40, path: LONG_PATH }),
      mayPrepare: () => true,
      onchange: () => undefined,
    });
    lanes.carry(sender);
    let [most, fewest] = [0, Infinity];
    for (let ms = 0; ms < 60_000; ms += 250) {
      // Each lane brings as much, so that fewer do worse and are soon given up.
      verifiedBytes += lanes.open * 50_000;
      clock.advance(250);
      for (let turn = 0; turn < 10; turn++) await Promise.resolve();
      most = Math.max(most, known.size);
      if (known.size === 15) fewest = Math.min(fewest, lanes.open);
    }
    expect([most, fewest]).toEqual([15, 8]);
    expect(retired).toBeGreaterThan(7);
    lanes.close();
  });
});

describe('the lanes of one transfer', () => {
  let scene: LaneScene;
  beforeEach(() => {
    vi.spyOn(console, 'warn').mockImplementation(() => undefined);
  });
  afterEach(() => scene.close());

  it('[A1] [G2] become more by themselves on a long path, and what they carry together arrives equal', async () => {
    scene = new LaneScene();
    await scene.begin();
    expect(scene.lanes).toBe(1);
    await scene.until(() => scene.lanes === 16);
    expect(scene.sharing.view.deliveries[0]?.lanes).toBe(16);
    await scene.finish();
    expect(scene.world.sinks.sinks[0]?.written).toBe(64 * PIECE_BYTES);
  });

  it('[G2] [S10] begin to be made when something is accepted, however long the head start has been here', async () => {
    scene = new LaneScene();
    await scene.begin(5_000);
    expect(scene.world.lanes.lanes.length).toBeGreaterThan(1);
    await scene.finish();
    expect(scene.world.sinks.sinks[0]?.written).toBe(64 * PIECE_BYTES);
  });

  it('[G2] [T9] are eight between neighbours, which nothing waits for', async () => {
    scene = new LaneScene({ kind: 'lan', relayProtocol: null, rttMs: 1 });
    await scene.begin();
    await scene.until(() => scene.lanes === 8);
    const ends = scene.world.lanes.lanes.map((_, lane) => scene.senderEnd(lane).bulk);
    let most = 0;
    await scene.until(() => {
      most = Math.max(most, ...ends.map(({ bufferedAmount }) => bufferedAmount));
      return scene.verified > 32 * PIECE_BYTES;
    });
    expect(most).toBeLessThanOrEqual(2 * CHUNK_MESSAGE_BYTES);
    expect(scene.lanes).toBe(8);
    await scene.finish();
    expect(scene.world.sinks.sinks[0]?.written).toBe(64 * PIECE_BYTES);
  });

  it('[A6] [S10] between neighbours are open before anything is accepted, and carry nothing until then', async () => {
    scene = new LaneScene({ kind: 'lan', relayProtocol: null, rttMs: 1 });
    await scene.offerTo(1, 2_000);
    expect([scene.lanes, scene.sharing.view.deliveries[0]?.lanes, [...scene.given]]).toEqual([8, 8, [0]]);
    await scene.accept();
    expect([...scene.given].sort()).toEqual([0, 1, 2, 3, 4, 5, 6, 7]);
    await scene.finish();
    expect(scene.world.lanes.lanes).toHaveLength(8);
    expect(scene.world.sinks.sinks[0]?.written).toBe(64 * PIECE_BYTES);
  });

  it('[A6] [G2] become as many as the path gets that there is when something is accepted', async () => {
    scene = new LaneScene({ kind: 'lan', relayProtocol: null, rttMs: 1 });
    await scene.offerTo(1, 2_000);
    expect(scene.lanes).toBe(8);
    for (const end of scene.world.lanes.lanes.flat()) end.info = LONG_PATH;
    await scene.until(() => scene.sharing.view.deliveries[0]?.path?.kind === 'direct');
    await scene.accept();
    await scene.until(() => scene.lanes === 16);
    await scene.finish();
  });

  it.each([
    [8, 64],
    [9, 9],
  ])('[A6] are %i receivers’ %i in all before anything is accepted', async (receivers, lanes) => {
    scene = new LaneScene({ kind: 'lan', relayProtocol: null, rttMs: 1 });
    await scene.offerTo(receivers, 2_000);
    expect(scene.world.lanes.lanes).toHaveLength(lanes);
  });

  it('[G6] are at most four over a relay', async () => {
    scene = new LaneScene({ kind: 'relay', relayProtocol: 'udp', rttMs: 60 });
    await scene.begin();
    let most = 0;
    await scene.until(() => {
      most = Math.max(most, scene.lanes);
      return scene.verified > 32 * PIECE_BYTES;
    });
    expect(most).toBe(4);
  });

  it('[A4] [T2] lose one, and the others take over what it had', async () => {
    scene = new LaneScene();
    await scene.begin();
    await scene.until(() => scene.lanes >= 8);
    const before = scene.verified;
    scene.senderEnd(3).close();
    await scene.until(() => scene.verified > before);
    await scene.finish();
  });

  it('[T4] include one that is stuck: what waits on it goes over another', async () => {
    scene = new LaneScene();
    await scene.begin();
    await scene.until(() => scene.lanes >= 8);
    scene.stuck.add(3);
    await scene.finish();
  });

  it.each([
    [
      'can be made',
      () => Promise.reject(new BeelineError('connect-failed', 'no route')),
      ['connect-failed', 'no route'],
    ],
    ['opens in time', () => new Promise<Lane>(() => undefined), ['connect-timeout', '']],
  ])('[A3] are the first when no other %s, and the console has the reason', async (_, opened, reason) => {
    scene = new LaneScene();
    scene.breakFurther(opened);
    await scene.begin();
    await scene.finish();
    expect(scene.world.lanes.lanes).toHaveLength(1);
    expect(console.warn).toHaveBeenCalledWith('no further lane:', ...reason);
  });

  it('[A5] end with the first', async () => {
    scene = new LaneScene();
    await scene.begin();
    await scene.until(() => scene.lanes >= 8);
    const made = scene.world.lanes.lanes.length;
    scene.senderEnd(0).close();
    await scene.until(() => scene.world.lanes.lanes.length > made);
    const open = scene.world.lanes.lanes.slice(0, made).filter(([end]) => !end.bulk.closed);
    expect(open).toEqual([]);
    await scene.finish();
  });
});

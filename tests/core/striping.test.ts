import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { CHUNK_BYTES } from '../../src/core/limits.ts';
import { type Resend, Striping } from '../../src/core/striping.ts';

function striping(lanes: number, isWanted: (piece: number) => boolean = () => true): Striping {
  const made = new Striping(isWanted);
  for (let lane = 0; lane < lanes; lane++) made.laneOpened(lane);
  return made;
}

/** "piece/chunk" for each chunk. */
function* namesOf(chunks: Resend): Generator<string, void, undefined> {
  for (const [piece, mask] of chunks)
    for (let chunk = 0; chunk < 15; chunk++) if ((mask & (1 << chunk)) !== 0) yield `${piece}/${chunk}`;
}

/** Sends chunks of one piece after another over a lane that was not used before, and has them arrive at a steady pace. */
function pace(to: Striping, lane: number, fromPiece: number, count: number, everyMs: number, delayMs: number): void {
  for (let index = 0; index < count; index++) {
    to.sent(lane, fromPiece + index, 0, CHUNK_BYTES, index * everyMs);
    const done = index - Math.floor(delayMs / everyMs);
    if (done >= 0) to.arrived(lane, (done + 1) * CHUNK_BYTES, index * everyMs);
  }
}

const LANES = 4;
const PIECES = 12;

function bytesOf(name: string): number {
  return 1 + (Number(name.split('/')[1]) % 3);
}

/** Lanes that deliver in order, a receiver that puts pieces together, and a sender with a queue of chunks to repeat. */
class World {
  readonly striping = striping(LANES, (piece) => !this.verified.has(piece));
  readonly lanes: (string[] | null)[] = Array.from({ length: LANES }, () => []);
  /** Bytes that have arrived over each. */
  readonly bytes = Array.from({ length: LANES }, () => 0);
  readonly received = new Set<string>();
  readonly verified = new Set<number>();
  readonly queue = new Set<string>();
  readonly sent = new Set<string>();
  nowMs = 0;

  send(lane: number, name: string): void {
    const line = this.lanes[lane];
    if (line === null || line === undefined) return;
    const [piece = 0, chunk = 0] = name.split('/').map(Number);
    if (this.verified.has(piece)) return;
    line.push(name);
    this.queue.delete(name);
    this.sent.add(name);
    this.striping.sent(lane, piece, chunk, bytesOf(name), this.nowMs);
  }

  deliver(lane: number): void {
    const name = this.lanes[lane]?.shift();
    if (name === undefined) return;
    this.received.add(name);
    this.bytes[lane] = (this.bytes[lane] ?? 0) + bytesOf(name);
  }

  /** The receiver says what it has read from the lane. */
  tell(lane: number): void {
    if (this.lanes[lane] !== null) this.striping.arrived(lane, this.bytes[lane] ?? 0, this.nowMs);
  }

  open(lane: number): void {
    this.lanes[lane] = [];
    this.bytes[lane] = 0;
    this.striping.laneOpened(lane);
  }

  /** The receiver says that it has it, maybe from an earlier connection. */
  verify(piece: number): void {
    this.verified.add(piece);
    this.striping.forget(piece);
    for (const name of this.queue) if (name.startsWith(`${piece}/`)) this.queue.delete(name);
  }

  again(piece: number): void {
    if (this.verified.has(piece)) return;
    this.striping.forget(piece);
    for (const set of [this.received, this.sent]) {
      for (const name of [...set]) {
        if (!name.startsWith(`${piece}/`)) continue;
        if (set === this.sent) this.queue.add(name);
        set.delete(name);
      }
    }
  }

  lose(lane: number): void {
    this.lanes[lane] = null;
    this.repeat(this.striping.laneLost(lane));
  }

  repeat(chunks: Resend): void {
    for (const name of namesOf(chunks)) {
      expect(this.sent.has(name)).toBe(true);
      this.queue.add(name);
    }
  }

  /** Each chunk of a piece that is not verified has arrived, is on a lane, or waits to be sent again. */
  check(): void {
    const onLanes = new Set(this.lanes.flatMap((line) => line ?? []));
    for (const name of this.sent) {
      if (this.verified.has(Number(name.split('/')[0]))) continue;
      if (!this.received.has(name) && !onLanes.has(name)) expect(this.queue).toContain(name);
    }
  }
}

const step = fc.record({
  do: fc.constantFrom(
    'send',
    'send',
    'send',
    'deliver',
    'deliver',
    'tell',
    'verify',
    'repeat',
    'late',
    'lose',
    'open',
    'again',
  ),
  lane: fc.nat(LANES - 1),
  piece: fc.nat(PIECES - 1),
  chunk: fc.nat(3),
  ms: fc.nat(800),
});

describe('striping', () => {
  it('[T1] [T2] [T3] forgets no chunk, and repeats only what was sent and may not have arrived', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 150 }), (steps) => {
        const world = new World();
        for (const { do: what, lane, piece, chunk, ms } of steps) {
          world.nowMs += ms;
          if (what === 'send') world.send(lane, `${piece}/${chunk}`);
          else if (what === 'deliver') world.deliver(lane);
          else if (what === 'tell') world.tell(lane);
          else if (what === 'verify') world.verify(piece);
          else if (what === 'again') world.again(piece);
          else if (what === 'repeat') for (const name of [...world.queue]) world.send(lane, name);
          else if (what === 'late') for (const { chunks } of world.striping.late(world.nowMs)) world.repeat(chunks);
          else if (what === 'lose' && chunk === 0) world.lose(lane);
          else if (what === 'open' && world.lanes[lane] === null) world.open(lane);
          world.check();
        }
        for (let lane = 0; lane < LANES; lane++) world.lose(lane);
        world.check();
      }),
      { numRuns: 300 },
    );
  });

  it('[T1] a verified piece proves nothing of what went before it: it may have come over an earlier connection', () => {
    const lanes = striping(1);
    lanes.sent(0, 1, 0, 100, 0);
    lanes.sent(0, 2, 0, 20, 0);
    lanes.forget(2);
    expect(lanes.laneLost(0)).toEqual(new Map([[1, 1]]));
  });

  it('[T1] what the receiver has read from a lane is what was sent first, and only whole chunks', () => {
    const lanes = striping(2);
    lanes.sent(0, 1, 0, 100, 0);
    lanes.sent(0, 2, 0, 20, 0);
    lanes.sent(0, 1, 1, 3, 0);
    lanes.arrived(0, 122, 50);
    lanes.arrived(7, 1, 50);
    expect(lanes.laneLost(0)).toEqual(new Map([[1, 0b10]]));
  });

  it('[A4] a lane is used for as long as something is under way on it that somebody wants', () => {
    const given = new Set<number>();
    const lanes = striping(2, (piece) => !given.has(piece));
    expect(lanes.isUsed(0)).toBe(false);
    lanes.sent(0, 1, 0, 10, 0);
    lanes.sent(0, 2, 0, 10, 0);
    lanes.sent(0, 3, 0, 10, 0);
    lanes.arrived(0, 10, 0);
    lanes.forget(2);
    expect(lanes.isUsed(0)).toBe(true);
    given.add(3);
    expect(lanes.isUsed(0)).toBe(false);
    // It was given up while it waited to be sent.
    lanes.sent(0, 3, 1, 10, 0);
    expect(lanes.isUsed(0)).toBe(false);
    lanes.sent(0, 4, 0, 10, 0);
    expect([lanes.isUsed(0), lanes.isUsed(1), lanes.isUsed(7)]).toEqual([true, false, false]);
    lanes.arrived(0, 50, 0);
    expect(lanes.isUsed(0)).toBe(false);
  });

  it('[T2] repeats of a lost lane only what no other carries', () => {
    const lanes = striping(3);
    for (const chunk of [0, 1, 2]) lanes.sent(0, 5, chunk, 10, 0);
    lanes.sent(1, 5, 1, 10, 1);
    expect(lanes.laneLost(0)).toEqual(new Map([[5, 0b101]]));
    expect(lanes.laneLost(1)).toEqual(new Map([[5, 0b010]]));
    expect(lanes.laneLost(1).size).toBe(0);
  });

  it('[T3] a piece that was thrown away starts anew, and one that was given up is not repeated', () => {
    const lanes = striping(2, (piece) => piece !== 3);
    lanes.sent(0, 2, 0, 10, 0);
    lanes.sent(0, 2, 1, 10, 0);
    lanes.forget(2);
    lanes.sent(0, 3, 0, 10, 0);
    lanes.sent(1, 2, 0, 10, 0);
    lanes.arrived(0, 20, 9);
    expect(lanes.laneLost(0)).toEqual(new Map());
    expect(lanes.laneLost(1)).toEqual(new Map([[2, 1]]));
  });

  it('[T4] finds what waits on a lane that others have overtaken, once every two seconds', () => {
    const lanes = striping(2);
    lanes.sent(1, 0, 3, CHUNK_BYTES, 0);
    pace(lanes, 0, 100, 40, 50, 100);
    expect(lanes.late(450)).toEqual([]);
    expect(lanes.late(2_000)).toEqual([{ lane: 1, chunks: new Map([[0, 0b1000]]) }]);
    lanes.sent(0, 0, 3, CHUNK_BYTES, 2_000);
    expect(lanes.late(3_900).flatMap(({ lane }) => (lane === 1 ? [lane] : []))).toEqual([]);
    lanes.forget(0);
    expect(lanes.late(9_000).some(({ lane }) => lane === 1)).toBe(false);
  });

  it('[T4] blames no lane while nothing arrives for a while: the receiver’s page may be slow', () => {
    const lanes = striping(2);
    pace(lanes, 0, 100, 40, 50, 100);
    pace(lanes, 1, 200, 40, 50, 100);
    expect(lanes.late(3_800)).toEqual([]);
    expect(lanes.late(4_500).length).toBeGreaterThan(0);
  });

  it('[T4] does not blame a lane for what the receiver has read from it, however long its disk takes', () => {
    const lanes = striping(2);
    pace(lanes, 0, 100, 40, 50, 100);
    pace(lanes, 1, 200, 40, 50, 100);
    lanes.sent(1, 300, 0, 10, 2_000);
    lanes.arrived(0, 40 * CHUNK_BYTES, 2_100);
    lanes.arrived(1, 40 * CHUNK_BYTES, 2_100);
    expect(lanes.late(9_000)).toEqual([{ lane: 1, chunks: new Map([[300, 1]]) }]);
  });

  it('[T4] [S10] does not take the time that a person thought for a lane’s usual delay', () => {
    const lanes = striping(2);
    lanes.sent(0, 0, 0, CHUNK_BYTES, 0);
    lanes.waitedUntil(60_000);
    lanes.arrived(0, CHUNK_BYTES, 60_050);
    lanes.sent(1, 1, 0, CHUNK_BYTES, 60_050);
    expect(lanes.late(60_050 + 1_999)).toEqual([]);
    expect(lanes.late(60_050 + 2_000)).toEqual([{ lane: 1, chunks: new Map([[1, 1]]) }]);
  });

  it('[T4] has nobody to compare a single lane with, and waits for it', () => {
    const lanes = striping(1);
    lanes.sent(0, 0, 0, 10, 0);
    expect(lanes.late(1_900)).toEqual([]);
  });

  it('[T6] takes as long for each of many small pieces as for one', () => {
    const lanes = striping(2);
    const count = 60_000;
    for (let piece = 0; piece < count; piece++) lanes.sent(piece % 2, piece, 0, 200, piece);
    for (let piece = 0; piece < count - 1; piece++) {
      lanes.forget(piece);
      lanes.arrived(piece % 2, 200 * (1 + Math.floor(piece / 2)), count);
    }
    expect([lanes.isUsed(0), lanes.isUsed(1)]).toEqual([false, true]);
    expect(lanes.laneLost(1)).toEqual(new Map([[count - 1, 1]]));
  });
});

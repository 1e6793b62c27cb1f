import { randomId } from '../../src/flow/random-id.ts';
import { dialSender } from '../../src/flow/handshake.ts';
import { OfferListener } from '../../src/flow/listen.ts';
import type { ShareIdentity } from '../../src/flow/identity.ts';
import type { Lane } from '../../src/core/ports.ts';
import { CHUNK_HEADER_BYTES } from '../../src/core/limits.ts';
import { FakeLane } from '../doubles/lanes.ts';
import type { TestWorld } from '../doubles/world.ts';

/** A control message as it stands on the wire. */
export type Said = { readonly t: string } & Readonly<Record<string, unknown>>;

/** Somebody who has completed the handshake and then says what it likes. */
export class RawPeer {
  /** Everything the other side has said, in order. */
  readonly heard: Said[] = [];
  #wake: (() => void)[] = [];

  constructor(private readonly lane: FakeLane) {
    lane.control.onmessage = (message) => {
      this.heard.push(JSON.parse(String(message)) as Said);
      for (const wake of this.#wake.splice(0)) wake();
    };
    lane.bulk.onmessage = () => undefined;
  }

  /** Objects as JSON, texts as they are, anything else as the browser would hand it over. */
  say(...messages: readonly unknown[]): void {
    for (const message of messages) {
      if (typeof message === 'string') this.lane.control.send(message);
      else if (message instanceof ArrayBuffer) this.lane.control.peer?.arrive(message);
      else this.lane.control.send(JSON.stringify(message));
    }
  }

  /** A bulk message. */
  push(message: Uint8Array<ArrayBuffer> | string): void {
    if (typeof message === 'string') this.lane.bulk.peer?.arrive(message);
    else this.lane.bulk.send(message);
  }

  /** A bulk message that was under way when the lane was given up. */
  arriveLate(message: Uint8Array<ArrayBuffer>): void {
    this.lane.bulk.peer?.arrive(message.buffer);
  }

  /** Resolves with the first message of this kind, or the one of that number, past or to come. */
  async hears(t: string, number = 1): Promise<Said> {
    for (;;) {
      const found = this.heard.filter((message) => message.t === t)[number - 1];
      if (found !== undefined) return found;
      await new Promise<void>((resolve) => this.#wake.push(resolve));
    }
  }
}

function rawPeer(lane: Lane): RawPeer {
  if (!(lane instanceof FakeLane)) throw new Error('not a lane of the double');
  return new RawPeer(lane);
}

/** Connects to a share as a receiver would. */
export async function rawReceiver(
  world: TestWorld,
  { keys }: ShareIdentity,
  headStart = false,
  id = randomId(world),
): Promise<RawPeer & { readonly id: string }> {
  const line = world.signaling.connect(id);
  const dial = dialSender(world, line, keys, id, headStart);
  line.onmessage = (message) => dial.receive(message);
  return Object.assign(rawPeer(await dial.opened), { id });
}

/** Waits for one receiver as the sender of a share would, and leaves the room free again. */
export function rawSender(world: TestWorld, identity: ShareIdentity): Promise<RawPeer> {
  const line = world.signaling.connect(identity.keys.roomId);
  return new Promise((resolve) => {
    const listener = new OfferListener(world, line, identity, {
      admit: () => null,
      greeting: () => [],
      onattempt: () => undefined,
      onanswered: () => undefined,
      onfailed: () => undefined,
      onlane: (_, lane) => {
        world.signaling.forget(identity.keys.roomId);
        resolve(rawPeer(lane));
      },
    });
    line.onmessage = (message) => listener.receive(message);
  });
}

/** A bulk message by hand: right or wrong in any field. */
export function chunkOf({
  type = 1,
  piece = 0,
  offset = 0,
  hash = new Uint8Array(32),
  size = 1,
} = {}): Uint8Array<ArrayBuffer> {
  const message = new Uint8Array(CHUNK_HEADER_BYTES + size);
  const view = new DataView(message.buffer);
  view.setUint8(0, type);
  view.setUint32(4, piece);
  view.setUint32(8, offset);
  message.set(hash, 12);
  return message;
}

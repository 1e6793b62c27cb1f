import { afterEach, describe, expect, it } from 'vitest';
import { deferred } from '../../src/core/deferred.ts';
import { PIECE_BYTES, PROTOCOL_VERSION } from '../../src/core/limits.ts';
import { makeManifest } from '../../src/core/manifest.ts';
import { encodeControl, greetingMessages, readGreeting } from '../../src/core/messages.ts';
import { acceptAll, at, openScene, type Scene, until } from '../doubles/world.ts';
import { refusal } from '../core/refusals.ts';

const entry = (path: string) => ({ path, size: 5, mtime: 7, type: 'text/plain' });
const manifest = makeManifest('1'.repeat(32), [entry('a'), entry('b')]);

describe('[S9] a greeting', () => {
  const texts = greetingMessages({ device: 'Firefox on Linux', manifest });
  const [hello = '', head = '', page = ''] = texts;

  it('is read back as it was', () => {
    expect(readGreeting(texts)).toEqual({ device: 'Firefox on Linux', manifest });
    expect(readGreeting([])).toBeNull();
  });

  it('is none when it is long', () => {
    const many = makeManifest(
      '1'.repeat(32),
      Array.from({ length: 300 }, (_, n) => entry(`holiday/picture-${n}.jpg`)),
    );
    expect(greetingMessages({ device: '', manifest: many })).toEqual([]);
  });

  it('of another version is left to the lane to refuse', () => {
    const other = encodeControl({ t: 'hello', version: PROTOCOL_VERSION + 1, device: '' });
    expect(readGreeting([other, head, page])).toBeNull();
  });

  it.each([
    ['has no list', [hello]],
    ['has half a list', [hello, head]],
    ['begins with the list', [head, hello, page]],
    ['says something else', [hello, head, encodeControl({ t: 'bye' })]],
    ['is no control message', [hello, head, '{}']],
  ])('is refused when it %s', (_, wrong) => {
    expect(refusal(() => readGreeting(wrong))).toBe('protocol');
  });
});

describe('[S9] a list that comes with the answer', () => {
  let scene: Scene;
  afterEach(() => scene.close());

  /** Lanes open once the returned function is called. */
  function holdLanes(): () => void {
    const { promise, resolve } = deferred();
    scene.world.lanes.opening = () => promise.then(() => undefined);
    return () => resolve(undefined);
  }

  it('is shown and accepted while the lane is being made, and asked for as soon as it is open', async () => {
    scene = await openScene([3 * PIECE_BYTES, 9]);
    const open = holdLanes();
    const receiving = scene.receive();
    const { device, entries, room } = await until(
      receiving,
      ({ state, room }) => state.at === 'offered' && room !== null,
    );
    expect([device, entries?.length, room === null]).toEqual([scene.world.device, 2, false]);
    receiving.accept([0, 1], null);
    await until(receiving, at('reconnecting'));
    // The sender's own list is not waited for.
    scene.world.lanes.lanes.at(-1)?.forEach(({ control }) => {
      control.courier = (message, deliver) => {
        if (!/"t":"(?:manifest|entries)"/u.test(String(message))) deliver(message);
      };
    });
    open();
    await until(receiving, at('finished'));
    const [sink] = scene.world.sinks.sinks;
    expect(Buffer.compare(sink?.bytes(0) ?? new Uint8Array(), scene.offer.source.bytes(0))).toBe(0);
  });

  it('is offered still when the lane opens before it is accepted', async () => {
    scene = await openScene([PIECE_BYTES]);
    const open = holdLanes();
    const receiving = scene.receive();
    await until(receiving, at('offered'));
    open();
    await until(scene.sharing, ({ deliveries: [first] }) => first?.state.at === 'offered');
    await acceptAll(receiving);
    await until(receiving, at('finished'));
  });

  it('does not come while the sender’s person has to be asked', async () => {
    scene = await openScene([PIECE_BYTES]);
    scene.sharing.setAdmission('ask');
    const open = holdLanes();
    const receiving = scene.receive();
    await until(scene.sharing, ({ deliveries }) => deliveries.length === 1);
    open();
    await until(receiving, ({ state }) => state.at === 'greeting' && state.asked);
    expect(receiving.view.entries).toBeNull();
  });

  it('lets in whom it was given, although the person wants to be asked from then on', async () => {
    scene = await openScene([PIECE_BYTES]);
    const open = holdLanes();
    const receiving = scene.receive();
    await until(receiving, at('offered'));
    scene.sharing.setAdmission('ask');
    open();
    await acceptAll(receiving);
    await until(receiving, at('finished'));
  });
});

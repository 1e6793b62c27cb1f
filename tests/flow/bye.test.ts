import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { HostileScene } from './hostile-scene.ts';

let scene: HostileScene;
beforeEach(() => {
  scene = new HostileScene();
});
afterEach(() => scene.close());

describe('a page that goes away', () => {
  it('[C7] as the receiver’s is lost to the sender at once', async () => {
    const { receiving } = await scene.open();
    receiving.sayBye();
    await scene.crypto.quiet();
    expect(scene.shares[0]?.sharing.view.deliveries[0]?.state).toEqual({ at: 'lost', code: 'receiver-gone' });
  });

  it('[C7] as the sender’s is lost to the receiver at once, which calls again', async () => {
    const { receiving } = await scene.open();
    scene.shares[0]?.sharing.sayBye();
    await scene.crypto.quiet();
    expect(receiving.view.state).toMatchObject({ at: 'connecting' });
    await scene.pass(500);
    expect(receiving.view.state.at).toBe('offered');
  });
});

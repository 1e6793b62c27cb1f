/** [C19] A page opened with a link posts its offer before it has a line to the server. */
import type { Route } from 'playwright-core';
import { expect } from 'vitest';
import { deferred } from '../../src/core/deferred.ts';
import { MIB } from '../../src/core/bytes.ts';
import type { Device } from './browser.ts';
import { sha256OfFile } from './files.ts';
import { ReceiverScreen, SenderScreen } from './pages.ts';
import { type Scene, test } from './scene.ts';

const OFFER = '**/peerjs/offer?*';

/** What the page says over its line, which is opened after that. */
async function lineAfter(device: Device, moment: Promise<unknown>): Promise<string[]> {
  const said: string[] = [];
  await device.context.routeWebSocket(/\/peerjs\?/u, async (line) => {
    const early: (string | Buffer)[] = [];
    let toServer: ReturnType<typeof line.connectToServer> | null = null;
    line.onMessage((message) => {
      said.push((JSON.parse(String(message)) as { type: string }).type);
      if (toServer === null) early.push(message);
      else toServer.send(message);
    });
    await moment;
    toServer = line.connectToServer();
    toServer.onMessage((message) => line.send(message));
    for (const message of early) toServer.send(message);
  });
  return said;
}

/** A file from one to the other. */
async function arrives(scene: Scene, from: Device, to: Device): Promise<void> {
  const file = await scene.file('photo.bin', 5 * MIB);
  const sender = await SenderScreen.open(from, scene.baseUrl);
  await sender.chooseFiles([file.path]);
  const receiver = await ReceiverScreen.open(to, await sender.link());
  expect(await sha256OfFile(await receiver.receiveOne())).toBe(file.sha256);
  await sender.verified();
}

test('it is answered before the line is open, and not said again', async ({ scene }) => {
  const [from, to] = [await scene.device(), await scene.device()];
  const { promise: answered, resolve } = deferred();
  from.context.on('page', (page) =>
    page.on('websocket', (line) =>
      line.on('framesent', ({ payload }) => {
        if (String(payload).includes('"ANSWER"')) resolve(undefined);
      }),
    ),
  );
  const said = await lineAfter(to, answered);
  await arrives(scene, from, to);
  expect(said).not.toContain('OFFER');
  expect(said).toContain('CANDIDATE');
});

test.for<[string, (route: Route) => Promise<void>]>([
  ['a server refuses it', (route) => route.fulfill({ status: 404 })],
  ['it is lost', (route) => route.abort()],
  ['nothing is heard of it', () => Promise.resolve()],
])('it is said over the line when %s', async ([, become], { scene }) => {
  const device = await scene.device();
  device.expectComplaint(/Failed to load resource/);
  await device.context.route(OFFER, become);
  const said = await lineAfter(device, Promise.resolve());
  await arrives(scene, await scene.device(), device);
  expect(said.filter((type) => type === 'OFFER')).toHaveLength(1);
});

test('it counts no more when the line opens so late that an answer may be lost', async ({ scene }) => {
  const device = await scene.device();
  const { promise, resolve } = deferred();
  const said = await lineAfter(device, promise);
  await device.context.route(OFFER, async (route) => {
    await route.fulfill({ status: 204 });
    setTimeout(() => resolve(undefined), 4_500);
  });
  await arrives(scene, await scene.device(), device);
  expect(said.filter((type) => type === 'OFFER')).toHaveLength(1);
});

test('from a far server it is asked for before the page’s files, which need connections of their own', async ({
  scene,
}) => {
  const device = await scene.device();
  const asked: string[] = [];
  device.context.on('request', (request) => asked.push(new URL(request.url()).pathname));
  await device.context.addInitScript(() => {
    const far = [{ requestStart: 0, responseStart: 100 }];
    Object.assign(performance, { getEntriesByType: () => far });
  });
  await arrives(scene, await scene.device(), device);
  expect(asked.slice(0, 2)).toEqual(['/', '/peerjs/offer']);
});

/** What an end-to-end test starts from: browsers, screens and files, all cleaned up after it. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test as base, expect, inject } from 'vitest';
import { Device, settled } from './browser.ts';
import { FirefoxDevice } from './firefox.ts';
import { writeRandomFile, type TestFile } from './files.ts';
import { ReceiverScreen, SenderScreen } from './pages.ts';

export class Scene {
  readonly #devices: (Device | FirefoxDevice)[] = [];

  constructor(
    /** A folder of this test's own. */
    readonly folder: string,
    readonly baseUrl: string,
  ) {}

  /** A browser of its own for each person. */
  async device(): Promise<Device> {
    const device = await Device.launch();
    this.#devices.push(device);
    return device;
  }

  /** The same, with Firefox. */
  async firefox(): Promise<FirefoxDevice> {
    const device = await FirefoxDevice.launch();
    this.#devices.push(device);
    return device;
  }

  file(name: string, bytes: number): Promise<TestFile> {
    return writeRandomFile(join(this.folder, name), bytes);
  }

  /** A new person who shares these files. */
  async sender(files: readonly TestFile[]): Promise<SenderScreen> {
    const sender = await SenderScreen.open(await this.device(), this.baseUrl);
    await sender.chooseFiles(files.map(({ path }) => path));
    return sender;
  }

  /** A new person who opens a link. */
  async receiver(link: string): Promise<ReceiverScreen> {
    return ReceiverScreen.open(await this.device(), link);
  }

  /** A share of these files, and one person who has opened its link. */
  async pair(files: readonly TestFile[]): Promise<readonly [SenderScreen, ReceiverScreen]> {
    const sender = await this.sender(files);
    return [sender, await this.receiver(await sender.link())];
  }

  /** What every open page shows. */
  describe(): Promise<string> {
    return settled(this.#devices.map((device) => device.describe()));
  }

  complaints(): string[] {
    return this.#devices.flatMap(({ complaints }) => complaints);
  }

  async close(): Promise<void> {
    await Promise.all(this.#devices.map((device) => device.close()));
    await rm(this.folder, { recursive: true, force: true });
  }
}

/** Also fails a test when one of its pages printed or threw an error, and says with a failure what all pages showed. */
export const test = base.extend<{ scene: Scene }>({
  scene: async ({ task }, use) => {
    const scene = new Scene(await mkdtemp(join(tmpdir(), 'beeline-e2e-')), inject('baseUrl'));
    await use(scene);
    const [failure] = task.result?.errors ?? [];
    if (failure !== undefined) failure.message += `\n\n${await scene.describe()}`;
    const complaints = scene.complaints();
    await scene.close();
    expect(complaints).toEqual([]);
  },
});

/** A disk that fills up in mid-transfer, and has room again. Rule [R4]. */
import { expect, vi } from 'vitest';
import { CREDIT_BYTES, PIECE_BYTES } from '../../src/core/limits.ts';
import { RESERVE_BYTES } from '../../src/workers/opfs-file.ts';
import type { Device } from './browser.ts';
import { MIB, sha256OfFile } from './files.ts';
import { ReceiverScreen, SenderScreen, underServiceWorker } from './pages.ts';
import { type Scene, test } from './scene.ts';
import { SmallDisk } from './small-disk.ts';
import { countWire, tapWire } from './wire.ts';

/** Of whole pieces, so that what is missing can be counted in them. */
const FILE_BYTES = 72 * PIECE_BYTES;

/** Room for the profile, and for the file in the browser's storage, in Downloads, and where the test keeps it. */
const DISK_BYTES = 4 * FILE_BYTES;

/** The part of the file after which the disk is full. */
const FULL_AT = 0.6;

/** Part of the file that the profile may grow by meanwhile, and the reserve that the writer holds. */
const OTHERS = 0.1;

/** Bytes that may be sent for each that is asked for: headers. */
const TOLERANCE = 1.02;

/** More than a piece may arrive damaged. */
const VAIN_ATTEMPTS = 4;

const mayMount = await SmallDisk.mount(MIB).then(
  async (disk) => {
    await disk.unmount();
    return true;
  },
  () => false,
);
if (!mayMount) console.log('A full disk is not tested: this process may not mount a file system of limited size.');

test.skipIf(!mayMount)(
  '[R4] a disk that fills at 60 % pauses both sides, keeps what is verified, and goes on when there is room',
  async ({ scene }) => {
    const disk = await SmallDisk.mount(DISK_BYTES);
    const receiving = await deviceOn(disk, scene);
    try {
      const file = await scene.file('film.bin', FILE_BYTES);
      const sending = await scene.device();
      await Promise.all([receiving, sending].map(({ context }) => tapWire(context)));
      const sender = await SenderScreen.open(sending, scene.baseUrl);
      await sender.chooseFiles([file.path]);
      const receiver = await ReceiverScreen.open(receiving, await sender.link());
      await receiver.button('Receive').waitFor();
      // What the page keeps of itself takes room as well.
      await underServiceWorker(receiver.page);
      const freeBytes = await disk.freeBytes();
      await receiver.receive();

      // What is under way then still fits: credit is a quarter of the file.
      await sender.pauseAt(0.2);
      await receiver.heading('Paused by the sender').waitFor();
      await disk.fill(freeBytes - FULL_AT * FILE_BYTES);
      await sender.button('Resume').click();
      await bothPaused(sender, receiver);
      const verified = await receiver.shown();
      expect(verified).toBeLessThanOrEqual(FULL_AT);
      expect(verified).toBeGreaterThan(FULL_AT - OTHERS);
      expect(await disk.freeBytes()).toBeGreaterThan(RESERVE_BYTES / 2);
      // Without the writer's reserve this finds no room, and Chromium deletes all that the page keeps.
      await receiver.page.evaluate(openDatabase);

      for (let attempt = 0; attempt < VAIN_ATTEMPTS; attempt++) {
        const { again } = await countWire(receiver.page);
        await receiver.button('Resume').click();
        await expect.poll(async () => (await countWire(receiver.page)).again).toBeGreaterThan(again);
        await bothPaused(sender, receiver);
      }
      expect(await receiver.shown()).toBeGreaterThanOrEqual(verified);

      // Another page finds it all, and no more room than this one.
      const first = await countWire(receiver.page);
      await receiver.page.reload();
      await bothPaused(sender, receiver);
      expect(await receiver.shown()).toBeGreaterThanOrEqual(verified);

      await disk.makeRoom();
      const saved = receiver.savedOne();
      await receiver.button('Resume').click();
      expect(await sha256OfFile(await saved)).toBe(file.sha256);
      await sender.verified();

      const { wanted, again } = await countWire(receiver.page);
      const [, before = 0, after = 0] = (await countWire(sender.page)).bulk;
      const missing = (wanted[1] ?? 0) * PIECE_BYTES;
      const refused = first.again * PIECE_BYTES;
      const refusedAfter = (again - first.again) * PIECE_BYTES;
      console.log(
        `full disk: ${mib(missing)} missing after the reload, ${mib(after)} sent; asked for again ` +
          `${mib(refused)} before and ${mib(refusedAfter)} after it`,
      );
      // What the screen shows is a fraction.
      expect(missing).toBeLessThanOrEqual(Math.round(FILE_BYTES * (1 - verified)));
      expect(after).toBeLessThanOrEqual(TOLERANCE * (missing + refusedAfter));
      // What was refused and not asked for again by the first page is bounded by credit.
      expect(before).toBeLessThanOrEqual(TOLERANCE * (FILE_BYTES - missing + refused) + CREDIT_BYTES);
    } finally {
      await receiving.close();
      await disk.unmount();
    }
  },
);

/** Everything this person's browser writes is on that disk, Downloads too. */
async function deviceOn(disk: SmallDisk, scene: Scene): Promise<Device> {
  vi.stubEnv('TMPDIR', disk.folder);
  try {
    return await scene.device();
  } finally {
    vi.unstubAllEnvs();
  }
}

/** Both screens say that it rests, and the receiver's why. */
async function bothPaused(sender: SenderScreen, receiver: ReceiverScreen): Promise<void> {
  await receiver.failure('no-room').waitFor();
  await receiver.heading('Paused').waitFor();
  await sender.receivers.getByText('Paused by the receiver').waitFor();
}

/** Runs in the page. Rejects when the browser has no room for a new database. */
function openDatabase(): Promise<void> {
  return new Promise((resolve, reject) => {
    const opening = indexedDB.open('another');
    opening.onsuccess = () => resolve();
    opening.onerror = () => reject(new Error(opening.error?.message));
  });
}

function mib(bytes: number): string {
  return `${(bytes / MIB).toFixed(1)} MiB`;
}

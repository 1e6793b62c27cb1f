/** The short form of `npm run netlab -- changes`: those that no connection survives, one after the other in one lab. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { MIB, writeRandomFile, type TestFile } from '../e2e/files.ts';
import { CHANGES, PUNCHED, Scene, wordsOf } from './changes.ts';
import { labRefusal } from './namespaces.ts';

const refusal = await labRefusal();
if (refusal !== null) console.log(`Skipped: ${refusal}`);

/** Ten seconds of sending, with the change after a quarter of it. */
const FILE_BYTES = 16 * MIB;

describe.skipIf(refusal !== null)('[C14] [C15] the network changes, and the transfer ends equal by itself', () => {
  let scene: Scene;
  let folder: string;
  let file: TestFile;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'beeline-changes-'));
    file = await writeRandomFile(join(folder, 'file.bin'), FILE_BYTES);
    scene = await Scene.open(PUNCHED);
  });
  afterAll(async () => {
    await scene.close();
    await rm(folder, { recursive: true, force: true });
  });

  // The last one stays: no UDP leaves the sender's network from then on.
  test.for(['receiver-moves', 'sender-moves', 'udp-blocked'] as const)('%s', async (name) => {
    const changed = await scene.change(CHANGES[name], file);
    if (typeof changed === 'string') throw new Error(changed);
    console.log(`${name}: ${wordsOf(changed)}`);
    expect(changed).toMatchObject({ isEqual: true });
  });
});

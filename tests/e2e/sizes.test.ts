import { expect } from 'vitest';
import { CHUNK_BYTES, PIECE_BYTES } from '../../src/core/limits.ts';
import { MIB, sha256OfFile, sha256OfZip, type TestFile } from './files.ts';
import { test } from './scene.ts';

const SIZES = [0, 1, 65_535, 65_536, 65_537, 1_048_575, 1_048_576, 1_048_577];
const BOUNDARIES = [CHUNK_BYTES, PIECE_BYTES].flatMap((bytes) => [bytes - 1, bytes, bytes + 1]);

test('files of 0 bytes up to just over a piece arrive together, equal', async ({ scene }) => {
  const files: TestFile[] = [];
  for (const bytes of [...SIZES, ...BOUNDARIES]) files.push(await scene.file(`${bytes}.bin`, bytes));
  const [sender, receiver] = await scene.pair(files);
  await receiver.receive();
  await receiver.verified();
  await sender.verified();

  const saved = await sha256OfZip(await receiver.saveAsZip());

  expect(saved).toEqual(new Map(files.map(({ name, sha256 }) => [name, sha256])));
});

test.for(SIZES)('a single file of %i bytes arrives equal', async (bytes, { scene }) => {
  const file = await scene.file('single.bin', bytes);
  const [sender, receiver] = await scene.pair([file]);
  expect(await sha256OfFile(await receiver.receiveOne())).toBe(file.sha256);
  await sender.verified();
});

test('a file of 256 MiB arrives equal', async ({ scene }) => {
  const file = await scene.file('large.bin', 256 * MIB);
  const [sender, receiver] = await scene.pair([file]);
  expect(await sha256OfFile(await receiver.receiveOne())).toBe(file.sha256);
  await sender.verified();
});

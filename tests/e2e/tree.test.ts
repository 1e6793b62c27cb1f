import { join } from 'node:path';
import { expect } from 'vitest';
import { sha256OfZip, writeRandomFile } from './files.ts';
import { test } from './scene.ts';
import { SenderScreen } from './pages.ts';

const FILES = 1_000;

/** Names that are safe on every system, in forms and scripts that careless code breaks. */
const NAMES = [
  'plain.txt',
  'with spaces and (brackets) [1].txt',
  'caf\u00e9 composed.txt',
  'cafe\u0301 decomposed.txt',
  '\u1112\u1161\u11ab\u1100\u1173\u11af conjoining.txt',
  '\u05e9\u05dc\u05d5\u05dd.pdf',
  '\u0645\u0631\u062d\u0628\u0627.pdf',
  '\u65e5\u672c\u8a9e\u306e\u30d5\u30a1\u30a4\u30eb.txt',
  '\u{1F469}\u200D\u{1F469}\u200D\u{1F467} family.png',
  '\u{1F41D}.bin',
  '100% & #hash; +plus=.txt',
  "it's; a `name`, $HOME ~.txt",
  'no-extension',
  '.hidden',
  'UPPER.TXT',
  `${'long'.repeat(50)}.txt`,
];
const FOLDERS = [
  'docs',
  'docs/\u00dcbersicht',
  'photos 2026/\u{1F3D6} beach',
  'deep/er/and/deep/er',
  '\u0645\u0644\u0641\u0627\u062a',
];

test('a folder of 1,000 files with Unicode names arrives as one zip, equal', async ({ scene }) => {
  const expected = new Map<string, string>();
  for (let i = 0; i < FILES; i++) {
    const folder = FOLDERS[i % FOLDERS.length] ?? '';
    const path = `tree/${folder}/${i} ${NAMES[i % NAMES.length] ?? ''}`;
    const { sha256 } = await writeRandomFile(join(scene.folder, path), (i * 37) % 20_000);
    expected.set(path.normalize('NFC'), sha256);
  }
  const sender = await SenderScreen.open(await scene.device(), scene.baseUrl);
  await sender.chooseFolder(join(scene.folder, 'tree'));
  const receiver = await scene.receiver(await sender.link());
  await receiver.receive();
  await receiver.verified();
  await sender.verified();

  const saved = await sha256OfZip(await receiver.saveAsZip());

  expect(saved.size).toBe(FILES);
  expect(saved).toEqual(expected);
});

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { utf8Length } from '../../src/core/bytes.ts';
import type { Run } from '../../src/core/have.ts';
import { CONTROL_MAX_BYTES, MAX_ENTRIES, MAX_PAGE_ENTRIES, MAX_PATH_BYTES, MAX_RUNS } from '../../src/core/limits.ts';
import { type Entry, makeManifest, type Manifest } from '../../src/core/manifest.ts';
import {
  type ControlMessage,
  eachOf,
  encodeControl,
  manifestMessages,
  ManifestReader,
  parseControl,
  runMessages,
  RunReader,
} from '../../src/core/messages.ts';
import { refusal } from './refusals.ts';

const SHARE = 'f'.repeat(32);

/** What a receiver has once all messages came, and how long each was. */
function deliver(messages: Iterable<ControlMessage>): { manifest: Manifest | null; longest: number; count: number } {
  let reader: ManifestReader | null = null;
  let longest = 0;
  let count = 0;
  for (const message of messages) {
    const text = encodeControl(message);
    longest = Math.max(longest, utf8Length(text));
    count += 1;
    const parsed = parseControl(text);
    if (parsed.t === 'manifest') reader = new ManifestReader(parsed);
    else if (parsed.t === 'entries') reader?.add(parsed);
  }
  return { manifest: reader?.finish() ?? null, longest, count };
}

function entryOf(path: string, size = 1): Entry {
  return { path, size, mtime: 0, type: '' };
}

/** Paths up to the longest allowed, of letters that JSON and UTF-8 write at very different lengths. */
const letter = fc.constantFrom(
  'a',
  '/',
  '"',
  '\\',
  '\0',
  '\x1f',
  '\x7f',
  'é',
  '名',
  '😀',
  '\ud800',
  '\udfff',
  '\u2028',
  '\u202e',
);
const path = fc
  .tuple(fc.string({ unit: letter, minLength: 1, maxLength: 8 }), fc.nat(4_000))
  .map(([unit, times]) => unit.repeat(1 + Math.floor((times % MAX_PATH_BYTES) / (utf8Length(unit) + 1))))
  .filter((text) => utf8Length(text) <= MAX_PATH_BYTES);
const anyEntry = fc.record({
  path: fc.oneof(path, fc.string({ unit: 'binary', minLength: 1 })),
  size: fc.nat(2 ** 40),
  mtime: fc.integer({ min: -1e12, max: 2e12 }),
  type: fc.string({ unit: letter, maxLength: 127 }),
});

describe('a manifest in pages', () => {
  it('[M1] [M3] keeps each message within 64 KiB and comes out as it went in', () => {
    fc.assert(
      fc.property(fc.array(anyEntry, { maxLength: 60 }), (entries) => {
        const manifest = makeManifest(SHARE, entries);
        const { manifest: read, longest } = deliver(manifestMessages(manifest));
        expect(read).toEqual(manifest);
        expect(longest).toBeLessThanOrEqual(CONTROL_MAX_BYTES);
      }),
    );
  });

  it('[M3] of the longest paths there can be is still within bounds', () => {
    for (const unit of ['\0', '名', '😀', '\ud800', '"']) {
      const longest = unit.repeat(Math.floor(MAX_PATH_BYTES / utf8Length(unit)));
      const manifest = makeManifest(
        SHARE,
        Array.from({ length: 40 }, () => entryOf(longest)),
      );
      const delivered = deliver(manifestMessages(manifest));
      expect(delivered.manifest).toEqual(manifest);
      expect(delivered.longest).toBeLessThanOrEqual(CONTROL_MAX_BYTES);
    }
  });

  it('[M3] of 100,000 entries comes in full pages', () => {
    const manifest = makeManifest(
      SHARE,
      Array.from({ length: MAX_ENTRIES }, (_, at) => entryOf(`f/${at}.bin`, at)),
    );
    const { manifest: read, count } = deliver(manifestMessages(manifest));
    expect(read?.totalBytes).toBe(manifest.totalBytes);
    expect(read?.entries).toHaveLength(MAX_ENTRIES);
    expect(count).toBe(1 + Math.ceil(MAX_ENTRIES / MAX_PAGE_ENTRIES));
  });

  it('[M4] without entries is whole at once', () => {
    expect(deliver(manifestMessages(makeManifest(SHARE, []))).manifest).toEqual(makeManifest(SHARE, []));
  });

  it('[M4] is not whole before its last entry, and takes none beyond', () => {
    const reader = new ManifestReader({ t: 'manifest', share: SHARE, entries: 2, bytes: 3 });
    const page = (...sizes: number[]) => ({
      t: 'entries' as const,
      list: sizes.map((size): [string, number, number, string] => ['a', size, 0, '']),
    });
    expect(reader.finish()).toBeNull();
    reader.add(page(1));
    expect(reader.finish()).toBeNull();
    expect(refusal(() => reader.add(page(1, 1)))).toBe('protocol');
    reader.add(page(2));
    expect(reader.finish()?.totalBytes).toBe(3);
    expect(refusal(() => reader.add(page(0)))).toBe('protocol');
  });

  it.each([2, 4])('[M4] is refused when its sizes add up to 3 and %d was announced', (bytes) => {
    const reader = new ManifestReader({ t: 'manifest', share: SHARE, entries: 1, bytes });
    reader.add({ t: 'entries', list: [['a', 3, 0, '']] });
    expect(refusal(() => reader.finish())).toBe('protocol');
  });
});

const ascending = fc.array(fc.tuple(fc.nat(50), fc.integer({ min: 1, max: 50 })), { maxLength: 40 }).map((gaps) => {
  let next = 0;
  return gaps.map(([gap, length]): Run => {
    const from = next + gap;
    next = from + length;
    return [from, length];
  });
});

describe('runs in pages', () => {
  it('[M5] come out as they went in, whatever the pages', () => {
    fc.assert(
      fc.property(ascending, fc.integer({ min: 1, max: 7 }), (runs, size) => {
        const reader = new RunReader(10_000);
        for (let at = 0; at < runs.length; at += size) reader.add(runs.slice(at, at + size));
        expect(reader.runs).toEqual(runs);
      }),
    );
  });

  it.each([
    ['falls', [[[5, 1]], [[4, 1]]]],
    ['overlaps', [[[0, 3]], [[2, 2]]]],
    ['repeats', [[[0, 3]], [[0, 3]]]],
    [
      'repeats within a page',
      [
        [
          [0, 1],
          [0, 1],
        ],
      ],
    ],
    ['leaves the share', [[[9, 2]]]],
    ['begins beyond it', [[[10, 1]]]],
    ['is as long as 32 bits allow', [[[0, 0xffff_ffff]]]],
  ] as [string, Run[][]][])('[M5] are refused when one %s', (_, pages) => {
    const reader = new RunReader(10);
    expect(refusal(() => pages.forEach((page) => reader.add(page)))).toBe('protocol');
  });

  it('[M5] make at least one message, all but the last marked as followed, each within 64 KiB', () => {
    for (const count of [0, 1, MAX_RUNS, MAX_RUNS + 1, MAX_RUNS * 3]) {
      const runs = Array.from({ length: count }, (_, at): Run => [0xffff_0000 - MAX_RUNS * 6 + at * 2, 1]);
      const messages = [...runMessages(runs, (page, more) => ({ t: 'want', runs: page, more }) as const)];
      expect(messages.map(({ more }) => more)).toEqual(messages.map((_, at) => at < messages.length - 1));
      expect(messages.flatMap((message) => message.runs)).toEqual(runs);
      for (const message of messages) {
        expect(encodeControl(message).length).toBeLessThanOrEqual(CONTROL_MAX_BYTES);
        expect(parseControl(encodeControl(message))).toEqual(message);
      }
    }
  });

  it('[M5] name each number once', () => {
    expect([
      ...eachOf([
        [3, 2],
        [9, 1],
      ]),
    ]).toEqual([3, 4, 9]);
    expect([...eachOf([])]).toEqual([]);
  });
});

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  counted,
  formatBytes,
  formatDuration,
  formatPercent,
  formatRoundTrip,
  formatSpeed,
  shortenMiddle,
  splitPath,
} from '../../src/ui/format.ts';

describe('formatBytes', () => {
  it.each([
    [0, '0 bytes'],
    [1, '1 byte'],
    [999, '999 bytes'],
    [1_000, '1 kB'],
    [1_536, '1.54 kB'],
    [12_345, '12.3 kB'],
    [999_499, '999 kB'],
    [999_500, '1 MB'],
    [120_000_000, '120 MB'],
    [536_870_912, '537 MB'],
    [1_840_221_904, '1.84 GB'],
    [2 ** 44, '17.6 TB'],
  ])('says %d as %s', (bytes, text) => {
    expect(formatBytes(bytes)).toBe(text);
  });

  it('never shows four digits before the unit', () => {
    fc.assert(fc.property(fc.integer({ min: 0, max: 2 ** 49 }), (bytes) => !formatBytes(bytes).includes(',')));
  });
});

it.each([
  [0, '0 byte/s'],
  [900, '900 byte/s'],
  [11_400_000, '11.4 MB/s'],
  [125_000_000, '125 MB/s'],
])('formatSpeed says %d as %s', (speed, text) => {
  expect(formatSpeed(speed)).toBe(text);
});

it.each([
  [0, '1 sec'],
  [4.4, '4 sec'],
  [38, '40 sec'],
  [54.9, '55 sec'],
  [58, '1 min'],
  [170, '3 min'],
  [3_599, '1 hr'],
  [4_800, '1 hr 20 min'],
  [200_000, '2 days'],
])('formatDuration says %d seconds as %s', (seconds, text) => {
  expect(formatDuration(seconds)).toBe(text);
});

it('formatPercent says 100 % only when nothing is missing', () => {
  expect(formatPercent(0)).toBe('0%');
  expect(formatPercent(0.999_999)).toBe('99%');
  expect(formatPercent(1)).toBe('100%');
});

it('formatRoundTrip does not show fractions', () => {
  expect(formatRoundTrip(0.4)).toBe('< 1 ms');
  expect(formatRoundTrip(12.4)).toBe('12 ms');
});

it('counted agrees in number', () => {
  expect(counted(0, 'file')).toBe('0 files');
  expect(counted(1, 'file')).toBe('1 file');
  expect(counted(10_000, 'file')).toBe('10,000 files');
  expect(counted(2, 'entry', 'entries')).toBe('2 entries');
});

it('splitPath parts folders from the name', () => {
  expect(splitPath('a/b/c.txt')).toEqual({ folder: 'a/b', name: 'c.txt' });
  expect(splitPath('c.txt')).toEqual({ folder: '', name: 'c.txt' });
});

describe('shortenMiddle', () => {
  it('keeps what fits', () => {
    expect(shortenMiddle('photo.jpg', 9)).toBe('photo.jpg');
  });

  it('leaves out the middle and keeps the extension', () => {
    expect(shortenMiddle('a long name of a photo 0001.jpg', 20)).toBe('a long name o…01.jpg');
  });

  it('never cuts a character made of several code points', () => {
    const family = '👨‍👩‍👧‍👦';
    const short = shortenMiddle(family.repeat(10), 5);
    expect(short.replaceAll(family, '')).toBe('…');
  });

  it('never exceeds its room, whatever the widths', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme', maxLength: 60 }), fc.integer({ min: 4, max: 40 }), (text, room) => {
        const widthOf = (symbol: string): number => (symbol > 'm' ? 2 : 1);
        const segments = [...new Intl.Segmenter('en').segment(shortenMiddle(text, room, widthOf))];
        const width = segments.reduce((sum, { segment }) => sum + widthOf(segment), 0);
        // The ellipsis is wide here, and joining head and tail may join characters, never add one.
        expect(width).toBeLessThanOrEqual(room);
      }),
    );
  });
});

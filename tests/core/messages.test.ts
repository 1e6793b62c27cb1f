import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ERROR_CODES } from '../../src/core/errors.ts';
import { CONTROL_MAX_BYTES, MAX_PATH_BYTES, MAX_RUNS, MAX_SHARE_BYTES } from '../../src/core/limits.ts';
import { type ControlMessage, encodeControl, parseControl } from '../../src/core/messages.ts';
import { refusal } from './refusals.ts';

const U32 = 0xffff_ffff;
const SHARE = '0123456789abcdef'.repeat(2);
const u32 = fc.nat(U32);
const run = fc.tuple(u32, fc.integer({ min: 1, max: U32 }));
const runs = fc.array(run, { maxLength: 40 });
const code = fc.constantFrom(...ERROR_CODES);
const entry = fc.tuple(
  fc.string({ unit: 'binary', minLength: 1, maxLength: 60 }),
  fc.nat(MAX_SHARE_BYTES),
  fc.integer({ min: -8.64e15, max: 8.64e15 }),
  fc.string({ maxLength: 127 }),
);
const device = fc.string({ unit: fc.constantFrom(...Array.from('aZ0 .,()_-éß名日あ١')), maxLength: 64 });

const anyMessage: fc.Arbitrary<ControlMessage> = fc.oneof(
  fc.record({ t: fc.constant('hello'), version: u32, device }),
  fc.record({
    t: fc.constant('manifest'),
    share: fc.constant(SHARE),
    entries: fc.nat(100_000),
    bytes: fc.nat(MAX_SHARE_BYTES),
  }),
  fc.record({ t: fc.constant('entries'), list: fc.array(entry, { minLength: 1, maxLength: 30 }) }),
  fc.record({ t: fc.constant('accept'), entries: runs, more: fc.boolean() }),
  fc.record({ t: fc.constant('want'), runs, more: fc.boolean() }),
  fc.record({ t: fc.constant('again'), piece: u32, damaged: fc.boolean() }),
  fc.record({ t: fc.constant('ack'), credit: fc.maxSafeNat(), verified: runs }),
  fc.record({ t: fc.constant('entry-failed'), entry: fc.nat(100_000), code }),
  fc.record({
    t: fc.constantFrom('entry-pause', 'entry-resume', 'entry-cancel'),
    entry: fc.nat(100_000),
  }),
  fc.record({ t: fc.constant('error'), code }),
  fc.record({ t: fc.constantFrom('asking', 'pause', 'resume', 'decline', 'cancel', 'done', 'bye') }),
);

/** Every kind once, for the table of what is refused. */
const GOOD = {
  hello: { t: 'hello', version: 1, device: 'Firefox on Linux' },
  manifest: { t: 'manifest', share: SHARE, entries: 1, bytes: 5 },
  entries: { t: 'entries', list: [['a/b', 5, 0, '']] },
  accept: { t: 'accept', entries: [[0, 1]], more: false },
  want: { t: 'want', runs: [[0, 1]], more: false },
  again: { t: 'again', damaged: true, piece: 0 },
  ack: { t: 'ack', credit: 0, verified: [[0, 1]] },
  'entry-failed': { t: 'entry-failed', entry: 0, code: 'source-gone' },
  'entry-pause': { t: 'entry-pause', entry: 0 },
  'entry-cancel': { t: 'entry-cancel', entry: 0 },
  error: { t: 'error', code: 'protocol' },
  pause: { t: 'pause' },
} satisfies Record<string, ControlMessage>;

function read(message: unknown): ReturnType<typeof refusal> {
  return refusal(() => parseControl(typeof message === 'string' ? message : JSON.stringify(message)));
}

describe('control messages', () => {
  it('[M1] of every kind read back as they were', () => {
    fc.assert(
      fc.property(anyMessage, (message) => {
        expect(parseControl(encodeControl(message))).toEqual(message);
      }),
      { numRuns: 500 },
    );
  });

  it.each(Object.entries(GOOD))('[M1] %s refuses an unknown field and a missing one', (_, message) => {
    expect(read(message)).toBeNull();
    expect(read({ ...message, more_of: 1 })).toBe('protocol');
    for (const name of ['__proto__', 'constructor', 'toString']) {
      expect(read(JSON.stringify(message).replace('{', `{"${name}":{"polluted":1},`))).toBe('protocol');
    }
    expect(({} as Record<string, unknown>)['polluted']).toBeUndefined();
    for (const field of Object.keys(message)) {
      const lacking = Object.fromEntries(Object.entries(message).filter(([name]) => name !== field));
      expect(read(lacking)).toBe('protocol');
    }
  });

  it.each(Object.entries(GOOD))('[M1] %s refuses each field of another type', (_, message) => {
    for (const field of Object.keys(message)) {
      for (const value of [null, 'x', -1, 1.5, 1e300, {}, [[]], [[0]], [[0, 0]], [[1, 2, 3]], [null], true]) {
        if ((field === 'more' || field === 'damaged') && value === true) continue;
        if (field === 'device' && value === 'x') continue;
        expect(read({ ...message, [field]: value })).toBe('protocol');
      }
    }
  });

  const outOfRange: [string, unknown][] = [
    ['a version over 32 bits', { ...GOOD.hello, version: U32 + 1 }],
    ['a device of 65 letters', { ...GOOD.hello, device: 'a'.repeat(65) }],
    ['a share id in capitals', { ...GOOD.manifest, share: SHARE.toUpperCase() }],
    ['a share id with a line feed', { ...GOOD.manifest, share: `${SHARE}\n` }],
    ['a share id that is short', { ...GOOD.manifest, share: SHARE.slice(1) }],
    ['1,000,000 entries', { ...GOOD.manifest, entries: 1_000_000 }],
    ['100,001 entries', { ...GOOD.manifest, entries: 100_001 }],
    ['more than 16 TiB', { ...GOOD.manifest, bytes: MAX_SHARE_BYTES + 1 }],
    ['no entry in a page', { t: 'entries', list: [] }],
    ['513 entries in a page', { t: 'entries', list: Array.from({ length: 513 }, () => ['a', 0, 0, '']) }],
    ['an empty path', { t: 'entries', list: [['', 5, 0, '']] }],
    ['a name of 100 KB', { t: 'entries', list: [['n'.repeat(100_000), 5, 0, '']] }],
    ['a path of 4,097 bytes', { t: 'entries', list: [['n'.repeat(MAX_PATH_BYTES + 1), 5, 0, '']] }],
    ['a path of 4,098 bytes in 2,049 letters', { t: 'entries', list: [['é'.repeat(2_049), 5, 0, '']] }],
    ['a size over 16 TiB', { t: 'entries', list: [['a', MAX_SHARE_BYTES + 1, 0, '']] }],
    ['a negative size', { t: 'entries', list: [['a', -1, 0, '']] }],
    ['half a byte', { t: 'entries', list: [['a', 0.5, 0, '']] }],
    ['a time no Date can have', { t: 'entries', list: [['a', 1, 8.64e15 + 2, '']] }],
    ['a time before all Dates', { t: 'entries', list: [['a', 1, -8.64e15 - 2, '']] }],
    ['a media type of 128 letters', { t: 'entries', list: [['a', 1, 0, 't'.repeat(128)]] }],
    ['a fifth field of an entry', { t: 'entries', list: [['a', 1, 0, '', 1]] }],
    ['an entry with three fields', { t: 'entries', list: [['a', 1, 0]] }],
    ['too many runs', { ...GOOD.want, runs: Array.from({ length: MAX_RUNS + 1 }, () => [0, 1]) }],
    ['an empty run', { ...GOOD.want, runs: [[4, 0]] }],
    ['a run beyond 32 bits', { ...GOOD.accept, entries: [[U32 + 1, 1]] }],
    ['a piece beyond 32 bits', { ...GOOD.again, piece: U32 + 1 }],
    ['credit beyond what is exact', { ...GOOD.ack, credit: Number.MAX_SAFE_INTEGER + 1 }],
    ['an entry beyond the largest share', { ...GOOD['entry-failed'], entry: 100_001 }],
    ['a pause of an entry beyond the largest share', { t: 'entry-pause', entry: 100_001 }],
    ['a cancel of an entry beyond the largest share', { t: 'entry-cancel', entry: 100_001 }],
    ['a code that is none', { ...GOOD.error, code: 'constructor' }],
    ['another kind', { t: 'HELLO' }],
    ['a kind every object has', { t: 'toString' }],
    ['a list of messages', [GOOD.pause]],
    ['null', null],
    ['a number', 7],
  ];

  it.each(outOfRange)('[M1] [M3] refuse %s', (_, message) => expect(read(message)).toBe('protocol'));

  it.each(['\u202e', '\n', '\0', '<', '/', '“', '\u200f', '😀', '\ud800'])(
    '[M6] a device’s name has no %j',
    (letter) => {
      expect(read({ ...GOOD.hello, device: `a${letter}b` })).toBe('protocol');
    },
  );

  it.each([
    ['a path of 4,096 bytes', { t: 'entries', list: [['é'.repeat(2_048), 5, 0, '']] }],
    ['a file from before 1970', { t: 'entries', list: [['a', 5, -86_400_000, '']] }],
    ['an empty share', { ...GOOD.manifest, entries: 0, bytes: 0 }],
    ['a device that says nothing', { ...GOOD.hello, device: '' }],
    ['no run', { ...GOOD.want, runs: [] }],
    ['as many runs as a page holds', { ...GOOD.want, runs: Array.from({ length: MAX_RUNS }, (_, at) => [at * 2, 1]) }],
  ])('[M1] accept %s', (_, message) => expect(read(message)).toBeNull());
});

describe('what is not a control message', () => {
  it.each([
    ['a buffer', new ArrayBuffer(8)],
    ['null', null],
    ['nothing', undefined],
    ['an object', { t: 'pause' }],
    ['a Blob', new Blob(['{"t":"pause"}'])],
  ])('[M1] %s is refused', (_, message) => expect(refusal(() => parseControl(message))).toBe('protocol'));

  it('[M1] more than 64 KiB is refused, counted in UTF-8', () => {
    const padded = (text: string, bytes: number) => `{"t":"pause"}${text.repeat(bytes)}`;
    expect(read(padded(' ', CONTROL_MAX_BYTES - 13))).toBeNull();
    expect(read(padded(' ', CONTROL_MAX_BYTES - 12))).toBe('protocol');
    // 25,000 letters are 75,000 bytes.
    const wide = { t: 'entries', list: Array.from({ length: 25 }, () => ['名'.repeat(1_000), 1, 0, '']) };
    expect(JSON.stringify(wide).length).toBeLessThan(CONTROL_MAX_BYTES);
    expect(read(wide)).toBe('protocol');
    expect(read('x'.repeat(10_000_000))).toBe('protocol');
  });

  it('[M1] deep nesting is refused like anything else', () => {
    for (const open of ['[', '{"t":', '{"t":"want","runs":[', '{"a":']) {
      const depth = Math.floor(CONTROL_MAX_BYTES / (open.length + 1)) - 1;
      const close = open.startsWith('[') ? ']' : open.endsWith('[') ? ']}' : '}';
      expect(read(open.repeat(depth))).toBe('protocol');
      expect(read(`${open.repeat(depth / 2)}1${close.repeat(depth / 2)}`)).toBe('protocol');
    }
  });

  it('[M1] any text and any JSON is refused with that code, or is a message', () => {
    const near = fc.record(
      {
        t: fc.oneof(fc.constantFrom(...Object.keys(GOOD)), fc.string()),
        version: fc.anything(),
        device: fc.anything(),
        entries: fc.oneof(fc.anything(), runs),
        runs: fc.oneof(fc.anything(), runs),
        list: fc.oneof(fc.anything(), fc.array(fc.oneof(entry, fc.anything()))),
        more: fc.oneof(fc.boolean(), fc.anything()),
        piece: fc.anything(),
        credit: fc.anything(),
        verified: fc.anything(),
        code: fc.oneof(code, fc.anything()),
      },
      { requiredKeys: ['t'] },
    );
    const text = fc.oneof(
      fc.string(),
      fc.string({ unit: 'binary' }),
      fc.json(),
      near.map((value) => JSON.stringify(value)),
    );
    fc.assert(
      fc.property(text, (message) => {
        const refused = refusal(() => expect(parseControl(message)).toEqual(JSON.parse(message)));
        expect([null, 'protocol']).toContain(refused);
      }),
      { numRuns: 1_500 },
    );
  });
});

import { describe, expect, it } from 'vitest';
import { ERROR_CODES, explain, type ErrorCode } from '../../src/core/errors.ts';
import type { SenderState } from '../../src/core/sender.ts';
import type { Progress } from '../../src/flow/views.ts';
import { failureReasons } from '../../src/ui/failure-reasons.ts';
import {
  deliveryNews,
  deliveryWords,
  fractionOf,
  pathWords,
  receivingWords,
  signalingWords,
  slownessWords,
} from '../../src/ui/sentences.ts';
import {
  acceptanceOf,
  deliveryOf,
  ENTRIES,
  manifestOf,
  pauseBy,
  progressOf,
  receivingOf,
  RELAY,
} from '../doubles/services.ts';

const RUNNING = { byMe: false, byPeer: false };

it('names every path', () => {
  expect(pathWords({ kind: 'lan', relayProtocol: null, rttMs: 1 })).toBe('Same network');
  expect(pathWords({ kind: 'direct', relayProtocol: null, rttMs: 1 })).toBe('Direct');
  expect(pathWords(RELAY)).toBe('Relayed over TCP');
  expect(pathWords({ ...RELAY, relayProtocol: null })).toBe('Relayed');
  expect(slownessWords(RELAY)).toBe('slower than direct');
  expect(slownessWords({ ...RELAY, relayProtocol: 'udp' })).toBe('');
});

it('says nothing about a line that is open, and something about every other', () => {
  expect(signalingWords('open')).toBeNull();
  for (const status of ['connecting', 'offline', 'no-network', 'taken', 'refused'] as const) {
    expect(signalingWords(status)?.sentence).not.toBe('');
  }
});

describe('the receiving screen', () => {
  it.each([
    ['Connecting', receivingOf({ at: 'connecting', attempt: 0, reason: null })],
    ['Waiting for the sender', receivingOf({ at: 'connecting', attempt: 1, reason: 'sender-away' })],
    ['Waiting for the sender to allow you', receivingOf({ at: 'greeting', asked: true })],
    [
      'Chrome on Linux wants to send you 7 files',
      receivingOf({ at: 'offered', manifest: manifestOf(ENTRIES), problem: null }),
    ],
    ['Receiving 7 files', receivingOf({ at: 'transferring', pause: RUNNING, seeking: null, ...acceptanceOf(ENTRIES) })],
    [
      'Paused by you',
      receivingOf({ at: 'transferring', pause: pauseBy('me'), seeking: null, ...acceptanceOf(ENTRIES) }),
    ],
    [
      'Paused by the sender',
      receivingOf({ at: 'transferring', pause: pauseBy('peer'), seeking: null, ...acceptanceOf(ENTRIES) }),
    ],
    [
      'Reconnecting',
      receivingOf({
        at: 'reconnecting',
        attempt: 1,
        reason: 'connection-lost',
        pause: RUNNING,
        ...acceptanceOf(ENTRIES),
      }),
    ],
    ['Received and verified', receivingOf({ at: 'finished', confirmed: true, attempt: 0, ...acceptanceOf(ENTRIES) })],
  ])('is headed %s', (heading, { view }) => {
    expect(receivingWords(view).sentence).toBe(heading);
  });

  it('[C11] keeps the reason while it tries again, and puts the server first', () => {
    const tried = { at: 'connecting', attempt: 3, reason: 'relay-unreachable' } as const;
    const { sentence, next } = receivingWords(receivingOf(tried).view);
    expect([sentence, next]).toEqual(['Not connected yet', expect.stringContaining(explain(tried.reason).sentence)]);
    const cut = receivingWords(receivingOf({ ...tried, reason: 'sender-away' }, { signaling: 'no-network' }).view);
    expect(cut.next).toContain(explain('offline').sentence);
  });

  it('is headed by the sentence of any failure', () => {
    for (const code of ERROR_CODES) {
      expect(receivingWords(receivingOf({ at: 'failed', code, kept: null }).view)).toEqual(explain(code));
    }
  });

  it('does not call a transfer whole that is not', () => {
    const failures = new Map<number, ErrorCode>([[1, 'source-gone']]);
    const some = receivingOf(
      { at: 'finished', confirmed: true, attempt: 0, ...acceptanceOf(ENTRIES) },
      { progress: progressOf(ENTRIES, { failures }) },
    );
    expect(receivingWords(some.view).sentence).toBe('Received and verified: 6 of 7 files');
    const all = new Map(ENTRIES.map((_, entry) => [entry, 'source-gone'] as const));
    const none = receivingOf(
      { at: 'finished', confirmed: true, attempt: 0, ...acceptanceOf(ENTRIES) },
      { progress: progressOf(ENTRIES, { failures: all }) },
    );
    expect(receivingWords(none.view).sentence).toBe('No file could be received');
  });
});

describe('files that are held back or cancelled', () => {
  const moving = (progress: Progress) =>
    receivingOf({ at: 'transferring', pause: RUNNING, seeking: null, ...acceptanceOf(ENTRIES) }, { progress });
  const done = (progress: Progress) =>
    receivingOf({ at: 'finished', confirmed: true, attempt: 0, ...acceptanceOf(ENTRIES) }, { progress });

  it('a transfer is paused once they are all it lacks', () => {
    const some = progressOf(ENTRIES, { fraction: 0.5, paused: [2] });
    expect(receivingWords(moving(some).view).sentence).toBe('Receiving 7 files');
    const all = progressOf(ENTRIES, { fraction: 1, paused: [2] });
    expect(receivingWords(moving(all).view).sentence).toBe('Paused by you');
  });

  it('counts them out, and is no failure', () => {
    const progress = progressOf(ENTRIES, { fraction: 1, cancelled: new Map([[2, 'me']]) });
    expect(receivingWords(moving(progress).view).sentence).toBe('Receiving 6 files');
    const { sentence, next } = receivingWords(done(progress).view);
    expect([sentence, next]).toEqual(['Received and verified', expect.stringMatching(/^1 file cancelled\. /)]);
    expect(deliveryWords({ at: 'finished' }, 0, 1).next).toMatch(/^1 file cancelled\. /);
    expect(deliveryWords({ at: 'finished' }, 0).next).not.toContain('cancelled');
  });

  it('does not call a transfer received of which every file was cancelled', () => {
    const cancelled = new Map(ENTRIES.map((_, entry) => [entry, 'me'] as const));
    expect(receivingWords(done(progressOf(ENTRIES, { cancelled })).view).sentence).toBe('Every file was cancelled');
  });
});

it('has words for every state of a delivery', () => {
  const states: SenderState[] = [
    { at: 'connecting' },
    { at: 'asking' },
    { at: 'offered' },
    { at: 'transferring', pause: pauseBy('peer') },
    { at: 'finished' },
    { at: 'lost', code: 'connection-lost' },
    { at: 'declined', by: 'peer' },
    { at: 'cancelled', by: 'me' },
    { at: 'failed', code: 'protocol' },
  ];
  const sentences = states.map((state) => deliveryWords(state, 0).sentence);
  expect(new Set(sentences).size).toBe(states.length);
  expect(sentences).toContain('Paused by the receiver');
});

it('announces what changed about deliveries, and not their progress', () => {
  const moving = deliveryOf('1', 'Firefox', { at: 'transferring', pause: RUNNING });
  expect(deliveryNews([], [moving])).toBe('Firefox: Receiving');
  expect(deliveryNews([moving], [{ ...moving, progress: progressOf(ENTRIES, { fraction: 0.5 }) }])).toBe('');
  expect(deliveryNews([moving], [{ ...moving, state: { at: 'finished' } }])).toBe('Firefox: Verified');
});

it('gives each reason of failed files once', () => {
  const failures = new Map<number, ErrorCode>([
    [0, 'source-gone'],
    [1, 'source-changed'],
    [2, 'source-changed'],
  ]);
  const reasons = failureReasons([0, 1, 2], progressOf(ENTRIES, { failures }).entries);
  expect(reasons.map(({ count }) => count)).toEqual([2, 1]);
});

it('measures a share of empty files by files', () => {
  const empty = [{ path: 'a', size: 0, mtime: 0, type: '' }];
  expect(fractionOf(progressOf(empty))).toBe(0);
  expect(fractionOf(progressOf(empty, { fraction: 1 }))).toBe(1);
  expect(fractionOf(progressOf(ENTRIES, { fraction: 0.5 }))).toBeCloseTo(0.5);
});

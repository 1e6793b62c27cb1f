import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { makeManifest } from '../../src/core/manifest.ts';
import {
  RECEIVER_START,
  type ReceiverEffect,
  type ReceiverEvent,
  type ReceiverState,
  retryDelayMs,
  RUNNING,
  stepReceiver,
} from '../../src/core/receiver.ts';

const entry = (size: number) => ({ path: 'a', size, mtime: 0, type: '' });
const manifest = makeManifest('1'.repeat(32), [entry(3), entry(4)]);
const same = makeManifest('1'.repeat(32), [entry(3), entry(4)]);
const changed = makeManifest('1'.repeat(32), [entry(3), entry(5)]);
const shorter = makeManifest('1'.repeat(32), [entry(7)]);
const another = makeManifest('2'.repeat(32), [entry(3), entry(4)]);
const taken = { manifest, accepted: [1] };

const connecting: ReceiverState = { at: 'connecting', attempt: 3, reason: 'sender-away' };
const greeting: ReceiverState = { at: 'greeting', asked: false };
const offered: ReceiverState = { at: 'offered', manifest, problem: null };
const offeredAhead: ReceiverState = { ...offered, ahead: true };
const preparingAhead: ReceiverState = { at: 'preparing', ...taken, ahead: true };
const preparing: ReceiverState = { at: 'preparing', ...taken };
const moving: ReceiverState = { at: 'transferring', ...taken, pause: RUNNING, seeking: null };
const paused: ReceiverState = { ...moving, pause: { byMe: true, byPeer: true } };
const seeking: ReceiverState = { ...moving, seeking: 1 };
const again: ReceiverState = { at: 'reconnecting', ...taken, attempt: 1, reason: 'connection-lost', pause: RUNNING };
const heldAgain: ReceiverState = { ...again, pause: { byMe: true, byPeer: false } };
const checking: ReceiverState = { at: 'checking', ...taken };
const finished: ReceiverState = { at: 'finished', ...taken, confirmed: false, attempt: 0 };
const confirmed: ReceiverState = { ...finished, confirmed: true };
const cancelled: ReceiverState = { at: 'cancelled', by: 'peer', kept: true };
const failed: ReceiverState = { at: 'failed', code: 'protocol', kept: null };

type Row = readonly [string, ReceiverState, ReceiverEvent, ReceiverState, ...ReceiverEffect[]];
const dial = (delayMs: number): ReceiverEffect => ({ do: 'dial', delayMs });
const hangUp = (code: (ReceiverEffect & { do: 'hang-up' })['code']): ReceiverEffect => ({ do: 'hang-up', code });
const tell = (what: (ReceiverEffect & { do: 'tell' })['what']): ReceiverEffect => ({ do: 'tell', what });

const rows: readonly Row[] = [
  ['[C2] an open lane is greeted', connecting, { on: 'lane-open' }, greeting],
  ['[C2] the sender may ask its person', greeting, { on: 'asked' }, { at: 'greeting', asked: true }],
  ['[C6] the list is offered', greeting, { on: 'manifest', manifest }, offered],
  ['[P3] accepting opens the sink', offered, { on: 'accept', accepted: [1] }, preparing, { do: 'open-sink' }],
  ['[P7] an open sink starts', preparing, { on: 'sink-open' }, moving, { do: 'start' }],
  [
    '[C9] a sink that cannot be opened leaves the choice to the person',
    preparing,
    { on: 'sink-refused', code: 'no-room' },
    { ...offered, problem: 'no-room' },
  ],
  ['[S9] a list that comes ahead is offered', connecting, { on: 'listed-ahead', manifest }, offeredAhead],
  [
    '[S9] [C11] but a reason why an attempt failed stays until there is a lane',
    { ...connecting, reason: 'udp-blocked' },
    { on: 'listed-ahead', manifest },
    { ...connecting, reason: 'udp-blocked' },
  ],
  ['[S9] and stays when the lane opens', offeredAhead, { on: 'lane-open' }, offered],
  ['[S9] and is accepted', offeredAhead, { on: 'accept', accepted: [1] }, preparingAhead, { do: 'open-sink' }],
  ['[S9] a lane that opens meanwhile is there for the sink', preparingAhead, { on: 'lane-open' }, preparing],
  [
    '[S9] a sink that opens first waits for the lane',
    preparingAhead,
    { on: 'sink-open' },
    { ...again, attempt: 0, reason: null, ahead: true },
  ],
  [
    '[S9] [C9] a sink that is refused ahead leaves the choice to the person',
    preparingAhead,
    { on: 'sink-refused', code: 'no-room' },
    { ...offeredAhead, problem: 'no-room' },
  ],
  ['[S9] the same list again changes nothing', offered, { on: 'manifest', manifest: same }, offered],
  [
    '[S9] [C6] another one is another share',
    moving,
    { on: 'manifest', manifest: another },
    { at: 'failed', code: 'source-changed', kept: null },
    hangUp('source-changed'),
  ],
  [
    '[S9] what holds up the lane is told in place of the list',
    offeredAhead,
    { on: 'held-up', code: 'udp-blocked' },
    { at: 'connecting', attempt: 0, reason: 'udp-blocked' },
  ],
  [
    '[S9] a lane that fails takes the list with it',
    preparingAhead,
    { on: 'attempt-failed', code: 'connect-failed' },
    { at: 'connecting', attempt: 0, reason: 'connect-failed' },
    dial(500),
  ],
  [
    '[S9] a transfer that goes on has its list ahead',
    again,
    { on: 'listed-ahead', manifest: same },
    { ...again, ahead: true },
  ],
  ['[S9] unless it is another share’s', again, { on: 'listed-ahead', manifest: another }, again],
  ['[S9] and goes on with the lane', { ...again, ahead: true }, { on: 'lane-open' }, moving, { do: 'start' }],
  [
    '[S9] but not with the next attempt’s',
    { ...again, ahead: true },
    { on: 'attempt-failed', code: 'connect-failed' },
    { ...again, attempt: 2, reason: 'connect-failed' },
    dial(1_000),
  ],
  ['[D1] all verified is told as done', moving, { on: 'all-verified' }, finished, tell('done')],
  [
    '[C4] another attempt waits longer',
    connecting,
    { on: 'lane-lost', code: 'connect-failed' },
    { at: 'connecting', attempt: 4, reason: 'connect-failed' },
    dial(4_000),
  ],
  ...[greeting, offered, preparing].map((state): Row => [
    `[C4] a lane lost while ${state.at} is made again after the first wait`,
    state,
    { on: 'lane-lost', code: 'connection-lost' },
    { at: 'connecting', attempt: 0, reason: 'connection-lost' },
    dial(500),
  ]),
  [
    '[C5] a lane lost in mid-transfer is made again at once, and the peer’s pause goes with it',
    paused,
    { on: 'lane-lost', code: 'connection-lost' },
    { ...again, attempt: 0, pause: { byMe: true, byPeer: false } },
    dial(0),
  ],
  [
    '[C4] reconnecting waits longer each time',
    again,
    { on: 'lane-lost', code: 'sender-away' },
    { ...again, attempt: 2, reason: 'sender-away' },
    dial(1_000),
  ],
  ['[C5] an open lane is not yet a transfer', again, { on: 'lane-open' }, again],
  ['[C6] the same list goes on', again, { on: 'manifest', manifest: same }, moving, { do: 'start' }],
  [
    '[D2] my pause is told on the new lane, once the sender knows what it is about',
    heldAgain,
    { on: 'manifest', manifest: same },
    { ...moving, pause: { byMe: true, byPeer: false } },
    { do: 'start' },
    tell('pause'),
  ],
  ...[changed, shorter, another].map((other, number): Row => [
    `[C6] another list ends it (${number})`,
    again,
    { on: 'manifest', manifest: other },
    { at: 'failed', code: 'source-changed', kept: null },
    hangUp('source-changed'),
  ]),
  [
    '[D2] my pause is told',
    moving,
    { on: 'pause', by: 'me' },
    { ...moving, pause: { byMe: true, byPeer: false } },
    tell('pause'),
  ],
  [
    '[D2] the peer’s pause is not told back',
    moving,
    { on: 'pause', by: 'peer' },
    { ...moving, pause: { byMe: false, byPeer: true } },
  ],
  [
    '[D2] my resume leaves the peer’s pause',
    paused,
    { on: 'resume', by: 'me' },
    { ...moving, pause: { byMe: false, byPeer: true } },
    tell('resume'),
  ],
  ['[D2] I may pause while reconnecting, and nobody is there to tell', again, { on: 'pause', by: 'me' }, heldAgain],
  ['[D2] the peer may not', again, { on: 'pause', by: 'peer' }, again],
  [
    '[D3] cancelling before accepting has no sink',
    offered,
    { on: 'cancel', by: 'me', keep: true },
    { at: 'cancelled', by: 'me', kept: false },
    tell('cancel'),
    hangUp(null),
  ],
  [
    '[D3] cancelling later discards what is verified',
    moving,
    { on: 'cancel', by: 'me', keep: false },
    { at: 'cancelled', by: 'me', kept: false },
    tell('cancel'),
    hangUp(null),
    { do: 'release-sink', keep: false },
  ],
  [
    '[D3] or keeps it',
    again,
    { on: 'cancel', by: 'me', keep: true },
    { at: 'cancelled', by: 'me', kept: true },
    tell('cancel'),
    hangUp(null),
    { do: 'release-sink', keep: true },
  ],
  [
    '[D3] the peer’s cancel is not told back',
    moving,
    { on: 'cancel', by: 'peer', keep: true },
    cancelled,
    hangUp(null),
    { do: 'release-sink', keep: true },
  ],
  [
    '[D4] what cannot be mended is told',
    moving,
    { on: 'fatal', code: 'disk-failed' },
    { at: 'failed', code: 'disk-failed', kept: taken },
    hangUp('disk-failed'),
  ],
  ['[D1] all verified needs no lane', again, { on: 'all-verified' }, finished],
  ['[D5] the sender says that it knows', finished, { on: 'confirmed' }, confirmed, hangUp(null)],
  [
    '[D5] until then a lost lane is made again',
    finished,
    { on: 'lane-lost', code: 'connection-lost' },
    { ...finished, attempt: 1 },
    dial(500),
  ],
  [
    '[D5] but not for ever',
    { ...finished, attempt: 20 },
    { on: 'lane-lost', code: 'sender-away' },
    { ...finished, attempt: 20, confirmed: true },
  ],
  [
    '[D5] and it is told on the new lane',
    finished,
    { on: 'manifest', manifest: same },
    finished,
    { do: 'start' },
    tell('done'),
  ],
  [
    '[D5] a sender with another share is not told',
    finished,
    { on: 'manifest', manifest: changed },
    confirmed,
    hangUp('source-changed'),
  ],
  [
    '[D5] nor one that has ended the share',
    finished,
    { on: 'fatal', code: 'sender-closed' },
    confirmed,
    hangUp('sender-closed'),
  ],
  [
    '[D5] one whose connection ended with an error is told again',
    finished,
    { on: 'fatal', code: 'protocol' },
    { ...finished, attempt: 1 },
    hangUp('protocol'),
    dial(500),
  ],
  [
    '[D5] but that not for ever either',
    { ...finished, attempt: 20 },
    { on: 'fatal', code: 'protocol' },
    { ...finished, attempt: 20, confirmed: true },
    hangUp('protocol'),
  ],
  ['[R2] what was looked at goes on', checking, { on: 'recalled' }, { ...again, attempt: 0, reason: null }, dial(0)],
  [
    '[R2] what is gone begins anew',
    checking,
    { on: 'not-recalled', code: 'gone' },
    RECEIVER_START,
    { do: 'release-sink', keep: false },
    dial(0),
  ],
  [
    '[R2] what may not be read yet waits for the person',
    checking,
    { on: 'not-recalled', code: 'permission-denied' },
    { at: 'failed', code: 'permission-denied', kept: taken },
  ],
  ['[R3] a retry looks at it first', { ...failed, kept: taken }, { on: 'retry' }, checking, { do: 'recall' }],
  [
    '[R4] a full disk pauses, and says why',
    moving,
    { on: 'blocked', code: 'no-room' },
    { ...moving, pause: { byMe: true, byPeer: false, reason: 'no-room' } },
    tell('pause'),
  ],
  [
    '[R4] resuming asks again for what it did not take',
    { ...moving, pause: { byMe: true, byPeer: false, reason: 'no-room' } },
    { on: 'resume', by: 'me' },
    moving,
    tell('resume'),
    { do: 'ask-refused' },
  ],
  [
    '[R4] a pause that crosses the full disk keeps the reason to ask again',
    { ...moving, pause: { byMe: true, byPeer: false, reason: 'no-room' } },
    { on: 'pause', by: 'me' },
    { ...moving, pause: { byMe: true, byPeer: false, reason: 'no-room' } },
    tell('pause'),
  ],
  [
    '[C15] a silent lane stays, and another is made beside it',
    moving,
    { on: 'quiet' },
    { ...moving, seeking: 0 },
    dial(0),
  ],
  ['[C15] that is all while it stays silent', seeking, { on: 'quiet' }, seeking],
  ['[C15] what is heard again ends it', seeking, { on: 'heard' }, moving, { do: 'stop-dialing' }],
  ['[C15] one that was always heard has none to end', moving, { on: 'heard' }, moving],
  [
    '[C15] another attempt waits longer, and the lane stays',
    seeking,
    { on: 'attempt-failed', code: 'sender-away' },
    { ...seeking, seeking: 2 },
    dial(1_000),
  ],
  [
    '[C15] one that is refused for good is the last while there is a lane',
    seeking,
    { on: 'attempt-failed', code: 'not-authentic' },
    moving,
  ],
  ['[C15] and one that ends late is none', moving, { on: 'attempt-failed', code: 'sender-away' }, moving],
  [
    '[C15] a silent lane that is lost, or replaced, leaves the attempt alone',
    seeking,
    { on: 'lane-lost', code: 'connection-lost' },
    again,
  ],
  [
    '[C15] what has all come needs no other lane',
    seeking,
    { on: 'all-verified' },
    finished,
    { do: 'stop-dialing' },
    tell('done'),
  ],
  [
    '[C4] without a lane, an attempt that is refused for good ends it',
    again,
    { on: 'attempt-failed', code: 'not-authentic' },
    { at: 'failed', code: 'not-authentic', kept: taken },
    hangUp('not-authentic'),
  ],
  [
    '[C4] and any other is followed by one more',
    again,
    { on: 'attempt-failed', code: 'sender-away' },
    { ...again, attempt: 2, reason: 'sender-away' },
    dial(1_000),
  ],
  ['[C4] a failure can be tried again by hand', failed, { on: 'retry' }, RECEIVER_START, dial(0)],
  ['[C4] a wait can be cut short', connecting, { on: 'retry' }, connecting, dial(0)],
  ['[C4] so can a reconnection', again, { on: 'retry' }, again, dial(0)],
];

describe('the receiver', () => {
  it.each(rows.map((row) => ({ rule: row[0], row })))('$rule', ({ row: [, before, event, ...after] }) => {
    expect(stepReceiver(before, event)).toEqual(after);
  });

  it('[C4] waits 0.5, 1, 2, 4 and then every 5 s', () => {
    expect([0, 1, 2, 3, 4, 5, 1_000].map(retryDelayMs)).toEqual([500, 1_000, 2_000, 4_000, 5_000, 5_000, 5_000]);
  });
});

const who = fc.constantFrom('me' as const, 'peer' as const);
const code = fc.constantFrom('connection-lost' as const, 'sender-away' as const, 'protocol' as const);
const event: fc.Arbitrary<ReceiverEvent> = fc.oneof(
  fc.record({
    on: fc.constantFrom('lane-open', 'asked', 'sink-open', 'all-verified', 'retry', 'recalled', 'confirmed'),
  }),
  fc.record({ on: fc.constantFrom('quiet', 'heard') }),
  fc.record({ on: fc.constant('attempt-failed'), code }),
  fc.record({
    on: fc.constantFrom('manifest', 'listed-ahead'),
    manifest: fc.constantFrom(manifest, same, same, changed, another),
  }),
  fc.record({ on: fc.constant('accept'), accepted: fc.constantFrom([0], [1], []) }),
  fc.record({ on: fc.constantFrom('pause', 'resume'), by: who }),
  fc.record({ on: fc.constant('cancel'), by: who, keep: fc.boolean() }),
  fc.record({ on: fc.constantFrom('lane-lost', 'fatal', 'not-recalled', 'blocked', 'held-up'), code }),
);
const isTerminal = (state: ReceiverState): boolean =>
  state.at === 'cancelled' || state.at === 'failed' || (state.at === 'finished' && state.confirmed);

const isSeeking = (state: ReceiverState): boolean => state.at === 'transferring' && state.seeking !== null;

describe('any sequence of events', () => {
  it('[D4] leads from state to state without an exception, and stays where it ended', () => {
    fc.assert(
      fc.property(fc.array(event, { maxLength: 60 }), (events) => {
        let state = RECEIVER_START;
        for (const now of events) {
          const [next, ...effects] = stepReceiver(state, now);
          const revives = state.at === 'failed' && now.on === 'retry';
          if (isTerminal(state) && !revives) expect([next, ...effects]).toEqual([state]);
          for (const effect of effects) checkEffect(effect, next);
          const dials = effects.filter((effect) => effect.do === 'dial');
          const ends = effects.filter((effect) => effect.do === 'hang-up');
          const unread = now.on === 'not-recalled';
          expect(dials.length).toBeLessThanOrEqual(1);
          // Two ways end without a lane: nothing to look at, and a sender that cannot be told.
          const silent = unread || now.on === 'lane-lost' || now.on === 'attempt-failed';
          // A receiver that has finished hangs up on an error, to tell the sender over another lane.
          const retold = next.at === 'finished' && now.on === 'fatal';
          expect(ends).toHaveLength((isTerminal(next) || retold) && state !== next && !silent ? 1 : 0);
          state = next;
        }
      }),
      { numRuns: 500 },
    );
  });
});

function checkEffect(effect: ReceiverEffect, next: ReceiverState): void {
  switch (effect.do) {
    case 'dial':
      expect(['connecting', 'reconnecting', 'finished'].includes(next.at) || isSeeking(next)).toBe(true);
      expect(effect.delayMs).toBeGreaterThanOrEqual(0);
      return;
    case 'stop-dialing':
      expect(['transferring', 'finished'].includes(next.at) && !isSeeking(next)).toBe(true);
      return;
    case 'open-sink':
      expect(next.at).toBe('preparing');
      return;
    case 'start':
      expect(['transferring', 'finished']).toContain(next.at);
      return;
    case 'tell':
      expect(next.at).toBe(
        { pause: 'transferring', resume: 'transferring', cancel: 'cancelled', done: 'finished' }[effect.what],
      );
      return;
    case 'hang-up':
      expect(isTerminal(next) || next.at === 'finished').toBe(true);
      return;
    case 'recall':
      expect(next.at).toBe('checking');
      return;
    case 'ask-refused':
      expect(next.at).toBe('transferring');
      return;
    case 'release-sink':
      expect(effect.keep ? ['cancelled'] : ['cancelled', 'connecting']).toContain(next.at);
  }
}

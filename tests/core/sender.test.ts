import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { RUNNING } from '../../src/core/receiver.ts';
import {
  isOver,
  SENDER_START,
  type SenderEffect,
  type SenderEvent,
  type SenderState,
  stepSender,
} from '../../src/core/sender.ts';

const asking: SenderState = { at: 'asking' };
const offered: SenderState = { at: 'offered' };
const moving: SenderState = { at: 'transferring', pause: RUNNING };
const heldByMe: SenderState = { at: 'transferring', pause: { byMe: true, byPeer: false } };
const heldByBoth: SenderState = { at: 'transferring', pause: { byMe: true, byPeer: true } };
const over: readonly SenderState[] = [
  { at: 'finished' },
  { at: 'lost', code: 'connection-lost' },
  { at: 'declined', by: 'me' },
  { at: 'cancelled', by: 'peer' },
  { at: 'failed', code: 'protocol' },
];

type Row = readonly [string, SenderState, SenderEvent, SenderState, ...SenderEffect[]];
const tell = (what: (SenderEffect & { do: 'tell' })['what']): SenderEffect => ({ do: 'tell', what });
const hangUp = (code: (SenderEffect & { do: 'hang-up' })['code']): SenderEffect => ({ do: 'hang-up', code });
const list: SenderEffect = { do: 'send-manifest' };

const rows: readonly Row[] = [
  ['[C2] an open lane gets the list', SENDER_START, { on: 'lane-open', ask: false }, offered, list],
  ['[C2] or its person is asked first', SENDER_START, { on: 'lane-open', ask: true }, asking, tell('asking')],
  ['[C2] a lane opens once', offered, { on: 'lane-open', ask: true }, offered],
  ['[C2] allowing sends the list', asking, { on: 'allow' }, offered, list],
  ['[C2] allowing twice does not', offered, { on: 'allow' }, offered],
  [
    '[D4] declining is told',
    asking,
    { on: 'decline', by: 'me' },
    { at: 'declined', by: 'me' },
    tell('decline'),
    hangUp(null),
  ],
  ['[D4] being declined is not', offered, { on: 'decline', by: 'peer' }, { at: 'declined', by: 'peer' }, hangUp(null)],
  ['[P7] the first want starts', offered, { on: 'wanted' }, moving, { do: 'start' }],
  ['[P7] nothing starts before it is allowed', asking, { on: 'wanted' }, asking],
  ['[D1] done is answered', moving, { on: 'done' }, { at: 'finished' }, tell('done')],
  ['[D1] nothing is done before it is allowed', asking, { on: 'done' }, asking],
  ['[D2] my pause is told', moving, { on: 'pause', by: 'me' }, heldByMe, tell('pause')],
  ['[D2] the peer’s is not told back', heldByMe, { on: 'pause', by: 'peer' }, heldByBoth],
  ['[D2] both must resume', heldByBoth, { on: 'resume', by: 'peer' }, heldByMe],
  ['[D2] my resume is told', heldByMe, { on: 'resume', by: 'me' }, moving, tell('resume')],
  ['[D2] there is nothing to pause before', offered, { on: 'pause', by: 'me' }, offered],
  [
    '[D3] my cancel is told',
    moving,
    { on: 'cancel', by: 'me' },
    { at: 'cancelled', by: 'me' },
    tell('cancel'),
    hangUp(null),
  ],
  [
    '[D3] the peer’s is not told back',
    moving,
    { on: 'cancel', by: 'peer' },
    { at: 'cancelled', by: 'peer' },
    hangUp(null),
  ],
  [
    '[C5] a lost lane ends this delivery',
    moving,
    { on: 'lane-lost', code: 'connection-lost' },
    { at: 'lost', code: 'connection-lost' },
    hangUp(null),
  ],
  [
    '[D4] what cannot be mended is told',
    offered,
    { on: 'fatal', code: 'protocol' },
    { at: 'failed', code: 'protocol' },
    hangUp('protocol'),
  ],
];

describe('the sender of one delivery', () => {
  it.each(rows.map((row) => ({ rule: row[0], row })))('$rule', ({ row: [, before, event, ...after] }) => {
    expect(stepSender(before, event)).toEqual(after);
  });

  it('[D4] is over in every state that ends, and in no other', () => {
    expect(over.map(isOver)).toEqual(over.map(() => true));
    expect([SENDER_START, asking, offered, moving].map(isOver)).toEqual([false, false, false, false]);
  });
});

const who = fc.constantFrom('me' as const, 'peer' as const);
const code = fc.constantFrom('connection-lost' as const, 'protocol' as const, 'corrupt' as const);
const event: fc.Arbitrary<SenderEvent> = fc.oneof(
  fc.record({ on: fc.constant('lane-open'), ask: fc.boolean() }),
  fc.record({ on: fc.constantFrom('allow', 'wanted', 'done') }),
  fc.record({ on: fc.constantFrom('pause', 'resume', 'cancel', 'decline'), by: who }),
  fc.record({ on: fc.constantFrom('lane-lost', 'fatal'), code }),
);

describe('any sequence of events', () => {
  it('[D4] leads from state to state without an exception, and stays where it ended', () => {
    fc.assert(
      fc.property(fc.constantFrom(SENDER_START, asking, offered, moving, ...over), fc.array(event), (start, events) => {
        let state = start;
        for (const now of events) {
          const [next, ...effects] = stepSender(state, now);
          if (isOver(state)) expect([next, ...effects]).toEqual([state]);
          for (const effect of effects) checkEffect(effect, next);
          const hungUp = effects.some((effect) => effect.do === 'hang-up');
          expect(hungUp).toBe(isOver(next) && !isOver(state) && next.at !== 'finished');
          state = next;
        }
      }),
      { numRuns: 500 },
    );
  });
});

function checkEffect(effect: SenderEffect, next: SenderState): void {
  switch (effect.do) {
    case 'tell':
      expect(next.at).toBe(
        {
          asking: 'asking',
          decline: 'declined',
          pause: 'transferring',
          resume: 'transferring',
          cancel: 'cancelled',
          done: 'finished',
        }[effect.what],
      );
      return;
    case 'send-manifest':
      expect(next.at).toBe('offered');
      return;
    case 'start':
      expect(next.at).toBe('transferring');
      return;
    case 'hang-up':
      expect(effect.code).toBe(next.at === 'failed' ? next.code : null);
  }
}

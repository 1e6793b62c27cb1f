/**
 * The sender's machine for one receiver of a share. A pure function; `flow/delivery.ts` feeds it events and carries out
 * its effects. The share itself outlives every delivery.
 */
import type { ErrorCode } from './errors.ts';
import { RUNNING, type Pause } from './receiver.ts';

/** Who may receive: whoever has the link, each after a question, or only the first. */
export type Admission = 'anyone' | 'ask' | 'first';

export type SenderState =
  /** The receiver's offer is here; a lane is being made. */
  | { readonly at: 'connecting' }
  /** The lane is open and the sender's person is asked. */
  | { readonly at: 'asking' }
  /** The list is sent; the receiver decides. */
  | { readonly at: 'offered' }
  | { readonly at: 'transferring'; readonly pause: Pause }
  /** The receiver has confirmed that everything it accepted is verified. */
  | { readonly at: 'finished' }
  /** The lane is gone; the same receiver may come back as a new delivery. */
  | { readonly at: 'lost'; readonly code: ErrorCode }
  | { readonly at: 'declined'; readonly by: 'me' | 'peer' }
  | { readonly at: 'cancelled'; readonly by: 'me' | 'peer' }
  | { readonly at: 'failed'; readonly code: ErrorCode };

export type SenderEvent =
  | { readonly on: 'lane-open'; readonly ask: boolean }
  | { readonly on: 'allow' }
  | { readonly on: 'decline'; readonly by: 'me' | 'peer' }
  /** The receiver asked for its first pieces. */
  | { readonly on: 'wanted' }
  | { readonly on: 'done' }
  | { readonly on: 'pause' | 'resume'; readonly by: 'me' | 'peer' }
  | { readonly on: 'cancel'; readonly by: 'me' | 'peer' }
  | { readonly on: 'lane-lost'; readonly code: ErrorCode }
  | { readonly on: 'fatal'; readonly code: ErrorCode };

export type SenderEffect =
  | { readonly do: 'tell'; readonly what: 'asking' | 'decline' | 'pause' | 'resume' | 'cancel' | 'done' }
  | { readonly do: 'send-manifest' }
  | { readonly do: 'start' }
  | { readonly do: 'hang-up'; readonly code: ErrorCode | null };

type Step = readonly [SenderState, ...SenderEffect[]];

export const SENDER_START: SenderState = { at: 'connecting' };

/** The next state and what to do, in order. An event that has no meaning in a state changes nothing. */
export function stepSender(state: SenderState, event: SenderEvent): Step {
  if (isOver(state)) return [state];
  switch (event.on) {
    case 'fatal':
      return [
        { at: 'failed', code: event.code },
        { do: 'hang-up', code: event.code },
      ];
    case 'lane-lost':
      return [
        { at: 'lost', code: event.code },
        { do: 'hang-up', code: null },
      ];
    case 'cancel': {
      const told: SenderEffect[] = event.by === 'me' ? [{ do: 'tell', what: 'cancel' }] : [];
      return [{ at: 'cancelled', by: event.by }, ...told, { do: 'hang-up', code: null }];
    }
    case 'lane-open':
      if (state.at !== 'connecting') return [state];
      return event.ask
        ? [{ at: 'asking' }, { do: 'tell', what: 'asking' }]
        : [{ at: 'offered' }, { do: 'send-manifest' }];
    case 'allow':
      return state.at === 'asking' ? [{ at: 'offered' }, { do: 'send-manifest' }] : [state];
    case 'decline': {
      const told: SenderEffect[] = event.by === 'me' ? [{ do: 'tell', what: 'decline' }] : [];
      return [{ at: 'declined', by: event.by }, ...told, { do: 'hang-up', code: null }];
    }
    case 'wanted':
      return state.at === 'offered' ? [{ at: 'transferring', pause: RUNNING }, { do: 'start' }] : [state];
    case 'done':
      return state.at === 'transferring' || state.at === 'offered'
        ? [{ at: 'finished' }, { do: 'tell', what: 'done' }]
        : [state];
    case 'pause':
    case 'resume': {
      if (state.at !== 'transferring') return [state];
      const value = event.on === 'pause';
      const pause = event.by === 'me' ? { ...state.pause, byMe: value } : { ...state.pause, byPeer: value };
      const told: SenderEffect[] = event.by === 'me' ? [{ do: 'tell', what: event.on }] : [];
      return [{ at: 'transferring', pause }, ...told];
    }
  }
}

/** True when nothing more can happen to this delivery. */
export function isOver(state: SenderState): boolean {
  return !['connecting', 'asking', 'offered', 'transferring'].includes(state.at);
}

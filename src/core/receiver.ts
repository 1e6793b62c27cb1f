/**
 * The receiver's machine: what a receiving session is doing, what may happen to it, and what it then has to do.
 * A pure function; `flow/receiving.ts` feeds it events and carries out its effects.
 */
import type { ErrorCode } from './errors.ts';
import type { Manifest } from './manifest.ts';

/** Who asked for a pause. Both may, and both must resume. */
export interface Pause {
  readonly byMe: boolean;
  readonly byPeer: boolean;
  /** Why this side paused by itself, when it did. */
  readonly reason?: ErrorCode;
}
export const RUNNING: Pause = { byMe: false, byPeer: false };

/** What the receiver accepted. */
export interface Acceptance {
  readonly manifest: Manifest;
  /** Numbers of the accepted entries, ascending. */
  readonly accepted: readonly number[];
}

export type ReceiverState =
  /** No lane yet. `reason` says why the last attempt failed; `sender-away` is not a failure but a wait. */
  | { readonly at: 'connecting'; readonly attempt: number; readonly reason: ErrorCode | null }
  /** The lane is open; the sender has yet to let us in or to send its list. */
  | { readonly at: 'greeting'; readonly asked: boolean }
  /**
   * The list is here; the person decides. `problem` says why the last place they chose will not do. With `ahead` it came
   * with the answer, and the lane is still being made. Rule [S9].
   */
  | { readonly at: 'offered'; readonly manifest: Manifest; readonly problem: ErrorCode | null; readonly ahead?: true }
  /** An earlier page received a part; what is on the disk is hashed again. */
  | ({ readonly at: 'checking' } & Acceptance)
  /** Accepted; the sink is being opened. */
  | ({ readonly at: 'preparing'; readonly ahead?: true } & Acceptance)
  | ({
      readonly at: 'transferring';
      readonly pause: Pause;
      /** Attempts at another lane that have failed while nothing is heard on this one; null while it is heard. */
      readonly seeking: number | null;
    } & Acceptance)
  /** The lane is gone mid-transfer; what is verified stays, and a new lane is being made. */
  | ({
      readonly at: 'reconnecting';
      readonly attempt: number;
      /** Null when nothing went wrong: an earlier page's transfer goes on, or the first lane is still being made. */
      readonly reason: ErrorCode | null;
      readonly pause: Pause;
      /** The answer of the attempt under way has brought the same list: nothing has to be waited for on the lane. */
      readonly ahead?: true;
    } & Acceptance)
  /** All is verified. Until the sender has confirmed that it knows, it is told again. */
  | ({ readonly at: 'finished'; readonly confirmed: boolean; readonly attempt: number } & Acceptance)
  | { readonly at: 'cancelled'; readonly by: 'me' | 'peer'; readonly kept: boolean }
  /** `kept` is what a retry goes on with. */
  | { readonly at: 'failed'; readonly code: ErrorCode; readonly kept: Acceptance | null };

export type ReceiverEvent =
  /** All that an earlier page left has been looked at. */
  | { readonly on: 'recalled' }
  /** Nothing of it can be used. */
  | { readonly on: 'not-recalled'; readonly code: ErrorCode }
  | { readonly on: 'lane-open' }
  | { readonly on: 'asked' }
  | { readonly on: 'manifest'; readonly manifest: Manifest }
  /** The list has come with the answer, before the lane. */
  | { readonly on: 'listed-ahead'; readonly manifest: Manifest }
  | { readonly on: 'accept'; readonly accepted: readonly number[] }
  | { readonly on: 'sink-open' }
  /** No sink could be opened: the person may choose another place, or less. */
  | { readonly on: 'sink-refused'; readonly code: ErrorCode }
  /** Every accepted piece is verified and durable, or its entry has failed. */
  | { readonly on: 'all-verified' }
  | { readonly on: 'pause' | 'resume'; readonly by: 'me' | 'peer' }
  /** The disk takes no more for now. */
  | { readonly on: 'blocked'; readonly code: ErrorCode }
  /** The sender knows that all is verified. */
  | { readonly on: 'confirmed' }
  /** `keep` what is verified, for a while. */
  | { readonly on: 'cancel'; readonly by: 'me' | 'peer'; readonly keep: boolean }
  /** The lane ended; worth trying again. */
  | { readonly on: 'lane-lost'; readonly code: ErrorCode }
  /** Nothing was heard on the lane for a while, or something again after that. */
  | { readonly on: 'quiet' | 'heard' }
  /** The attempt under way ended without a lane; worth trying again. */
  | { readonly on: 'attempt-failed'; readonly code: ErrorCode }
  /** The attempt under way goes on, and this seems to hold it up. */
  | { readonly on: 'held-up'; readonly code: ErrorCode }
  /** Nothing that trying again would mend. */
  | { readonly on: 'fatal'; readonly code: ErrorCode }
  | { readonly on: 'retry' };

export type ReceiverEffect =
  /** Make a lane after a wait of about `delayMs` (the session adds jitter), or at once for 0. */
  | { readonly do: 'dial'; readonly delayMs: number }
  /** Give up the attempt under way, or the wait for the next. */
  | { readonly do: 'stop-dialing' }
  | { readonly do: 'open-sink' }
  /** Ask for all that is missing. */
  | { readonly do: 'start' }
  | { readonly do: 'tell'; readonly what: 'pause' | 'resume' | 'cancel' | 'done' }
  | { readonly do: 'hang-up'; readonly code: ErrorCode | null }
  /** Hash again what an earlier page has left. */
  | { readonly do: 'recall' }
  /** Ask again for what the disk did not take. */
  | { readonly do: 'ask-refused' }
  /** Let go of the sink; with `keep`, what is in it stays. */
  | { readonly do: 'release-sink'; readonly keep: boolean };

type Step = readonly [ReceiverState, ...ReceiverEffect[]];

export const RECEIVER_START: ReceiverState = { at: 'connecting', attempt: 0, reason: null };

/** Trying again cannot mend these. Rule [C4]. */
export const FINAL_CODES: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  'not-authentic',
  'sender-declined',
  'sender-closed',
  'version',
]);

/** Longest wait before the next attempt, in milliseconds: the server keeps an offer for 5 s, so none is missed. */
const MAX_DELAY_MS = 5_000;

/** 0.5 s, 1 s, 2 s, 4 s, then every 5 s. Rule [C4]. */
export function retryDelayMs(attempt: number): number {
  return Math.min(MAX_DELAY_MS, 500 * 2 ** Math.min(attempt, 10));
}

/** The next state and what to do, in order. An event that has no meaning in a state changes nothing. */
export function stepReceiver(state: ReceiverState, event: ReceiverEvent): Step {
  if (event.on === 'attempt-failed') return attemptFailed(state, event.code);
  switch (state.at) {
    case 'cancelled':
      return [state];
    case 'finished':
      return state.confirmed ? [state] : confirming(state, event);
    case 'failed':
      return event.on === 'retry' ? again(state.kept) : [state];
    case 'checking':
    case 'connecting':
    case 'greeting':
    case 'offered':
    case 'preparing':
    case 'transferring':
    case 'reconnecting':
      break;
  }
  switch (event.on) {
    case 'fatal':
      return [
        { at: 'failed', code: event.code, kept: 'accepted' in state ? acceptance(state) : null },
        { do: 'hang-up', code: event.code },
      ];
    case 'cancel': {
      const { by } = event;
      const kept = event.keep && 'accepted' in state;
      const told: ReceiverEffect[] = by === 'me' ? [{ do: 'tell', what: 'cancel' }] : [];
      const sink: ReceiverEffect[] = 'accepted' in state ? [{ do: 'release-sink', keep: kept }] : [];
      return [{ at: 'cancelled', by, kept }, ...told, { do: 'hang-up', code: null }, ...sink];
    }
    case 'recalled':
      return state.at === 'checking'
        ? [
            { ...acceptance(state), at: 'reconnecting', attempt: 0, reason: null, pause: RUNNING },
            { do: 'dial', delayMs: 0 },
          ]
        : [state];
    case 'not-recalled':
      return state.at === 'checking' ? notRecalled(state, event.code) : [state];
    case 'blocked':
      return blocked(state, event.code);
    case 'confirmed':
      return [state];
    case 'lane-lost':
      return lost(state, event.code);
    case 'quiet':
    case 'heard':
      return hearing(state, event.on);
    case 'held-up':
      if ('ahead' in state && state.at !== 'reconnecting')
        return [{ at: 'connecting', attempt: 0, reason: event.code }];
      return state.at === 'connecting' || state.at === 'reconnecting' ? [{ ...state, reason: event.code }] : [state];
    case 'lane-open':
      return opened(state);
    case 'listed-ahead':
      return listedAhead(state, event.manifest);
    case 'asked':
      return state.at === 'greeting' ? [{ at: 'greeting', asked: true }] : [state];
    case 'manifest':
      return listed(state, event.manifest);
    case 'accept':
      return state.at === 'offered'
        ? [
            { at: 'preparing', manifest: state.manifest, accepted: event.accepted, ...aheadOf(state) },
            { do: 'open-sink' },
          ]
        : [state];
    case 'sink-open':
      if (state.at !== 'preparing') return [state];
      return state.ahead === true
        ? [{ ...acceptance(state), at: 'reconnecting', attempt: 0, reason: null, pause: RUNNING, ahead: true }]
        : [{ ...acceptance(state), at: 'transferring', pause: RUNNING, seeking: null }, { do: 'start' }];
    case 'sink-refused':
      return state.at === 'preparing'
        ? [{ at: 'offered', manifest: state.manifest, problem: event.code, ...aheadOf(state) }]
        : [state];
    case 'all-verified':
      return allVerified(state);
    case 'pause':
    case 'resume':
      return paused(state, event.on, event.by);
    case 'retry':
      return state.at === 'connecting' || state.at === 'reconnecting' ? [state, { do: 'dial', delayMs: 0 }] : [state];
  }
}

function acceptance({ manifest, accepted }: Acceptance): Acceptance {
  return { manifest, accepted };
}

function lost(state: ReceiverState, code: ErrorCode): Step {
  switch (state.at) {
    case 'connecting':
      return [
        { ...state, attempt: state.attempt + 1, reason: code },
        { do: 'dial', delayMs: retryDelayMs(state.attempt) },
      ];
    case 'reconnecting':
      return [
        { ...acceptance(state), at: 'reconnecting', attempt: state.attempt + 1, reason: code, pause: state.pause },
        { do: 'dial', delayMs: retryDelayMs(state.attempt) },
      ];
    case 'transferring':
      return [
        {
          ...acceptance(state),
          at: 'reconnecting',
          attempt: state.seeking ?? 0,
          reason: code,
          pause: { ...state.pause, byPeer: false },
        },
        ...(state.seeking === null ? [{ do: 'dial', delayMs: 0 } as const] : []),
      ];
    case 'greeting':
    case 'offered':
    case 'preparing':
      return [
        { at: 'connecting', attempt: 0, reason: code },
        { do: 'dial', delayMs: retryDelayMs(0) },
      ];
    case 'checking':
    case 'finished':
    case 'cancelled':
    case 'failed':
      return [state];
  }
}

/**
 * A lane that is silent in mid-transfer may be dead, or come back: it stays in use while another one is made, and what is
 * there first wins. Rule [C15].
 */
function hearing(state: ReceiverState, on: 'quiet' | 'heard'): Step {
  if (state.at !== 'transferring' || (state.seeking !== null) === (on === 'quiet')) return [state];
  return on === 'quiet'
    ? [
        { ...state, seeking: 0 },
        { do: 'dial', delayMs: 0 },
      ]
    : [{ ...state, seeking: null }, { do: 'stop-dialing' }];
}

/** While there is a lane, nothing that an attempt meets does it any harm. Rules [C4], [C15]. */
function attemptFailed(state: ReceiverState, code: ErrorCode): Step {
  const isFinal = FINAL_CODES.has(code);
  if (state.at !== 'transferring') return stepReceiver(state, { on: isFinal ? 'fatal' : 'lane-lost', code });
  if (state.seeking === null) return [state];
  if (isFinal) return [{ ...state, seeking: null }];
  return [
    { ...state, seeking: state.seeking + 1 },
    { do: 'dial', delayMs: retryDelayMs(state.seeking) },
  ];
}

/** A list arrives after every new lane. Mid-transfer it must be the same share's. Rule [C6]. */
function listed(state: ReceiverState, manifest: Manifest): Step {
  if (state.at === 'greeting') return [{ at: 'offered', manifest, problem: null }];
  if (state.at !== 'checking' && 'manifest' in state && !sameShare(state.manifest, manifest)) {
    return [
      { at: 'failed', code: 'source-changed', kept: null },
      { do: 'hang-up', code: 'source-changed' },
    ];
  }
  return state.at === 'reconnecting' ? goOn(state) : [state];
}

/**
 * After an attempt that failed, its reason stays until there is a lane: the next one may fail as well. Another share's list is
 * left to the lane to tell.
 */
function listedAhead(state: ReceiverState, manifest: Manifest): Step {
  if (state.at === 'connecting' && (state.reason === null || state.reason === 'sender-away'))
    return [{ at: 'offered', manifest, problem: null, ahead: true }];
  if (state.at === 'reconnecting' && sameShare(state.manifest, manifest)) return [{ ...state, ahead: true }];
  return [state];
}

/** What came with the answer need not be waited for. */
function opened(state: ReceiverState): Step {
  switch (state.at) {
    case 'connecting':
      return [{ at: 'greeting', asked: false }];
    case 'offered':
      return [{ at: 'offered', manifest: state.manifest, problem: state.problem }];
    case 'preparing':
      return [{ ...acceptance(state), at: 'preparing' }];
    case 'reconnecting':
      return state.ahead === true ? goOn(state) : [state];
    default:
      return [state];
  }
}

function goOn({ pause, ...state }: ReceiverState & { readonly at: 'reconnecting' }): Step {
  const told: ReceiverEffect[] = pause.byMe ? [{ do: 'tell', what: 'pause' }] : [];
  // After `start`: before it, a pause has no place in the sender's state.
  return [{ ...acceptance(state), at: 'transferring', pause, seeking: null }, { do: 'start' }, ...told];
}

function aheadOf({ ahead }: { readonly ahead?: true }): { readonly ahead?: true } {
  return ahead === true ? { ahead } : {};
}

/** Without a lane too: the person has the files, whether or not the sender can be told. Rule [D1]. */
function allVerified(state: ReceiverState): Step {
  if (state.at !== 'transferring' && state.at !== 'reconnecting') return [state];
  const finished: ReceiverState = { ...acceptance(state), at: 'finished', confirmed: false, attempt: 0 };
  if (state.at === 'reconnecting') return [finished];
  const stop: ReceiverEffect[] = state.seeking === null ? [] : [{ do: 'stop-dialing' }];
  return [finished, ...stop, { do: 'tell', what: 'done' }];
}

/** Attempts to tell a sender that all is verified; it learns it at the next contact, if there is one. */
const CONFIRM_ATTEMPTS = 20;

/** All is verified, and the sender may not know it yet: the lane was lost, or it was away. Rule [D5]. */
function confirming(state: ReceiverState & { at: 'finished' }, event: ReceiverEvent): Step {
  const confirmed: ReceiverState = { ...state, confirmed: true };
  switch (event.on) {
    case 'confirmed':
      return [confirmed, { do: 'hang-up', code: null }];
    case 'fatal': {
      const [next, ...effects] = FINAL_CODES.has(event.code) ? ([confirmed] as const) : tellAgain(state);
      return [next, { do: 'hang-up', code: event.code }, ...effects];
    }
    case 'cancel':
      return [confirmed, { do: 'hang-up', code: null }];
    case 'manifest':
      return sameShare(state.manifest, event.manifest)
        ? [state, { do: 'start' }, { do: 'tell', what: 'done' }]
        : [confirmed, { do: 'hang-up', code: 'source-changed' }];
    case 'lane-lost':
      return tellAgain(state);
    default:
      return [state];
  }
}

function tellAgain(state: ReceiverState & { at: 'finished' }): Step {
  if (state.attempt >= CONFIRM_ATTEMPTS) return [{ ...state, confirmed: true }];
  return [
    { ...state, attempt: state.attempt + 1 },
    { do: 'dial', delayMs: retryDelayMs(state.attempt) },
  ];
}

/** What cannot be used is given up, unless only the permission is missing: that comes with a click. */
function notRecalled(state: Acceptance, code: ErrorCode): Step {
  if (code === 'gone') return [RECEIVER_START, { do: 'release-sink', keep: false }, { do: 'dial', delayMs: 0 }];
  return [{ at: 'failed', code, kept: acceptance(state) }];
}

/** After a failure: what is kept is checked once more, for a disk may be what failed. */
function again(kept: Acceptance | null): Step {
  if (kept === null) return [RECEIVER_START, { do: 'dial', delayMs: 0 }];
  return [{ ...kept, at: 'checking' }, { do: 'recall' }];
}

/** Several writes may be refused before the pause reaches the sender. */
function blocked(state: ReceiverState, reason: ErrorCode): Step {
  if (state.at !== 'transferring' || state.pause.reason === reason) return [state];
  const told: ReceiverEffect[] = state.pause.byMe ? [] : [{ do: 'tell', what: 'pause' }];
  return [{ ...state, pause: { ...state.pause, byMe: true, reason } }, ...told];
}

function sameShare(a: Manifest, b: Manifest): boolean {
  return a.shareId === b.shareId && a.totalBytes === b.totalBytes && a.entries.length === b.entries.length;
}

function paused(state: ReceiverState, on: 'pause' | 'resume', by: 'me' | 'peer'): Step {
  if (state.at !== 'transferring' && !(state.at === 'reconnecting' && by === 'me')) return [state];
  const value = on === 'pause';
  const pause = by === 'peer' ? { ...state.pause, byPeer: value } : pausedByMe(state.pause, value);
  const refused: ReceiverEffect[] =
    state.at === 'transferring' && state.pause.reason !== undefined && !pause.byMe ? [{ do: 'ask-refused' }] : [];
  const told: ReceiverEffect[] = by === 'me' && state.at === 'transferring' ? [{ do: 'tell', what: on }] : [];
  return [{ ...state, pause }, ...told, ...refused];
}

/** The reason stays until this side resumes: what the disk refused is asked for then. */
function pausedByMe(pause: Pause, byMe: boolean): Pause {
  return byMe ? { ...pause, byMe } : { byMe, byPeer: pause.byPeer };
}

/** What the screens say about a state, in one voice. */
import { explain, type ErrorCode } from '../core/errors.ts';
import type { PathInfo, SignalingStatus } from '../core/ports.ts';
import type { Pause } from '../core/receiver.ts';
import type { SenderState } from '../core/sender.ts';
import type { DeliveryView, Progress, ReceivingView } from '../flow/views.ts';
import { counted, formatCount } from './format.ts';

export interface Words {
  readonly sentence: string;
  readonly next: string;
}

export function pathWords(path: PathInfo): string {
  switch (path.kind) {
    case 'lan':
      return 'Same network';
    case 'direct':
      return 'Direct';
    case 'relay':
      return path.relayProtocol === null ? 'Relayed' : `Relayed over ${path.relayProtocol.toUpperCase()}`;
  }
}

/** What makes this path slow, in a few words; empty where nothing about it does. */
export function slownessWords({ kind, relayProtocol }: PathInfo): string {
  // One lost packet holds up all that is behind it, on every connection through the same relay.
  return kind === 'relay' && (relayProtocol === 'tcp' || relayProtocol === 'tls') ? 'slower than direct' : '';
}

/** Null while the line to the server is open: then there is nothing to say. */
export function signalingWords(status: SignalingStatus): Words | null {
  if (status === 'connecting') {
    return { sentence: 'Connecting to the Beeline server.', next: 'The link works in a moment.' };
  }
  const code = signalingCode(status);
  return code === null ? null : explain(code);
}

/** What is wrong with the line to the server; null while it is open or first being made. */
function signalingCode(status: SignalingStatus): ErrorCode | null {
  switch (status) {
    case 'open':
    case 'connecting':
      return null;
    case 'offline':
      return 'server-unreachable';
    case 'no-network':
      return 'offline';
    case 'taken':
      return 'share-open-elsewhere';
    case 'refused':
      return 'server-refused';
  }
}

/** @param peer what the other side is called: `sender` or `receiver`. */
export function pauseWords(pause: Pause, peer: 'sender' | 'receiver'): string | null {
  if (pause.byMe && pause.byPeer) return `Paused by you and by the ${peer}`;
  if (pause.byMe) return 'Paused by you';
  return pause.byPeer ? `Paused by the ${peer}` : null;
}

/** One delivery's state in a few words; `next` is empty when there is nothing to do. */
export function deliveryWords(state: SenderState, failedEntries: number, cancelledEntries = 0): Words {
  switch (state.at) {
    case 'connecting':
      return { sentence: 'Connecting', next: '' };
    case 'asking':
      return { sentence: 'Wants to receive', next: 'Allow this device if you know whose it is.' };
    case 'offered':
      return { sentence: 'Looking at the list of files', next: '' };
    case 'transferring':
      return { sentence: pauseWords(state.pause, 'receiver') ?? 'Receiving', next: '' };
    case 'finished':
      if (failedEntries > 0)
        return { sentence: 'Verified', next: `${counted(failedEntries, 'file')} could not be sent.` };
      return {
        sentence: 'Verified',
        next: `${cancelledWords(cancelledEntries)}All they accepted arrived, equal to what you sent.`,
      };
    case 'declined':
      return state.by === 'me' ? { sentence: 'You declined this device.', next: '' } : explain('receiver-declined');
    case 'cancelled':
      return {
        sentence: state.by === 'me' ? 'You cancelled.' : 'The receiver cancelled.',
        next: 'The link still works.',
      };
    case 'lost':
    case 'failed':
      return explain(state.code);
  }
}

/** What to call a device that may not have said its name yet. */
export function deviceName(device: string, otherwise: string): string {
  return device === '' ? otherwise : device;
}

/** What changed between two lists of deliveries, as one announcement; empty when nothing a person waits for did. */
export function deliveryNews(before: readonly DeliveryView[], after: readonly DeliveryView[]): string {
  const known = new Map(before.map((delivery) => [delivery.id, wordsOf(delivery).sentence]));
  return after
    .filter((delivery) => known.get(delivery.id) !== wordsOf(delivery).sentence)
    .map((delivery) => `${deviceName(delivery.device, 'A device')}: ${wordsOf(delivery).sentence}`)
    .join('. ');
}

function wordsOf({ state, progress }: DeliveryView): Words {
  return deliveryWords(state, progress?.failedEntries ?? 0);
}

function cancelledWords(count: number): string {
  return count === 0 ? '' : `${counted(count, 'file')} cancelled. `;
}

const NO_PROGRESS = { failedEntries: 0, cancelledEntries: 0, totalEntries: 0 };

/** The heading of the receiving screen, and what stands below it. */
export function receivingWords(view: ReceivingView): Words {
  const { state } = view;
  switch (state.at) {
    case 'connecting':
      return connectingWords(troubleOf(view));
    case 'greeting':
      return state.asked
        ? { sentence: 'Waiting for the sender to allow you', next: 'They see your device and decide.' }
        : { sentence: 'Connecting', next: 'The sender is there. Getting the list of files.' };
    case 'offered':
      return {
        sentence: `${deviceName(view.device, 'Someone')} wants to send you ${counted(state.manifest.entries.length, 'file')}`,
        next: 'Receive only what you expect, from someone you know.',
      };
    case 'checking':
      return { sentence: 'Checking what is already here', next: 'Every piece is hashed again before it is trusted.' };
    case 'preparing':
      return { sentence: 'Getting ready', next: 'Making room on this device.' };
    case 'transferring': {
      if (state.pause.reason !== undefined) {
        return { sentence: 'Paused', next: 'What is here is safe. Make room on this device, then resume.' };
      }
      const paused = pauseWords(state.pause, 'sender');
      if (paused === null && isHeldBack(view.progress)) {
        return { sentence: 'Paused by you', next: 'What is missing waits until you resume it in the list.' };
      }
      return {
        sentence: paused ?? `Receiving ${counted(view.progress?.totalEntries ?? state.accepted.length, 'file')}`,
        next:
          paused === null
            ? 'Keep this page open until everything is here.'
            : state.pause.byMe
              ? 'What is here is safe. Go on whenever you like.'
              : 'What is here is safe. It goes on when they resume.',
      };
    }
    case 'reconnecting':
      return {
        sentence: state.reason === null ? 'Connecting' : 'Reconnecting',
        next: 'What is verified is safe; it goes on from there by itself.',
      };
    case 'finished':
      return finishedWords(view.progress);
    case 'cancelled':
      return state.by === 'me'
        ? {
            sentence: 'You cancelled',
            next: state.kept
              ? 'What is verified stays for an hour: open the link again to go on.'
              : 'Nothing was kept, except files that are already in a folder you chose.',
          }
        : { sentence: 'The sender cancelled', next: 'Ask them what happened, or try again.' };
    case 'failed':
      return explain(state.code);
  }
}

/**
 * Why there is no connection, or no other will be: the line to the server first, for without it nothing else can be
 * mended. Null while nothing is wrong.
 */
export function troubleOf({ state, signaling }: Pick<ReceivingView, 'state' | 'signaling'>): ErrorCode | null {
  switch (state.at) {
    case 'connecting':
    case 'reconnecting':
      return signalingCode(signaling) ?? state.reason;
    case 'failed':
      return state.code;
    case 'greeting':
    case 'offered':
    case 'checking':
    case 'preparing':
    case 'transferring':
    case 'finished':
    case 'cancelled':
      return null;
  }
}

function connectingWords(trouble: ErrorCode | null): Words {
  if (trouble === null) return { sentence: 'Connecting', next: 'Looking for the sender.' };
  const { sentence, next } = explain(trouble);
  if (trouble === 'sender-away') return { sentence: 'Waiting for the sender', next };
  return { sentence: 'Not connected yet', next: `${sentence} ${next}` };
}

/** True when all that is missing of a transfer are files that are held back. */
export function isHeldBack(progress: Progress | null): boolean {
  if (progress === null || progress.pausedEntries === 0) return false;
  const { verifiedEntries, failedEntries, pausedEntries, totalEntries } = progress;
  return verifiedEntries + failedEntries + pausedEntries === totalEntries;
}

function finishedWords(progress: Progress | null): Words {
  const { failedEntries: failed, cancelledEntries, totalEntries: accepted } = progress ?? NO_PROGRESS;
  if (failed === 0) {
    return cancelledEntries > 0 && accepted === 0
      ? { sentence: 'Every file was cancelled', next: 'Nothing was received. The link still works.' }
      : {
          sentence: 'Received and verified',
          next: `${cancelledWords(cancelledEntries)}Every byte is equal to what the sender has.`,
        };
  }
  if (failed >= accepted) return { sentence: 'No file could be received', next: 'The reasons are in the list.' };
  return {
    sentence: `Received and verified: ${formatCount(accepted - failed)} of ${counted(accepted, 'file')}`,
    next: `${counted(failed, 'file')} could not be received. The rest is equal to what the sender has.`,
  };
}

/** How much of a transfer is verified, 0 to 1. A share of empty files counts files. */
export function fractionOf({ verifiedBytes, totalBytes, verifiedEntries, totalEntries }: Progress): number {
  if (totalBytes > 0) return verifiedBytes / totalBytes;
  return totalEntries > 0 ? verifiedEntries / totalEntries : 1;
}

/** What the screens show: plain values, replaced as a whole, a new state at once and progress twice a second. */
import type { FailedAttempt } from '../core/diagnosis.ts';
import type { ErrorCode } from '../core/errors.ts';
import type { EntryCommand, EntryStatus } from '../core/ledger.ts';
import type { Entry, PlannedEntry } from '../core/manifest.ts';
import type { PathInfo, Room, SignalingStatus, SinkKind } from '../core/ports.ts';
import type { ReceiverState } from '../core/receiver.ts';
import type { Admission, SenderState } from '../core/sender.ts';

export type { EntryCommand, EntryStatus };

/** Per-entry progress by the entry's number; read on demand, so that 100,000 entries cost nothing per update. */
export interface EntryProgress {
  status(entry: number): EntryStatus;
  verifiedBytes(entry: number): number;
  failure(entry: number): ErrorCode | null;
  /** Which side has cancelled it; null for one that was not. */
  cancelledBy(entry: number): 'me' | 'peer' | null;
}

/** Progress of one transfer; all bytes are verified bytes. */
export interface Progress {
  readonly verifiedBytes: number;
  /** Bytes of the accepted entries, without those cancelled. */
  readonly totalBytes: number;
  readonly verifiedEntries: number;
  readonly failedEntries: number;
  readonly cancelledEntries: number;
  /** Entries held back. */
  readonly pausedEntries: number;
  /** Accepted entries, without those cancelled. */
  readonly totalEntries: number;
  /** Null until it can be told. */
  readonly bytesPerSecond: number | null;
  /** For what is not held back; null when that is nothing. */
  readonly secondsLeft: number | null;
  readonly entries: EntryProgress;
}

/** One receiver of a share. */
export interface DeliveryView {
  readonly id: string;
  /** What the other device calls itself, e.g. `Chrome on Android`; empty until it has said so. */
  readonly device: string;
  readonly state: SenderState;
  readonly progress: Progress | null;
  readonly path: PathInfo | null;
  /** Connections that carry it. */
  readonly lanes: number;
  /** True while nothing is heard of it: it may be asleep. */
  readonly silent: boolean;
}

export interface SharingView {
  /** Finds the share again in a later page. */
  readonly id: string;
  readonly link: string;
  /** Twenty digits in groups of five; equal on both devices. */
  readonly fingerprint: string;
  readonly entries: readonly Entry[];
  readonly totalBytes: number;
  readonly signaling: SignalingStatus;
  readonly admission: Admission;
  readonly deliveries: readonly DeliveryView[];
}

export interface ReceivingView {
  readonly state: ReceiverState;
  readonly fingerprint: string;
  readonly device: string;
  readonly signaling: SignalingStatus;
  /** The offered entries with their safe names; null until the list is here. */
  readonly entries: readonly PlannedEntry[] | null;
  /** Room on this device; null until asked. */
  readonly room: Room | null;
  /** The sink in use; null before accepting. */
  readonly sink: { readonly kind: SinkKind; readonly inPlace: boolean } | null;
  readonly progress: Progress | null;
  /** Bytes looked at again after a reload; null when nothing is being looked at. */
  readonly checkedBytes: number | null;
  /** The last attempt to connect that was in trouble; null while there was none since the last lane, absent without a network. */
  readonly lastFailed?: FailedAttempt | null;
  readonly path: PathInfo | null;
  /** Connections that carry it. */
  readonly lanes: number;
  /** Saving the finished files to Downloads. */
  readonly saving: 'no' | 'running' | 'done' | ErrorCode;
}

/** A value that can be watched. The callback gets each new value, not the present one. */
export interface Watchable<View> {
  readonly view: View;
  watch(onchange: (view: View) => void): () => void;
}

/** The sender's session: one share, any number of receivers. */
export interface SharingSession extends Watchable<SharingView> {
  setAdmission(admission: Admission): void;
  allow(delivery: string): void;
  decline(delivery: string): void;
  pause(delivery: string): void;
  resume(delivery: string): void;
  cancel(delivery: string): void;
  /** Sends one entry no more, unless the receiver has all of it. */
  cancelEntry(delivery: string, entry: number): void;
  /** Leaves the screen: receivers wait, and the share can go on in a later page. */
  leave(): void;
  /** Ends the share for good: connected receivers are told, the link stops working. */
  close(): void;
}

/** What an earlier page has received: nothing of it moves. */
export interface StoredSession extends Watchable<ReceivingView> {
  /** Tries again now: after a failure, or an attempt that waits. */
  retry(): void;
  save(as: 'files' | 'zip'): Promise<void>;
  /** Leaves the page: lets go of what is open, and of files that were not saved in place. */
  close(): void;
}

/** The receiver's session: one link. */
export interface ReceivingSession extends StoredSession {
  /** @param place a directory handle the person picked, or null for the browser's own storage and then Downloads. */
  accept(entries: readonly number[], place: unknown): void;
  decline(): void;
  pause(): void;
  resume(): void;
  /** With `keep`, what is verified stays for an hour. */
  cancel(keep: boolean): void;
  /** Holds back one accepted entry, goes on with it, or gives it up for good. */
  command(entry: number, command: EntryCommand): void;
}

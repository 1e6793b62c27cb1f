/** What the screens can ask for. `src/app.ts` builds it from the adapters and hands it to the root component. */
import type { Entry, Manifest } from '../core/manifest.ts';
import type { Source, TransferNote } from '../core/ports.ts';
import type { ReceivingSession, SharingSession, StoredSession } from './views.ts';

/** Files a person has chosen. */
export interface Picked {
  readonly entries: readonly Entry[];
  readonly source: Source;
  /** What finds the files in a later page; null where the browser gives nothing of the kind. */
  readonly handles: unknown;
  /** Names of chosen things that could not be read. */
  readonly unreadable: readonly string[];
}

/** A share of an earlier page, before its files are at hand again. */
export interface ReturningShare {
  readonly id: string;
  readonly manifest: Manifest;
  /** False where the person has to choose the files again. */
  readonly hasHandles: boolean;
  /** True when nobody need be asked. */
  readonly readable: boolean;
}

/** A share that goes on, or the numbers of the entries whose files are not there as they were. */
export type SharedAgain = { readonly session: SharingSession } | { readonly missing: readonly number[] };

/** What this browser keeps. */
export interface Transfers {
  /** The latest first. */
  readonly notes: readonly TransferNote[];
  /** Bytes that all of it takes; null when the browser does not say. */
  readonly usedBytes: number | null;
}

export interface Services {
  /** Starts a share. Rejects with a BeelineError. */
  share(picked: Picked): Promise<SharingSession>;
  /** Opens a link's fragment. @throws BeelineError `link-incomplete` */
  receive(fragment: string): Promise<ReceivingSession>;
  /** A share of an earlier page; null when it is not kept. */
  returningShare(id: string): Promise<ReturningShare | null>;
  /**
   * Shares it again under its link.
   * @param picked the files, chosen again; null to take them through the kept handles, which needs a click.
   * @param partly goes on although some files are missing.
   * @throws BeelineError `gone`, `permission-denied` or `unsupported`.
   */
  shareAgain(id: string, picked: Picked | null, partly: boolean): Promise<SharedAgain>;
  /** The transfers of this browser. */
  transfers(): Promise<Transfers>;
  /** The fragment of the link of a received transfer that can go on; null when there is nothing left to fetch. */
  linkOf(id: string): Promise<string | null>;
  /** A received transfer that has finished, to be saved again; null when it is not kept. */
  stored(id: string): Promise<StoredSession | null>;
  /** Forgets a transfer, and deletes what was received of it. */
  forget(note: TransferNote): Promise<void>;
  /** Files of a file input, a folder input or the clipboard. */
  pickFiles(files: Iterable<unknown>): Picked;
  /** True where {@link chooseFiles} works: elsewhere a file input does it, and a later page has to ask for the files. */
  readonly canChooseFiles: boolean;
  /** Lets the person choose what to send; null when they closed the picker. Rejects with a BeelineError. */
  chooseFiles(kind: 'files' | 'folder', signal: AbortSignal): Promise<Picked | null>;
  /** Everything dropped, folders walked; `transfer` is the event's DataTransfer, read before the event ends. */
  pickDrop(transfer: unknown, signal: AbortSignal): Promise<Picked>;
  /** True where the person can choose a folder to receive into. */
  readonly canChoosePlace: boolean;
  /** A writable directory handle, or null when the person closed the picker. */
  choosePlace(): Promise<unknown>;
  /** False over plain http from another host: nothing works there. */
  readonly secure: boolean;
  /** Null unless a newer version waits; call it to switch over. Never called mid-transfer. */
  watchUpdate(onready: (apply: () => void) => void): void;
}

/** What the screens can ask for. `main.ts` builds it from the adapters and hands it to the root component. */
import type { Entry } from '../core/manifest.ts';
import type { Source } from '../core/ports.ts';
import type { ReceivingSession, SharingSession } from './views.ts';

/** Files a person has chosen. */
export interface Picked {
  readonly entries: readonly Entry[];
  readonly source: Source;
  /** Names of chosen things that could not be read. */
  readonly unreadable: readonly string[];
}

export interface Services {
  /** Starts a share. Rejects with a BeelineError. */
  share(picked: Picked): Promise<SharingSession>;
  /** Opens a link's fragment. @throws BeelineError `link-incomplete` */
  receive(fragment: string): Promise<ReceivingSession>;
  /** Files of a file input, a folder input or the clipboard. */
  pickFiles(files: Iterable<unknown>): Picked;
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

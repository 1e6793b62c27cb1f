import { BeelineError, type ErrorCode } from '../core/errors.ts';
import type { Manifest } from '../core/manifest.ts';
import { ManifestReader } from '../core/messages.ts';
import type { ReceiverEvent, ReceiverState } from '../core/receiver.ts';
import type { TransferMessage } from './conversation.ts';
import type { JoinedLanes } from './joined-lanes.ts';

export interface IncomingOptions {
  /** What the receiver is doing. */
  readonly at: () => ReceiverState['at'];
  readonly handle: (event: ReceiverEvent) => void;
  readonly lanes: JoinedLanes;
  /** The list is whole. */
  readonly onlist: (manifest: Manifest) => void;
  readonly onentryfailed: (entry: number, code: ErrorCode) => void;
  /** The sender would rather not send this entry. */
  readonly onentrycancelled: (entry: number) => void;
  /** The sender's page is going away. */
  readonly onbye: () => void;
}

/** What the sender says over one lane: each message to whom it is for, if it has a place now. Rule [M2]. */
export class Incoming {
  #listing: ManifestReader | null = null;

  constructor(private readonly options: IncomingOptions) {}

  /** @throws BeelineError `protocol` */
  receive(message: TransferMessage): void {
    const { at, handle, lanes, onentryfailed, onentrycancelled, onbye } = this.options;
    switch (message.t) {
      case 'asking':
        expectAt(at(), 'greeting', 'reconnecting', 'finished');
        handle({ on: 'asked' });
        return;
      case 'manifest':
        if (this.#listing !== null) throw new BeelineError('protocol', 'two manifests');
        this.#listing = new ManifestReader(message);
        this.#list(this.#listing);
        return;
      case 'entries':
        if (this.#listing === null) throw new BeelineError('protocol', 'entries before a manifest');
        this.#listing.add(message);
        this.#list(this.#listing);
        return;
      case 'entry-failed':
        expectAt(at(), 'transferring', 'finished');
        onentryfailed(message.entry, message.code);
        return;
      case 'entry-cancel':
        expectAt(at(), 'transferring', 'finished');
        onentrycancelled(message.entry);
        return;
      case 'pause':
      case 'resume':
        expectAt(at(), 'transferring', 'finished');
        handle({ on: message.t, by: 'peer' });
        return;
      case 'lane':
      case 'lane-end':
        expectAt(at(), 'offered', 'preparing', 'transferring', 'finished');
        lanes.receive(message);
        return;
      case 'decline':
        handle({ on: 'fatal', code: 'sender-declined' });
        return;
      case 'cancel':
        handle({ on: 'cancel', by: 'peer', keep: true });
        return;
      case 'done':
        expectAt(at(), 'finished');
        handle({ on: 'confirmed' });
        return;
      case 'bye':
        onbye();
        return;
      case 'error':
        handle({ on: 'fatal', code: message.code });
        return;
      case 'accept':
      case 'want':
      case 'again':
      case 'ack':
      case 'entry-pause':
      case 'entry-resume':
      case 'lane-ended':
        throw new BeelineError('protocol', `the sender sent ${message.t}`);
    }
  }

  #list(listing: ManifestReader): void {
    const manifest = listing.finish();
    if (manifest !== null) this.options.onlist(manifest);
  }
}

/** @throws BeelineError `protocol` for what has no place in this state. */
export function expectAt(at: ReceiverState['at'], ...places: readonly ReceiverState['at'][]): void {
  if (!places.includes(at)) throw new BeelineError('protocol', `unexpected in ${at}`);
}

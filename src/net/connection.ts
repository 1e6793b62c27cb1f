import { deferred } from '../core/deferred.ts';
import { Inbox } from './inbox.ts';

/**
 * Stream ids, agreed and not negotiated: a channel is open as soon as the connection is, and whoever is first may speak.
 * Chromium allows ids up to 1,023. Rule [C1].
 */
const CONTROL = { negotiated: true, id: 0, ordered: true } as const;
const BULK = { negotiated: true, id: 64, ordered: true } as const;

/** A connection with both channels of a lane, before anything is said of it. */
export class LaneConnection {
  readonly control: RTCDataChannel;
  readonly bulk: RTCDataChannel;
  /** What comes over them from the first message on. */
  readonly inboxes: { readonly control: Inbox; readonly bulk: Inbox };
  /** Both channels are open. */
  readonly open: Promise<unknown>;
  #offer: Promise<string> | null = null;

  constructor(readonly connection = new RTCPeerConnection()) {
    this.control = connection.createDataChannel('control', CONTROL);
    this.bulk = connection.createDataChannel('bulk', BULK);
    const giveUp = () => connection.close();
    this.inboxes = { control: new Inbox(this.control, giveUp), bulk: new Inbox(this.bulk, giveUp) };
    this.open = whenOpen([this.control, this.bulk]);
  }

  /** The SDP of its one offer. It tells nothing of servers, so it may be made before they are known. */
  offer(): Promise<string> {
    return (this.#offer ??= this.connection.createOffer().then(({ sdp = '' }) => sdp));
  }
}

function whenOpen(channels: readonly RTCDataChannel[]): Promise<unknown> {
  const { promise, resolve } = deferred();
  for (const channel of channels) {
    channel.addEventListener('open', () => {
      if (channels.every(({ readyState }) => readyState === 'open')) resolve(undefined);
    });
  }
  return promise;
}

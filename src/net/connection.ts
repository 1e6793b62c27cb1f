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

  constructor(readonly connection = new RTCPeerConnection()) {
    this.control = connection.createDataChannel('control', CONTROL);
    this.bulk = connection.createDataChannel('bulk', BULK);
  }
}

/** The part of simple-peer 9.11 that the lane uses. Its published types need Node's, which the page does not have. */
declare module 'simple-peer' {
  export type SignalData =
    | { type: 'offer' | 'answer'; sdp: string }
    | { type: 'candidate'; candidate: RTCIceCandidateInit }
    | { type: 'renegotiate'; renegotiate: true }
    | { type: 'transceiverRequest' };

  export interface Events {
    signal: (data: SignalData) => void;
    connect: () => void;
    data: (message: unknown) => void;
    error: (error: Error) => void;
    close: () => void;
  }

  export default class SimplePeer {
    constructor(options: {
      initiator: boolean;
      trickle: boolean;
      objectMode: boolean;
      channelConfig: RTCDataChannelInit;
      wrtc: {
        RTCPeerConnection: typeof RTCPeerConnection;
        RTCSessionDescription: typeof RTCSessionDescription;
        RTCIceCandidate: typeof RTCIceCandidate;
      };
    });
    /** Bytes waiting in its channel. */
    readonly bufferSize: number;
    readonly connected: boolean;
    on<Name extends keyof Events>(event: Name, listener: Events[Name]): this;
    signal(data: SignalData): void;
    /** At once, once its channel is open, which may be before `connect`. */
    send(message: string): void;
    /** As a stream: waits by itself while the channel is full. */
    write(message: string): boolean;
    destroy(error?: Error): void;
  }
}

/** A connection as far as lanes and simple-peer know one. Tests move it on by hand. */
export class FakeConnection extends EventTarget {
  /** What was asked of it, in order. */
  readonly asked: string[] = [];
  readonly channels: FakeDataChannel[] = [];
  remoteDescription: RTCSessionDescriptionInit | null = null;
  iceConnectionState = 'new';
  connectionState = 'new';
  iceGatheringState = 'new';
  signalingState = 'stable';
  /** Awaited before an answer is set. */
  setting: Promise<void> = Promise.resolve();
  oniceconnectionstatechange: (() => void) | null = null;
  onconnectionstatechange: (() => void) | null = null;

  /** As lanes take it. */
  get real(): RTCPeerConnection {
    return this as unknown as RTCPeerConnection;
  }

  createDataChannel(label: string): FakeDataChannel {
    const channel = new FakeDataChannel(label);
    this.channels.push(channel);
    return channel;
  }

  setConfiguration(): void {
    this.asked.push('servers');
  }

  createOffer(): Promise<RTCSessionDescriptionInit> {
    return Promise.resolve({ type: 'offer', sdp: 'my offer' });
  }

  setLocalDescription({ sdp }: RTCSessionDescriptionInit): Promise<void> {
    this.asked.push(`local ${sdp}`);
    return Promise.resolve();
  }

  async setRemoteDescription(description: RTCSessionDescriptionInit): Promise<void> {
    this.asked.push(`remote ${description.sdp}`);
    await this.setting;
    this.remoteDescription = description;
  }

  addIceCandidate({ candidate }: RTCIceCandidateInit): Promise<void> {
    this.asked.push(`candidate ${candidate}`);
    return Promise.resolve();
  }

  getStats(): Promise<Map<string, unknown>> {
    return Promise.resolve(new Map<string, unknown>());
  }

  open(): void {
    this.iceConnectionState = this.connectionState = 'connected';
    this.oniceconnectionstatechange?.();
    for (const channel of this.channels) channel.become('open');
  }

  close(): void {
    this.asked.push('close');
    this.iceConnectionState = this.connectionState = this.signalingState = 'closed';
    for (const channel of this.channels) channel.become('closed');
  }
}

export class FakeDataChannel extends EventTarget {
  readyState: RTCDataChannelState = 'connecting';
  binaryType = 'blob';
  bufferedAmount = 0;
  bufferedAmountLowThreshold = 0;
  readonly sent: unknown[] = [];
  onopen: (() => void) | null = null;
  onclose: (() => void) | null = null;
  onmessage: ((event: MessageEvent) => void) | null = null;

  constructor(readonly label: string) {
    super();
  }

  send(message: unknown): void {
    this.sent.push(message);
  }

  /** The other side has sent this. */
  bring(data: unknown): void {
    const event = new MessageEvent('message', { data });
    this.onmessage?.(event);
    this.dispatchEvent(event);
  }

  become(state: 'open' | 'closed'): void {
    if (this.readyState === state) return;
    this.readyState = state;
    if (state === 'open') this.onopen?.();
    else this.onclose?.();
    this.dispatchEvent(new Event(state === 'open' ? 'open' : 'close'));
  }

  close(): void {
    this.become('closed');
  }
}

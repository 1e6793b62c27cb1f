/** The yardstick: one raw data channel between two browsers, with nothing around it. */
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Page } from 'playwright-core';
import type { Device } from '../e2e/browser.ts';

export interface RawOptions {
  readonly bytes: number;
  /** Bytes of every message but the last. */
  readonly messageBytes: number;
  /** The sender stops handing over messages when this many bytes wait, */
  readonly highBytes: number;
  /** and goes on when no more than this many do. */
  readonly lowBytes: number;
}

/** What issue and design compare with. */
export const RAW_CHANNEL = { messageBytes: 65_536, highBytes: 262_144, lowBytes: 65_536 } as const;

/** The same with the largest messages that Chromium sends, and watermarks of as many of them. */
export const RAW_CHANNEL_256 = { messageBytes: 262_144, highBytes: 1_048_576, lowBytes: 262_144 } as const;

/** The page's functions, which the driver calls; they live in the page's own script below. */
interface RawWindow extends Window {
  readonly raw: {
    offer(): Promise<string>;
    answer(offer: string): Promise<string>;
    accept(answer: string): Promise<void>;
    send(options: RawOptions): Promise<void>;
    receive(bytes: number): Promise<number>;
  };
}

/**
 * Negotiated, ordered, reliable, as Beeline's bulk channel is. Random bytes are made before the clock starts. The
 * receiver asks with one message and counts: its clock runs from the question to the last byte.
 */
const PAGE = `<!doctype html><title>raw channel</title><script>
const pc = new RTCPeerConnection();
const channel = pc.createDataChannel('raw', { negotiated: true, id: 0 });
channel.binaryType = 'arraybuffer';
const open = new Promise((resolve) => { channel.onopen = resolve; });
const gathered = () => new Promise((resolve) => {
  const check = () => { if (pc.iceGatheringState === 'complete') resolve(JSON.stringify(pc.localDescription)); };
  pc.onicegatheringstatechange = check;
  check();
});
window.raw = {
  async offer() { await pc.setLocalDescription(); return gathered(); },
  async answer(offer) {
    await pc.setRemoteDescription(JSON.parse(offer));
    await pc.setLocalDescription();
    return gathered();
  },
  async accept(answer) { await pc.setRemoteDescription(JSON.parse(answer)); },
  async send({ bytes, messageBytes, highBytes, lowBytes }) {
    const pool = new Uint8Array(Math.min(bytes, 16 << 20));
    for (let at = 0; at < pool.length; at += 65536) crypto.getRandomValues(pool.subarray(at, at + 65536));
    channel.bufferedAmountLowThreshold = lowBytes;
    let left = bytes;
    let at = 0;
    const pump = () => {
      while (left > 0 && channel.bufferedAmount < highBytes) {
        const length = Math.min(left, messageBytes);
        if (at + length > pool.length) at = 0;
        channel.send(pool.subarray(at, at + length));
        at += length;
        left -= length;
      }
    };
    channel.onbufferedamountlow = pump;
    channel.onmessage = pump;
    await open;
  },
  async receive(bytes) {
    await open;
    const from = performance.now();
    let got = 0;
    const all = new Promise((resolve) => {
      channel.onmessage = ({ data }) => {
        got += data.byteLength;
        if (got >= bytes) resolve(performance.now() - from);
      };
    });
    channel.send('go');
    return all;
  },
};
</script>`;

/** A page of its own origin, so that nothing of Beeline's (service worker, policy) is near it. */
export class RawPage {
  private constructor(
    readonly url: string,
    readonly server: Server,
  ) {}

  static async serve(): Promise<RawPage> {
    const server = createServer((_request, response) => {
      response.setHeader('content-type', 'text/html; charset=utf-8').end(PAGE);
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return new RawPage(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`, server);
  }

  /** For a browser in the network lab, which cannot reach this machine: the driver fetches the page for it. */
  async reachFrom({ context }: Device): Promise<void> {
    await context.route(this.url, async (route) => route.fulfill({ response: await route.fetch() }));
  }

  /** Milliseconds from the receiver's request to its last byte. */
  async measure(sender: Device, receiver: Device, options: RawOptions): Promise<number> {
    const [from, to] = await Promise.all([sender.open(this.url), receiver.open(this.url)]);
    try {
      await connect(from, to);
      await from.evaluate((o) => (window as unknown as RawWindow).raw.send(o), options);
      return await to.evaluate((bytes) => (window as unknown as RawWindow).raw.receive(bytes), options.bytes);
    } finally {
      await Promise.all([from.close(), to.close()]);
    }
  }

  async close(): Promise<void> {
    this.server.closeAllConnections();
    await new Promise((resolve) => this.server.close(resolve));
  }
}

async function connect(from: Page, to: Page): Promise<void> {
  const offer = await from.evaluate(() => (window as unknown as RawWindow).raw.offer());
  const answer = await to.evaluate((text) => (window as unknown as RawWindow).raw.answer(text), offer);
  await from.evaluate((text) => (window as unknown as RawWindow).raw.accept(text), answer);
}

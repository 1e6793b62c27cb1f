/** Counts what a page sends, where it hands it to WebRTC. */
import type { BrowserContext, Page } from 'playwright-core';

/** What one tab has sent, its reloads included. */
export interface WireCount {
  /** Of each lane that carried file data, in order. */
  readonly lanes: LaneCount[];
  /** Pieces that each `want` asked for, in order. */
  readonly wanted: number[];
}

export interface LaneCount {
  /**
   * Bytes of the messages handed to the `bulk` channel, their headers included. What SCTP sends again is not counted;
   * the packets below show it.
   */
  bulk: number;
  /** Bytes of the DTLS packets that left, all layers above UDP included; 0 for a lane that ended with its page. */
  packets: number;
}

interface Counted {
  countWire(): Promise<WireCount>;
}

/** To be called before the pages are opened. */
export async function tapWire(context: BrowserContext): Promise<void> {
  await context.addInitScript(tap);
}

export function countWire(page: Page): Promise<WireCount> {
  return page.evaluate(() => (window as unknown as Counted).countWire());
}

/** Runs in the page, on its own. The count is kept for the tab: a reload goes on with it. */
function tap(): void {
  const KEY = 'wire count';
  const open = new Set<CountedConnection>();
  const lastLooks: Promise<void>[] = [];

  function read(): WireCount {
    return JSON.parse(sessionStorage.getItem(KEY) ?? '{"lanes":[],"wanted":[]}') as WireCount;
  }

  function change(step: (count: WireCount) => void): void {
    const count = read();
    step(count);
    sessionStorage.setItem(KEY, JSON.stringify(count));
  }

  class CountedConnection extends RTCPeerConnection {
    /** The lane's place in the count, once it carries file data. */
    #lane: number | null = null;

    override createDataChannel(label: string, options?: RTCDataChannelInit): RTCDataChannel {
      const channel = super.createDataChannel(label, options);
      const send = channel.send.bind(channel) as (message: unknown) => void;
      channel.send = (message: unknown) => {
        send(message);
        if (message instanceof Uint8Array) this.#sent(message.byteLength);
        else this.#said(message);
      };
      return channel;
    }

    override close(): void {
      lastLooks.push(this.look());
      super.close();
      open.delete(this);
    }

    async look(): Promise<void> {
      const lane = this.#lane;
      if (lane === null) return;
      const report = (await this.getStats()) as ReadonlyMap<string, { type: string; bytesSent: number }>;
      const packets = [...report.values()].find(({ type }) => type === 'transport')?.bytesSent ?? 0;
      change(({ lanes }) => {
        const found = lanes[lane];
        if (found !== undefined) found.packets = Math.max(found.packets, packets);
      });
    }

    #sent(bytes: number): void {
      change(({ lanes }) => {
        this.#lane ??= lanes.push({ bulk: 0, packets: 0 }) - 1;
        const lane = lanes[this.#lane];
        if (lane !== undefined) lane.bulk += bytes;
      });
      open.add(this);
    }

    #said(message: unknown): void {
      const said = JSON.parse(String(message)) as { t: string; runs: [from: number, count: number][] };
      if (said.t !== 'want') return;
      change(({ wanted }) => wanted.push(said.runs.reduce((sum, [, count]) => sum + count, 0)));
    }
  }

  window.RTCPeerConnection = CountedConnection;
  (window as unknown as Counted).countWire = async () => {
    await Promise.all([...lastLooks, ...[...open].map((connection) => connection.look())]);
    return read();
  };
}

/** Counts what a page sends, where it hands it to WebRTC. */

/** What one tab has sent, its reloads included. */
export interface WireCount {
  /**
   * Bytes of the messages handed to the `bulk` channels of all lanes, their headers included: before the first `want` was
   * heard, and after each. What SCTP sends again is not counted; the packets below show it.
   */
  readonly bulk: number[];
  /**
   * Of each lane that carried file data, in order: bytes of the packets that left, with all layers above UDP; of a lane that
   * broke, up to a moment before.
   */
  readonly packets: number[];
  /** Pieces that each `want` asked for, in order. */
  readonly wanted: number[];
  /** Pieces asked for once more one by one: damaged ones, and those that the disk did not take. */
  again: number;
}

interface Counted {
  countWire(): Promise<WireCount>;
}

/** Of a browser, whoever drives it. */
interface Tapped {
  addInitScript(script: () => void): Promise<unknown>;
}
interface CountedPage {
  evaluate(run: () => Promise<WireCount>): Promise<WireCount>;
}

/** To be called before the pages are opened. */
export async function tapWire(context: Tapped): Promise<void> {
  await context.addInitScript(tap);
}

export function countWire(page: CountedPage): Promise<WireCount> {
  return page.evaluate(() => (window as unknown as Counted).countWire());
}

/** Runs in the page, on its own. The count is kept for the tab: a reload goes on with it. */
function tap(): void {
  const KEY = 'wire count';
  const LOOK_MS = 250;
  const looks: (() => Promise<void>)[] = [];

  function read(): WireCount {
    return JSON.parse(sessionStorage.getItem(KEY) ?? '{"bulk":[0],"packets":[],"wanted":[],"again":0}') as WireCount;
  }

  function change(step: (count: WireCount) => void): void {
    const count = read();
    step(count);
    sessionStorage.setItem(KEY, JSON.stringify(count));
  }

  class CountedConnection extends RTCPeerConnection {
    /** The lane's place in the count, once it carries file data. */
    #lane: number | null = null;

    constructor(config?: RTCConfiguration) {
      super(config);
      this.addEventListener('datachannel', ({ channel }) => this.#listen(channel));
    }

    override createDataChannel(label: string, options?: RTCDataChannelInit): RTCDataChannel {
      const channel = super.createDataChannel(label, options);
      const send = channel.send.bind(channel) as (message: unknown) => void;
      channel.send = (message: unknown) => {
        send(message);
        if (message instanceof Uint8Array) this.#sent(message.byteLength);
        else this.#said(message);
      };
      this.#listen(channel);
      return channel;
    }

    #listen(channel: RTCDataChannel): void {
      channel.addEventListener('message', ({ data }: MessageEvent<unknown>) => {
        if (typeof data !== 'string' || (JSON.parse(data) as { t: string }).t !== 'want') return;
        change(({ bulk }) => bulk.push(0));
      });
    }

    #sent(bytes: number): void {
      change(({ bulk, packets }) => {
        this.#lane ??= this.#begin(packets);
        bulk.push((bulk.pop() ?? 0) + bytes);
      });
    }

    /** A closed connection tells nothing, so it is looked at all along; each side lingers for a second before it closes. */
    #begin(packets: number[]): number {
      const number = packets.push(0) - 1;
      looks.push(() => this.#look(number));
      setInterval(() => void this.#look(number), LOOK_MS);
      return number;
    }

    async #look(number: number): Promise<void> {
      const report = (await this.getStats()) as ReadonlyMap<string, { type: string; bytesSent: number }>;
      const sent = [...report.values()].find(({ type }) => type === 'transport')?.bytesSent ?? 0;
      change(({ packets }) => {
        packets[number] = Math.max(packets[number] ?? 0, sent);
      });
    }

    #said(message: unknown): void {
      const said = JSON.parse(String(message)) as { t: string; runs: [from: number, count: number][] };
      if (said.t === 'again') change((count) => (count.again += 1));
      if (said.t === 'want') change(({ wanted }) => wanted.push(said.runs.reduce((sum, [, count]) => sum + count, 0)));
    }
  }

  window.RTCPeerConnection = CountedConnection;
  (window as unknown as Counted).countWire = async () => {
    await Promise.all(looks.map((look) => look()));
    return read();
  };
}

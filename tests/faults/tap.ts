/** Hands on what a real page sends and writes, to make a fault happen at the next of it. */
import type { BrowserContext, Page } from 'playwright-core';
import { CHUNK_HEADER_BYTES } from '../../src/core/limits.ts';
import type { MessageTrouble } from './schedule.ts';

/** Of a worker's world, which a test is not compiled for. */
declare const FileSystemSyncAccessHandle: {
  readonly prototype: { write: (bytes: Uint8Array, options: { readonly at: number }) => number };
};

/** What the tap does in its page. */
interface Tap {
  /** Lets the next message of the channel meet this. */
  wait(trouble: MessageTrouble): void;
  /** Nothing that this page's lanes are given is sent any more, and nobody is told. */
  silence(): void;
  closeLanes(): void;
  jump(ms: number): void;
}

interface Tapped {
  readonly faultTap: Tap;
}

/** To be called before the pages are opened. */
export async function tapPages(context: BrowserContext): Promise<void> {
  await context.addInitScript(tap, CHUNK_HEADER_BYTES);
}

export async function troubleNextMessage(page: Page, trouble: MessageTrouble): Promise<void> {
  await page.evaluate((it) => (globalThis as unknown as Tapped).faultTap.wait(it), trouble);
}

export async function silenceLanes(page: Page): Promise<void> {
  await page.evaluate(() => (globalThis as unknown as Tapped).faultTap.silence());
}

export async function closeLanes(page: Page): Promise<void> {
  await page.evaluate(() => (globalThis as unknown as Tapped).faultTap.closeLanes());
}

export async function jumpClock(page: Page, ms: number): Promise<void> {
  await page.evaluate((by) => (globalThis as unknown as Tapped).faultTap.jump(by), ms);
}

/** The next write of the page's file fails, as Chromium's does when a disk breaks. */
export async function failNextWrite(page: Page): Promise<void> {
  for (const worker of page.workers())
    await worker.evaluate(() => {
      const { prototype } = FileSystemSyncAccessHandle;
      const { write } = prototype;
      prototype.write = () => {
        prototype.write = write;
        throw new DOMException('Failed to write to the access handle', 'InvalidStateError');
      };
    });
}

/** For so long the page's disk takes half of a write, and then nothing, as Chromium's does when it is full. */
export async function fillDisk(page: Page, ms: number): Promise<void> {
  for (const worker of page.workers())
    await worker.evaluate((lastsMs) => {
      const { prototype } = FileSystemSyncAccessHandle;
      const { write } = prototype;
      let isFull = false;
      prototype.write = function (bytes, options) {
        if (isFull) throw new DOMException('No space available for this operation', 'QuotaExceededError');
        isFull = true;
        return write.call(this, bytes.subarray(0, bytes.length >> 1), options);
      };
      setTimeout(() => (prototype.write = write), lastsMs);
    }, ms);
}

/** Runs in the page, on its own. */
function tap(headerBytes: number): void {
  /** Bytes per millisecond of file data: on a faster path a transfer would be over before most faults could hit it. */
  const PACE = 4 * 1024;

  /** Until SCTP gives up a message that does not get through, and with it the connection. */
  const GIVE_UP_MS = 1_000;

  type Message = string | Uint8Array<ArrayBuffer>;

  const waiting: MessageTrouble[] = [];
  const connections: RTCPeerConnection[] = [];
  const channels = new Set<RTCDataChannel>();
  /** Channels that carry nothing more. */
  const stuck = new WeakSet<RTCDataChannel>();
  /** What has not left, by channel: each keeps its order. */
  const lines = new Map<RTCDataChannel, Message[]>();
  const prototype = RTCDataChannel.prototype as { send: (this: RTCDataChannel, message: Message) => void };
  const { send } = prototype;

  globalThis.RTCPeerConnection = class extends RTCPeerConnection {
    constructor(config?: RTCConfiguration) {
      super(config);
      connections.push(this);
      this.addEventListener('datachannel', ({ channel }) => channels.add(channel));
    }

    override createDataChannel(label: string, options?: RTCDataChannelInit): RTCDataChannel {
      const channel = super.createDataChannel(label, options);
      channels.add(channel);
      return channel;
    }
  };

  prototype.send = function (message) {
    const copy = typeof message === 'string' ? message : message.slice();
    const line = lines.get(this);
    if (line !== undefined) {
      line.push(copy);
      return;
    }
    const trouble = isBulk(this) ? null : meet(this);
    // A page that is being closed says goodbye at once or never.
    if (!isBulk(this) && trouble?.kind !== 'delay') carry(this, copy, trouble);
    else void drain(this, copy, trouble);
  };

  function isBulk({ label }: RTCDataChannel): boolean {
    return label === 'bulk';
  }

  /** The fault that hits the next message of a channel, if one waits. */
  function meet(channel: RTCDataChannel): MessageTrouble | null {
    const at = waiting.findIndex((it) => (it.kind === 'corrupt' || it.way === 'bulk') === isBulk(channel));
    return at < 0 ? null : (waiting.splice(at, 1)[0] ?? null);
  }

  async function drain(channel: RTCDataChannel, first: Message, trouble: MessageTrouble | null): Promise<void> {
    const line = [first];
    lines.set(channel, line);
    for (let message = line.shift(); message !== undefined; message = line.shift()) {
      if (isBulk(channel)) await sleep(message.length / PACE);
      const met = trouble ?? meet(channel);
      trouble = null;
      if (met?.kind === 'delay') await sleep(met.ms);
      carry(channel, message, met);
    }
    lines.delete(channel);
  }

  function sleep(ms: number): Promise<void> {
    return new Promise((resolve) => setTimeout(resolve, ms));
  }

  function carry(channel: RTCDataChannel, message: Message, trouble: MessageTrouble | null): void {
    if (stuck.has(channel) || channel.readyState !== 'open') return;
    switch (trouble?.kind) {
      case undefined:
      case 'delay':
        send.call(channel, message);
        return;
      case 'drop':
        stuck.add(channel);
        setTimeout(closeAll, GIVE_UP_MS);
        return;
      case 'duplicate':
        send.call(channel, message);
        send.call(channel, message);
        return;
      case 'corrupt':
        send.call(channel, corrupted(message));
        return;
      case 'truncate':
        send.call(channel, message.slice(0, -1));
    }
  }

  function closeAll(): void {
    for (const connection of connections) connection.close();
  }

  function corrupted(message: Message): Message {
    if (typeof message === 'string') return message;
    const bytes = message.slice();
    bytes[headerBytes] = (bytes[headerBytes] ?? 0) ^ 1;
    return bytes;
  }

  const faultTap: Tap = {
    wait: (trouble) => waiting.push(trouble),
    silence: () => {
      for (const channel of channels) stuck.add(channel);
    },
    closeLanes: closeAll,
    jump: (ms) => {
      const now = performance.now.bind(performance);
      const date = Date.now.bind(Date);
      performance.now = () => now() + ms;
      Date.now = () => date() + ms;
    },
  };
  Object.assign(globalThis, { faultTap });
}

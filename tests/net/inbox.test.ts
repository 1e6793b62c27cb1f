import { beforeEach, describe, expect, it } from 'vitest';
import { MIB } from '../../src/core/bytes.ts';
import { Inbox } from '../../src/net/inbox.ts';

/** As far as an inbox knows a channel. */
class Channel extends EventTarget {
  binaryType = 'blob';

  bring(data: string | ArrayBuffer): void {
    this.dispatchEvent(new MessageEvent('message', { data }));
  }
}

describe('an inbox', () => {
  let channel: Channel;
  let inbox: Inbox;
  let full: number;
  let read: unknown[];
  beforeEach(() => {
    channel = new Channel();
    full = 0;
    read = [];
    inbox = new Inbox(channel as unknown as RTCDataChannel, () => (full += 1));
  });

  const readOn = () => (inbox.onmessage = (message) => read.push(message));

  it('hands over what came before anybody read, in order and once, and then what comes', () => {
    channel.bring('a');
    channel.bring('b');
    readOn();
    channel.bring('c');
    readOn();
    expect(read).toEqual(['a', 'b', 'c']);
  });

  it('takes binary messages as buffers', () => {
    expect(channel.binaryType).toBe('arraybuffer');
  });

  it.each([
    ['bytes', () => new ArrayBuffer(16 * MIB)],
    ['characters', () => 'x'.repeat(16 * MIB)],
  ])('keeps no more than 64 MiB of %s for a reader who does not come', (_, message) => {
    for (let i = 0; i < 4; i++) channel.bring(message());
    expect(full).toBe(0);
    channel.bring('more');
    expect(full).toBe(1);
    readOn();
    expect(read).toEqual([]);
  });

  it('counts nothing while somebody reads', () => {
    readOn();
    for (let i = 0; i < 8; i++) channel.bring(new ArrayBuffer(16 * MIB));
    expect([full, read.length]).toEqual([0, 8]);
  });
});

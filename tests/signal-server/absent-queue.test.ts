import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { AbsentQueue } from '../../signal-server/absent-queue.ts';
import { TokenBucket } from '../../signal-server/token-bucket.ts';

const room = (messages: number, bytes: number) => ({ messages, bytes });
const message = (src: string, dst: string, text = 'x') => ({ src, dst, text });

beforeEach(() => vi.useFakeTimers());
afterEach(() => vi.useRealTimers());

describe('queue for absent peers', () => {
  it('is bounded for a destination, for a sender and in total, in messages and in UTF-8 bytes', () => {
    const queue = new AbsentQueue(
      { perPeer: room(2, 8), perSender: room(2, 8), total: room(4, 12), lifetimeMs: 1 },
      () => undefined,
    );
    expect(queue.add(message('a', 'x', '€€'))).toBe(true);
    expect(queue.add(message('b', 'x', '€'))).toBe(false);
    expect(queue.add(message('a', 'y', '€'))).toBe(false);
    expect(queue.add(message('a', 'y'))).toBe(true);
    expect(queue.add(message('a', 'z'))).toBe(false);
    expect(queue.add(message('b', 'z', 'xxxxxx'))).toBe(false);
    expect(queue.add(message('b', 'z', 'xxxxx'))).toBe(true);
  });

  it('keeps more of one sender for all than for each', () => {
    const queue = new AbsentQueue(
      { perPeer: room(1, 9), perSender: room(2, 9), total: room(9, 99), lifetimeMs: 1 },
      () => undefined,
    );
    const kept = ['x', 'x', 'y', 'z'].map((dst) => queue.add(message('a', dst)));
    expect(kept).toEqual([true, false, true, false]);
    queue.clear();
  });

  it('has room again once messages are fetched', () => {
    const queue = new AbsentQueue(
      { perPeer: room(1, 9), perSender: room(1, 9), total: room(1, 9), lifetimeMs: 1 },
      () => undefined,
    );
    for (let n = 0; n < 3; n++) {
      expect(queue.add(message('a', 'x', `${n}`))).toBe(true);
      expect(queue.take('x')).toEqual([message('a', 'x', `${n}`)]);
    }
    expect(queue.take('x')).toEqual([]);
  });

  it('expires once for each sender, from the first message on', () => {
    const expired: string[] = [];
    const queue = new AbsentQueue(
      { perPeer: room(9, 99), perSender: room(9, 99), total: room(9, 99), lifetimeMs: 5000 },
      (src, dst) => expired.push(`${src}>${dst}`),
    );
    queue.add(message('a', 'x'));
    vi.advanceTimersByTime(4999);
    queue.add(message('a', 'x'));
    queue.add(message('_', 'proto__'));
    queue.add(message('b', 'x'));
    expect(expired).toEqual([]);
    vi.advanceTimersByTime(1);
    expect(expired).toEqual(['a>x', 'b>x']);
    vi.advanceTimersByTime(5000);
    expect(expired).toEqual(['a>x', 'b>x', '_>proto__']);
  });

  it('says nothing when cleared', () => {
    const onExpire = vi.fn();
    const queue = new AbsentQueue(
      { perPeer: room(9, 99), perSender: room(9, 99), total: room(9, 99), lifetimeMs: 5 },
      onExpire,
    );
    queue.add(message('a', 'x'));
    queue.clear();
    vi.runAllTimers();
    expect(onExpire).not.toHaveBeenCalled();
  });
});

describe('token bucket', () => {
  it('allows a burst, then the rate, and never saves up more than a burst', () => {
    let now = 0;
    const bucket = new TokenBucket({ burst: 2, perSecond: 1 }, () => now);
    expect([bucket.take(1), bucket.take(1), bucket.take(1)]).toEqual([true, true, false]);
    now = 1000;
    expect([bucket.take(1), bucket.take(1)]).toEqual([true, false]);
    now = 60_000;
    expect([bucket.take(3), bucket.take(2), bucket.take(1)]).toEqual([false, true, false]);
  });
});

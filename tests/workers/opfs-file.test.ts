import { describe, expect, test } from 'vitest';
import { diskError, writeAndFlush } from '../../src/workers/opfs-file.ts';
import type { WritableHandle } from '../../src/workers/opfs-file.ts';
import { seededBytes } from '../doubles/random.ts';

/** Records what is done to it; takes at most `most` bytes of each write. */
class TestHandle implements WritableHandle {
  readonly did: string[] = [];
  constructor(readonly most = Infinity) {}

  write(bytes: AllowSharedBufferSource, { at = 0 }: { at?: number } = {}): number {
    this.did.push(`${bytes.byteLength} at ${at}`);
    return Math.min(bytes.byteLength, this.most);
  }

  flush(): void {
    this.did.push('flush');
  }
}

describe('a commit', () => {
  test('writes everything in its order, then flushes once', () => {
    const handle = new TestHandle();
    writeAndFlush(handle, [
      { position: 100, bytes: seededBytes(10, 1) },
      { position: 0, bytes: seededBytes(5, 2) },
    ]);
    expect(handle.did).toEqual(['10 at 100', '5 at 0', 'flush']);
  });

  test('a short write is an error, and nothing is called durable', () => {
    const handle = new TestHandle(4);
    const writes = [{ position: 0, bytes: seededBytes(5, 1) }];
    expect(() => {
      writeAndFlush(handle, writes);
    }).toThrow(expect.objectContaining({ code: 'no-room' }));
    expect(handle.did).not.toContain('flush');
  });
});

test.each([
  [new DOMException('full', 'QuotaExceededError'), 'no-room'],
  [new DOMException('taken', 'NoModificationAllowedError'), 'disk-failed'],
  [new Error('anything'), 'disk-failed'],
  ['anything', 'disk-failed'],
])('%s becomes %s', (thrown, code) => {
  expect(diskError(thrown).code).toBe(code);
});

import { describe, expect, test } from 'vitest';
import { Layout } from '../../src/disk/layout.ts';
import { diskError, recall, writeAndFlush } from '../../src/workers/opfs-file.ts';
import type { ReadableHandle, WritableHandle } from '../../src/workers/opfs-file.ts';
import { numberOf, planOf } from '../disk/sink.suite.ts';
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

describe('recalling', () => {
  /** Nine pieces of three lengths: more than are hashed at a time. */
  const layout = new Layout(planOf([3_500_000, 70_000, 1, 0, 2_097_152, 5]).entries);
  const pieces = [...layout.allPieces()];

  /** A file in which every piece is what its hash says. */
  async function wholeFile(): Promise<Uint8Array<ArrayBuffer>> {
    const file = seededBytes(layout.fileBytes, 1);
    for (const { position, length, hashPosition } of pieces) {
      const hash = await crypto.subtle.digest('SHA-256', file.slice(position, position + length));
      file.set(new Uint8Array(hash), hashPosition);
    }
    return file;
  }

  /** Reads as a sync access handle does: as much as there is. */
  const reading = (file: Uint8Array): ReadableHandle => ({
    read: (into: AllowSharedBufferSource, { at = 0 }: { at?: number } = {}): number => {
      const part = file.subarray(at, at + into.byteLength);
      if (ArrayBuffer.isView(into)) new Uint8Array(into.buffer, into.byteOffset, into.byteLength).set(part);
      else new Uint8Array(into).set(part);
      return part.length;
    },
  });

  /** Numbers of the pieces that are not intact. */
  async function lost(file: Uint8Array): Promise<number[]> {
    const intact = await recall(reading(file), pieces);
    expect(intact).toHaveLength(pieces.length);
    return intact.flatMap((isIntact, at) => (isIntact ? [] : [at]));
  }

  test('finds every piece that is as it was written', async () => {
    expect(await lost(await wholeFile())).toEqual([]);
  });

  test('finds no piece in a file that is only reserved', async () => {
    expect(await lost(new Uint8Array(layout.fileBytes))).toEqual(pieces.map((_, at) => at));
  });

  test.each(pieces.map((piece, at) => [at, piece] as const))(
    'loses piece %i alone, by any changed byte of it or of its hash',
    async (at, { position, length, hashPosition }) => {
      const file = await wholeFile();
      for (const place of [position, position + length - 1, hashPosition, hashPosition + 31]) {
        file[place] = (file[place] ?? 0) ^ 0x80;
        expect(await lost(file)).toEqual([at]);
        file[place] = (file[place] ?? 0) ^ 0x80;
      }
      file.fill(0, hashPosition, hashPosition + 32);
      expect(await lost(file)).toEqual([at]);
    },
  );

  test('takes what a file lacks at its end for lost', async () => {
    const file = await wholeFile();
    expect(await lost(file.subarray(0, -1))).toEqual([pieces.length - 1]);
    expect(await lost(file.subarray(0, layout.piece(numberOf(4), 1_048_576).position))).toHaveLength(pieces.length);
  });

  test('looks at nothing when it is asked for nothing', async () => {
    expect(await recall(reading(new Uint8Array()), [])).toEqual([]);
  });

  test('fails when the disk does', async () => {
    const failing = {
      read: (): number => {
        throw new DOMException('gone', 'InvalidStateError');
      },
    };
    await expect(recall(failing, pieces)).rejects.toThrow('gone');
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

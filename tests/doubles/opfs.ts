import { type Bytes, concatBytes } from '../../src/core/bytes.ts';
import type { OpfsReply, OpfsRequest } from '../../src/core/opfs-messages.ts';
import type { WriterWorker } from '../../src/disk/opfs-worker.ts';

/** The origin private file system with its one file, and who holds it. */
export class TestDisk {
  bytes: Bytes = new Uint8Array();
  held = false;

  /** What a page sees of it. */
  get navigator(): unknown {
    const file = { getFile: () => Promise.resolve(new File([this.bytes], 'journal')) };
    const folder = { getFileHandle: () => Promise.resolve(file) };
    const root = { getDirectoryHandle: () => Promise.resolve(folder) };
    return {
      storage: { getDirectory: () => Promise.resolve(root) },
      locks: {
        request: async (_name: string, _options: unknown, run: () => unknown) => {
          if (this.held) throw new DOMException('waited in vain', 'TimeoutError');
          this.held = true;
          await run();
          this.held = false;
          return undefined;
        },
      },
    };
  }
}

/** A worker that has done at once what it is asked. */
export class DiskWorker implements WriterWorker {
  onmessage: ((event: MessageEvent<OpfsReply>) => void) | null = null;
  onerror: ((event: ErrorEvent) => void) | null = null;
  /** What it answers to everything, while set. */
  fault: OpfsReply | null = null;

  constructor(readonly disk: TestDisk) {}

  postMessage(request: OpfsRequest): void {
    const data = this.fault ?? this.#carryOut(request);
    queueMicrotask(() => this.onmessage?.(new MessageEvent('message', { data })));
  }

  terminate(): void {
    return;
  }

  #carryOut(request: OpfsRequest): OpfsReply {
    const { disk } = this;
    if (request.kind === 'open' && disk.bytes.length < request.size) {
      disk.bytes = concatBytes(disk.bytes, new Uint8Array(request.size - disk.bytes.length));
    }
    if (request.kind !== 'commit') return { kind: 'done' };
    for (const { position, bytes } of request.writes) disk.bytes.set(bytes, position);
    return { kind: 'committed', buffers: [] };
  }
}

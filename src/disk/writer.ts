import type { Bytes } from '../core/bytes.ts';
import { KIB, MIB } from '../core/bytes.ts';
import { BeelineError } from '../core/errors.ts';
import { PIECE_BYTES } from '../core/limits.ts';
import { buffersOf, type OpfsPiece, type OpfsReply, type OpfsRequest, type OpfsWrite } from '../core/opfs-messages.ts';
import { opfsWorker } from './opfs-worker.ts';
import type { WriterWorker } from './opfs-worker.ts';

/**
 * Bytes up to which writes are copied behind each other. A message with one buffer and one write of the disk is then shared
 * by many small files; a larger piece travels by transfer, without a copy.
 */
const COPY_BYTES = 64 * KIB;

/** Used buffers kept, of a piece each: as many as are filled and written at a time on a fast disk. */
const SPARE_BUFFERS = 8;

/**
 * A commit waits for this many bytes, or this many milliseconds: a flush costs the browser 1.4 ms of work, however little
 * it flushes.
 */
const GROUP_BYTES = 4 * MIB;
const GATHER_MS = 20;

interface Waiting {
  readonly writes: readonly OpfsWrite[];
  readonly resolve: () => void;
  readonly reject: (reason: unknown) => void;
}

/**
 * The page's end of the OPFS worker. One commit is under way at a time; what is written meanwhile travels together in
 * the next, so a slow flush makes larger groups instead of a longer queue.
 */
export class OpfsWriter {
  readonly #worker: WriterWorker;
  readonly #asked: { readonly resolve: (reply: OpfsReply) => void; readonly reject: (reason: unknown) => void }[] = [];
  #waiting: Waiting[] = [];
  #waitingBytes = 0;
  /** Ends the wait for more. */
  #enough: (() => void) | null = null;
  /** Buffers of whole pieces that came back from the worker. */
  readonly #spare: ArrayBuffer[] = [];
  #draining: Promise<void> | null = null;
  #ended: BeelineError | null = null;

  private constructor(worker: WriterWorker) {
    this.#worker = worker;
    worker.onmessage = ({ data }) => {
      const asked = this.#asked.shift();
      if (data.kind === 'failed') asked?.reject(new BeelineError(data.code, data.detail));
      else asked?.resolve(data);
    };
    worker.onerror = ({ message }) => {
      this.#end(new BeelineError('disk-failed', `worker: ${message}`));
    };
  }

  /**
   * Opens or creates the file `name` of the transfers folder, `size` bytes long.
   *
   * @throws BeelineError `no-room` or `disk-failed`.
   */
  static async open(name: string, size: number, worker: WriterWorker = opfsWorker()): Promise<OpfsWriter> {
    const writer = new OpfsWriter(worker);
    try {
      await writer.#ask({ kind: 'open', name, size });
      return writer;
    } catch (thrown) {
      worker.terminate();
      throw thrown;
    }
  }

  /** A buffer to be filled and written; a used one if there is one. */
  allocate(length: number): Bytes {
    const used = length === PIECE_BYTES ? this.#spare.pop() : undefined;
    return used === undefined ? new Uint8Array(length) : new Uint8Array(used);
  }

  /** Takes ownership of the bytes. Resolves when all are durable. */
  write(...writes: readonly OpfsWrite[]): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ writes, resolve, reject });
      for (const { bytes } of writes) this.#waitingBytes += bytes.length;
      if (this.#waitingBytes >= GROUP_BYTES) this.#enough?.();
      this.#draining ??= this.#drain();
    });
  }

  /** Which of these pieces of the file are what their hashes say. */
  async recall(pieces: readonly OpfsPiece[]): Promise<readonly boolean[]> {
    const reply = await this.#ask({ kind: 'recall', pieces });
    return reply.kind === 'recalled' ? reply.intact : [];
  }

  /** Waits for all writes, then lets go of the file until the next one. */
  async rest(): Promise<void> {
    await this.#draining;
    await this.#ask({ kind: 'rest' });
  }

  /** Waits for all writes and ends the worker. Later calls reject. */
  async close(): Promise<void> {
    if (this.#ended !== null) return;
    try {
      await this.rest();
    } finally {
      this.#end(new BeelineError('internal', 'the file is closed'));
    }
  }

  async #drain(): Promise<void> {
    while (this.#waiting.length > 0) {
      await this.#gather();
      const group = this.#waiting;
      this.#waiting = [];
      this.#waitingBytes = 0;
      try {
        const writes = joined(
          group.flatMap((waiting) => waiting.writes),
          () => this.allocate(PIECE_BYTES),
        );
        const reply = await this.#ask({ kind: 'commit', writes }, buffersOf(writes));
        if (reply.kind === 'committed') this.#keep(reply.buffers);
        for (const { resolve } of group) resolve();
      } catch (thrown) {
        for (const { reject } of group) reject(thrown);
      }
    }
    this.#draining = null;
  }

  #gather(): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, GATHER_MS);
      this.#enough = () => {
        clearTimeout(timer);
        resolve();
      };
      if (this.#waitingBytes >= GROUP_BYTES) this.#enough();
    });
  }

  #keep(buffers: readonly ArrayBuffer[]): void {
    for (const buffer of buffers) {
      if (buffer.byteLength === PIECE_BYTES && this.#spare.length < SPARE_BUFFERS) this.#spare.push(buffer);
    }
  }

  #ask(request: OpfsRequest, transfer: Transferable[] = []): Promise<OpfsReply> {
    return new Promise((resolve, reject) => {
      if (this.#ended !== null) throw this.#ended;
      this.#worker.postMessage(request, transfer);
      this.#asked.push({ resolve, reject });
    });
  }

  #end(reason: BeelineError): void {
    this.#ended ??= reason;
    this.#worker.terminate();
    for (const { reject } of this.#asked.splice(0)) reject(this.#ended);
  }
}

/**
 * The same bytes at the same places, in few writes and buffers: small ones are copied behind each other, and are one write
 * where they are adjacent in the file. Large ones come first, then the small ones by place. A group must not write one
 * place twice. The buffers of the result are fit for transfer.
 *
 * @param allocate gives a buffer of a piece's size: one that is used again costs no new memory from the system.
 */
export function joined(writes: readonly OpfsWrite[], allocate: () => Bytes): OpfsWrite[] {
  const isSmall = ({ bytes }: OpfsWrite): boolean => bytes.length <= COPY_BYTES;
  const out = writes
    .filter((write) => !isSmall(write))
    .map(({ position, bytes }): OpfsWrite => ({ position, bytes: ownBuffer(bytes) }));
  const small = writes.filter(isSmall).sort((a, b) => a.position - b.position);
  let buffer: Bytes = new Uint8Array();
  let filled = 0;
  let run = { position: 0, from: 0 };
  const endRun = (): void => {
    if (filled > run.from) out.push({ position: run.position, bytes: buffer.subarray(run.from, filled) });
  };
  for (const { position, bytes } of small) {
    const isFull = filled + bytes.length > buffer.length;
    if (isFull || position !== run.position + filled - run.from) {
      endRun();
      if (isFull) [buffer, filled] = [allocate(), 0];
      run = { position, from: filled };
    }
    buffer.set(bytes, filled);
    filled += bytes.length;
  }
  endRun();
  return out;
}

/** Transferring a view moves its whole buffer, so a view of a part is copied. */
function ownBuffer(bytes: Bytes): Bytes {
  return bytes.byteLength === bytes.buffer.byteLength ? bytes : bytes.slice();
}

import { createHash } from 'node:crypto';
import type { Bytes } from '../../src/core/bytes.ts';
import { BeelineError } from '../../src/core/errors.ts';
import type { Archive, Recalled, Room, Sink, SinkFactory, SinkPlan, SinkStorage } from '../../src/core/ports.ts';
import { MemoryArchive } from '../doubles/archive.ts';
import type { Page, Timeline } from './timeline.ts';

/** Milliseconds for all that is not a write. */
const QUICK_MS = 3;

export interface DiskOptions {
  readonly timeline: Timeline;
  /** Milliseconds for a write; writes wait for each other. */
  readonly writeMs: number;
  /** The share's id, which its receipt is kept under. */
  readonly link: string;
  /** In [0, 1). */
  readonly fraction: () => number;
  /** A piece has become durable. */
  readonly onwritten: (entry: number, offset: number, bytes: Bytes) => void;
  /** A rule was broken that only the disk can see. */
  readonly onwrong: (what: string) => void;
}

/** A disk that outlives pages, tears what a crash interrupts, fails on demand, and may be full. */
export class Disk {
  /** Writes that are still to fail. */
  failures = 0;
  #fulls = 0;
  #files = 0;
  /** When all writes are done. */
  #idleAt = 0;
  readonly #stored = new Map<string, Stored>();
  readonly #archive = new MemoryArchive();

  constructor(readonly options: DiskOptions) {}

  get isFull(): boolean {
    return this.#fulls > 0;
  }

  fullFor(ms: number): void {
    this.#fulls += 1;
    this.options.timeline.after(ms, () => (this.#fulls -= 1));
  }

  /** What is on the disk of an entry, in every file that has it. */
  copies(entry: number): readonly Bytes[] {
    return [...this.#stored.values()].flatMap(({ entries }) => entries.get(entry)?.bytes ?? []);
  }

  /** The bytes of an entry that has its name, of the transfer that the receipt names; else null. */
  async finished(number: number): Promise<Bytes | null> {
    const receipt = await this.#archive.receipt(this.options.link);
    const entry = this.#stored.get(receipt?.storage.fileName ?? '')?.entries.get(number);
    return entry?.fate === 'finished' ? entry.bytes : null;
  }

  /** The disk as one page reaches it. */
  for(page: Page): SinkFactory {
    return {
      room: (): Promise<Room> => Promise.resolve({ kind: 'opfs', freeBytes: null }),
      open: async (plan) => {
        await page.sleep(QUICK_MS);
        if (this.isFull) throw new BeelineError('no-room');
        const isKept = [...this.#stored.values()].some((stored) => stored.hasPieces);
        if (isKept) this.options.onwrong('[R1] begun anew although pieces are kept');
        const fileName = String((this.#files += 1));
        this.#stored.set(fileName, new Stored(plan));
        return this.#open(page, fileName);
      },
      reopen: async (_, { fileName }) => {
        await page.sleep(QUICK_MS);
        return this.#open(page, fileName);
      },
      forget: async ({ fileName }) => {
        await page.sleep(QUICK_MS);
        this.remove(fileName);
      },
    };
  }

  /** The archive as one page reaches it: what a page says in its last moment is not kept. */
  archiveFor(page: Page): Archive {
    const kept = this.#archive;
    const later = async <Value>(run: () => Promise<Value>): Promise<Value> => {
      await page.sleep(QUICK_MS);
      return run();
    };
    return {
      notes: () => later(() => kept.notes()),
      note: (note) => later(() => kept.note(note)),
      receipt: (id) => later(() => kept.receipt(id)),
      mayHaveReceipt: (id) => kept.mayHaveReceipt(id),
      keepReceipt: (receipt) => later(() => kept.keepReceipt(receipt)),
      share: (id) => later(() => kept.share(id)),
      keepShare: (share) => later(() => kept.keepShare(share)),
      forget: (role, id) => later(() => kept.forget(role, id)),
    };
  }

  /** A page is gone, and what it had open is free. */
  crashed(page: Page): void {
    for (const stored of this.#stored.values()) if (stored.owner === page) stored.free(this.options.fraction);
  }

  remove(fileName: string): void {
    this.#stored.delete(fileName);
  }

  /** Waits for a page's turn to write. */
  async turn(page: Page): Promise<void> {
    const { timeline, writeMs } = this.options;
    this.#idleAt = Math.max(timeline.now, this.#idleAt) + writeMs;
    await page.sleep(this.#idleAt - timeline.now);
    if (this.isFull) throw new BeelineError('no-room');
    if (this.failures === 0) return;
    this.failures -= 1;
    throw new BeelineError('disk-failed');
  }

  #open(page: Page, fileName: string): Sink {
    const stored = this.#stored.get(fileName);
    if (stored === undefined) throw new BeelineError('gone');
    if (stored.owner !== null) throw new BeelineError('open-elsewhere');
    stored.open(page);
    return new DiskSink(this, page, fileName, stored);
  }
}

interface StoredEntry {
  readonly bytes: Bytes;
  /** As the journal has them, by offset: a crash may have torn them. */
  readonly pieces: Map<number, { readonly length: number; readonly hash: Bytes }>;
  fate: 'open' | 'finished' | 'dropped';
}

interface Write {
  readonly entry: StoredEntry;
  readonly offset: number;
  readonly bytes: Bytes;
  readonly hash: Bytes;
}

/** What a transfer has on the disk. */
class Stored {
  readonly entries: ReadonlyMap<number, StoredEntry>;
  /** The page that has it open. */
  owner: Page | null = null;
  /** Writes under way. */
  readonly writing = new Set<Write>();

  constructor({ entries }: SinkPlan) {
    this.entries = new Map(
      entries.map(({ index, size }) => [index, { bytes: new Uint8Array(size), pieces: new Map(), fate: 'open' }]),
    );
  }

  get hasPieces(): boolean {
    return [...this.entries.values()].some(({ pieces }) => pieces.size > 0);
  }

  open(page: Page): void {
    this.owner = page;
    for (const entry of this.entries.values()) entry.fate = 'open';
  }

  /** What was being written is there as a whole, in part, or not at all, whatever the journal says of it. */
  free(fraction: () => number): void {
    this.owner = null;
    for (const write of this.writing) {
      const luck = Math.floor(fraction() * 3);
      if (luck > 0) put(write, luck === 1 ? write.bytes.length >> 1 : write.bytes.length);
    }
    this.writing.clear();
  }
}

/** @param landed bytes of the write that reach the disk. */
function put({ entry, offset, bytes, hash }: Write, landed = bytes.length): void {
  entry.bytes.set(bytes.subarray(0, landed), offset);
  entry.pieces.set(offset, { length: bytes.length, hash });
}

class DiskSink implements Sink {
  readonly kind = 'opfs';
  readonly inPlace = false;
  readonly storage: SinkStorage;
  #isOpen = true;

  constructor(
    private readonly disk: Disk,
    private readonly page: Page,
    private readonly fileName: string,
    private readonly stored: Stored,
  ) {
    this.storage = { kind: 'opfs', fileName };
  }

  allocate(length: number): Bytes {
    return new Uint8Array(length);
  }

  async write(number: number, offset: number, bytes: Bytes, hash: Bytes): Promise<void> {
    const { onwritten, onwrong } = this.disk.options;
    const entry = this.#entry(number);
    if (entry.fate !== 'open') throw new BeelineError('internal', `write to a ${entry.fate} entry`);
    const write = { entry, offset, bytes, hash };
    this.stored.writing.add(write);
    try {
      await this.disk.turn(this.page);
      this.#entry(number);
      if (isIntact(entry, offset)) onwrong(`[R2] entry ${number} at ${offset} was fetched again`);
      put(write);
    } finally {
      this.stored.writing.delete(write);
    }
    onwritten(number, offset, bytes);
  }

  async finish(number: number): Promise<void> {
    await this.page.sleep(QUICK_MS);
    const entry = this.#entry(number);
    const covered = [...entry.pieces.values()].reduce((total, { length }) => total + length, 0);
    if (covered !== entry.bytes.length) throw new BeelineError('internal', `finish at ${covered}`);
    entry.fate = 'finished';
  }

  async drop(number: number): Promise<void> {
    await this.page.sleep(QUICK_MS);
    const entry = this.#entry(number);
    entry.fate = 'dropped';
    entry.pieces.clear();
  }

  async *recall(): AsyncGenerator<Recalled, void, undefined> {
    for (const [number, entry] of this.stored.entries) {
      for (const [offset, { length }] of entry.pieces) {
        await this.page.sleep(QUICK_MS);
        if (!this.#isOpen) return;
        yield { bytes: length, intact: isIntact(entry, offset) ? [{ entry: number, offset }] : [] };
      }
    }
  }

  save(): Promise<void> {
    return Promise.resolve();
  }

  close(): Promise<void> {
    if (this.#isOpen) this.stored.free(this.disk.options.fraction);
    this.#isOpen = false;
    return Promise.resolve();
  }

  async discard(): Promise<void> {
    await this.close();
    this.disk.remove(this.fileName);
  }

  #entry(number: number): StoredEntry {
    if (!this.#isOpen) throw new BeelineError('internal', 'the sink is closed');
    const entry = this.stored.entries.get(number);
    if (entry === undefined) throw new BeelineError('internal', `entry ${number} is not in the plan`);
    return entry;
  }
}

/** True for a piece that is on the disk and is what its hash says. */
function isIntact({ bytes, pieces }: StoredEntry, offset: number): boolean {
  const piece = pieces.get(offset);
  if (piece === undefined) return false;
  const actual = createHash('sha256')
    .update(bytes.subarray(offset, offset + piece.length))
    .digest();
  return actual.equals(piece.hash);
}

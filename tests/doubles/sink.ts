import type { Bytes } from '../../src/core/bytes.ts';
import { equalBytes } from '../../src/core/bytes.ts';
import { BeelineError } from '../../src/core/errors.ts';
import type { ErrorCode } from '../../src/core/errors.ts';
import type { PlannedEntry } from '../../src/core/manifest.ts';
import type { Recalled, Room, Sink, SinkFactory, SinkKind, SinkPlan, SinkStorage } from '../../src/core/ports.ts';

/** What happened to an entry. */
export type EntryFate = 'open' | 'finished' | 'dropped';

/** A sink that holds what it gets in memory, checks how it is used, and fails on demand. */
export class MemorySink implements Sink {
  readonly kind: SinkKind = 'memory';
  readonly inPlace: boolean;
  readonly plan: SinkPlan;
  readonly storage: SinkStorage;
  /** Bytes it takes before `write` fails with `no-room`; null takes all. May be raised to go on. */
  capacity: number | null = null;
  /** What `write` fails with, while set. */
  fault: ErrorCode | null = null;
  /** Awaited by each `write` before it takes the bytes, while set: a slow disk. */
  slow: (() => Promise<void>) | null = null;
  /** Bytes of all successful writes. */
  written = 0;
  /** Writes begun and not ended. */
  pending = 0;
  /** Each successful call of `save`. */
  readonly saved: { readonly entries: readonly number[]; readonly as: 'files' | 'zip' }[] = [];
  state: 'open' | 'closed' | 'discarded' = 'open';
  readonly #hashes = new Map<string, Bytes>();
  readonly #entries = new Map<
    number,
    { readonly planned: PlannedEntry; readonly bytes: Bytes; readonly covered: Map<number, number>; fate: EntryFate }
  >();

  constructor(plan: SinkPlan, options: { readonly inPlace?: boolean; readonly fileName?: string } = {}) {
    this.plan = plan;
    this.storage = { kind: 'opfs', fileName: options.fileName ?? 'memory' };
    this.inPlace = options.inPlace ?? false;
    for (const planned of plan.entries) {
      this.#entries.set(planned.index, {
        planned,
        bytes: new Uint8Array(planned.size),
        covered: new Map(),
        fate: 'open',
      });
    }
  }

  /** What was written of an entry so far; zeros elsewhere. */
  bytes(entry: number): Bytes {
    return this.#entry(entry).bytes;
  }

  fate(entry: number): EntryFate {
    return this.#entry(entry).fate;
  }

  allocate(length: number): Bytes {
    return new Uint8Array(length);
  }

  async write(entry: number, offset: number, bytes: Bytes, hash: Bytes): Promise<void> {
    this.pending++;
    try {
      await this.slow?.();
      this.#mustBeOpen();
      const target = this.#entry(entry);
      if (target.fate !== 'open') throw new BeelineError('internal', `write to a ${target.fate} entry`);
      if (this.fault !== null) throw new BeelineError(this.fault);
      if (this.capacity !== null && this.written + bytes.length > this.capacity) throw new BeelineError('no-room');
      target.bytes.set(bytes, offset);
      target.covered.set(offset, bytes.length);
      this.#hashes.set(`${entry} ${offset}`, hash);
      this.written += bytes.length;
    } finally {
      this.pending--;
    }
  }

  /** Fails with `internal` when a byte of the entry was never written: a mistake of the caller. */
  finish(entry: number): Promise<void> {
    return promised(() => {
      this.#mustBeOpen();
      const target = this.#entry(entry);
      const covered = [...target.covered.values()].reduce((total, length) => total + length, 0);
      if (covered !== target.planned.size) {
        throw new BeelineError('internal', `finish at ${covered} of ${target.planned.size} bytes`);
      }
      target.fate = 'finished';
    });
  }

  drop(entry: number): Promise<void> {
    return promised(() => {
      this.#mustBeOpen();
      this.#entry(entry).fate = 'dropped';
    });
  }

  /** Takes over what an earlier page's sink has, as it is on the disk. */
  inherit(sink: MemorySink): void {
    for (const [entry, { bytes, covered }] of sink.#entries) {
      this.#entry(entry).bytes.set(bytes);
      for (const [offset, length] of covered) this.#entry(entry).covered.set(offset, length);
    }
    for (const [place, hash] of sink.#hashes) this.#hashes.set(place, hash);
  }

  async *recall(): AsyncGenerator<Recalled, void, undefined> {
    for (const [entry, { bytes, covered }] of this.#entries) {
      for (const [offset, length] of covered) {
        const digest = await crypto.subtle.digest('SHA-256', bytes.slice(offset, offset + length));
        const isIntact = equalBytes(new Uint8Array(digest), this.#hashes.get(`${entry} ${offset}`) ?? new Uint8Array());
        yield { bytes: length, intact: isIntact ? [{ entry, offset }] : [] };
      }
    }
  }

  save(entries: readonly number[], as: 'files' | 'zip'): Promise<void> {
    return promised(() => {
      this.#mustBeOpen();
      const unfinished = entries.find((entry) => this.#entry(entry).fate !== 'finished');
      if (unfinished !== undefined) throw new BeelineError('internal', `save of unfinished entry ${unfinished}`);
      this.saved.push({ entries, as });
    });
  }

  close(): Promise<void> {
    return promised(() => {
      if (this.state === 'open') this.state = 'closed';
    });
  }

  discard(): Promise<void> {
    return promised(() => {
      this.state = 'discarded';
    });
  }

  #entry(entry: number) {
    const found = this.#entries.get(entry);
    if (found === undefined) throw new BeelineError('internal', `entry ${entry} is not in the plan`);
    return found;
  }

  #mustBeOpen(): void {
    if (this.state !== 'open') throw new BeelineError('internal', `the sink is ${this.state}`);
  }
}

/** Opens memory sinks and remembers them. A `place` that is not null makes a sink that is `inPlace`. */
export class MemorySinkFactory implements SinkFactory {
  /** Every sink opened, in order. */
  readonly sinks: MemorySink[] = [];
  /** What `room` answers. */
  freeBytes: number | null = null;
  /** What `open` fails with, while set. */
  fault: ErrorCode | null = null;
  /** Called with each new sink before it is handed out, to set faults. */
  prepare: ((sink: MemorySink) => void) | null = null;

  room(): Promise<Room> {
    return Promise.resolve({ kind: 'memory', freeBytes: this.freeBytes });
  }

  open(plan: SinkPlan, place: unknown): Promise<Sink> {
    return promised(() => {
      if (this.fault !== null) throw new BeelineError(this.fault);
      const total = plan.entries.reduce((sum, entry) => sum + entry.size, 0);
      if (this.freeBytes !== null && total > this.freeBytes) throw new BeelineError('no-room');
      const sink = new MemorySink(plan, { inPlace: place !== null, fileName: `${this.sinks.length}` });
      this.prepare?.(sink);
      this.sinks.push(sink);
      return sink;
    });
  }

  reopen(plan: SinkPlan, { fileName }: SinkStorage): Promise<Sink> {
    return promised(() => {
      const before = this.sinks[Number(fileName)];
      if (before === undefined || before.state === 'discarded') throw new BeelineError('gone');
      const sink = new MemorySink(plan, { fileName: `${this.sinks.length}` });
      sink.inherit(before);
      this.prepare?.(sink);
      this.sinks.push(sink);
      return sink;
    });
  }

  async forget({ fileName }: SinkStorage): Promise<void> {
    await this.sinks[Number(fileName)]?.discard();
  }
}

/** Runs at once, and turns what is thrown into a rejection. */
function promised<Value>(run: () => Value): Promise<Value> {
  return new Promise((resolve) => {
    resolve(run());
  });
}

import { Assembler, type AssembledPiece } from '../core/assembly.ts';
import { type Bytes, equalBytes } from '../core/bytes.ts';
import { CreditWindow } from '../core/credit.ts';
import { asBeelineError, BeelineError, type ErrorCode } from '../core/errors.ts';
import { type Chunk, decodeChunks } from '../core/frame.ts';
import { toRuns } from '../core/have.ts';
import { runMessages, type ControlMessage } from '../core/messages.ts';
import type { Ledger } from '../core/ledger.ts';
import { MAX_PIECE_FAILURES } from '../core/limits.ts';
import type { Clock, Sink, Subtle } from '../core/ports.ts';

/** Milliseconds after which verified pieces are acknowledged even when that grants little credit. */
const ACK_INTERVAL_MS = 100;

export interface ReceiveHandlers {
  readonly send: (message: ControlMessage) => void;
  /** Progress was made. */
  readonly onprogress: () => void;
  /** Everything accepted is verified, failed or cancelled. */
  readonly onsettled: () => void;
  /** The disk takes no more for now; see {@link PieceReceiver.askRefused}. */
  readonly onblocked: (code: ErrorCode) => void;
  readonly onerror: (error: BeelineError) => void;
}

export interface ReceiveOptions extends ReceiveHandlers {
  readonly ledger: Ledger;
  readonly sink: Sink;
  readonly subtle: Subtle;
  readonly clock: Clock;
}

/**
 * The receiving pipe of one transfer:
 *
 *     lane.bulk - chunks by offset - SHA-256 - sink.write - ledger - ack with credit
 *
 * It outlives its lanes: `attach` starts a new credit window on a new connection.
 */
export class PieceReceiver {
  readonly #assembler = new Assembler((length) => this.options.sink.allocate(length));
  readonly #failures = new Map<number, number>();
  /** Pieces being verified or written: a duplicate of one is dropped. */
  readonly #busy = new Set<number>();
  /** Verified pieces that the disk did not take. */
  readonly #refused = new Set<number>();
  #verified: number[] = [];
  #window = new CreditWindow();
  #cancelAck: (() => void) | null = null;
  #stopped = false;

  constructor(private readonly options: ReceiveOptions) {}

  /** A new connection: what was half here over the old one comes again, and its credit starts anew. */
  attach(): void {
    this.#assembler.drop(() => true);
    this.#refused.clear();
    this.#window = new CreditWindow();
  }

  stop(): void {
    this.#stopped = true;
    this.#cancelAck?.();
  }

  /** Names the entries that have no bytes to wait for: empty ones, and those an earlier page received. */
  closeWholeEntries(): void {
    const { ledger } = this.options;
    for (const entry of ledger.accepted) if (ledger.isWhole(entry)) this.#run(this.#finish(entry));
    if (ledger.totalEntries === 0) this.options.onsettled();
  }

  /** Asks again for what the disk did not take. */
  askRefused(): void {
    for (const piece of [...this.#refused].sort((a, b) => a - b))
      this.options.send({ t: 'again', piece, damaged: false });
    this.#refused.clear();
  }

  /** One bulk message, from whatever lane. @returns its payload bytes. @throws BeelineError `protocol` */
  take(message: unknown): number {
    let payloadBytes = 0;
    for (const chunk of decodeChunks(message, this.options.ledger.table)) {
      this.#takeChunk(chunk);
      payloadBytes += chunk.payload.length;
    }
    return payloadBytes;
  }

  #takeChunk(chunk: Chunk): void {
    const { ledger } = this.options;
    this.#window.receive(chunk.payload.length);
    if (!ledger.lacks(chunk.piece) || this.#busy.has(chunk.piece)) {
      this.#release(chunk.payload.length);
      return;
    }
    const { entry, offset, length } = ledger.table.span(chunk.piece);
    const isHere = this.#assembler.holds(chunk);
    const assembled = this.#assembler.add(chunk, length);
    if (isHere) this.#release(chunk.payload.length);
    if (assembled === null) return;
    this.#busy.add(assembled.piece);
    this.#run(this.#store(assembled, entry, offset));
  }

  /** An entry was given up: what is half here of it goes, and what is on the disk. */
  async drop(entry: number): Promise<void> {
    const { ledger, sink } = this.options;
    const isDropped = (piece: number): boolean => ledger.table.span(piece).entry === entry;
    this.#release(this.#assembler.drop(isDropped));
    for (const piece of this.#refused) if (isDropped(piece)) this.#refused.delete(piece);
    await sink.drop(entry);
    this.#settle();
  }

  async #store({ piece, bytes, hash }: AssembledPiece, entry: number, offset: number): Promise<void> {
    const { ledger, subtle } = this.options;
    const { length } = bytes;
    const window = this.#window;
    let isWritten = false;
    try {
      const actual = new Uint8Array(await subtle.digest('SHA-256', bytes));
      if (equalBytes(actual, hash)) isWritten = await this.#write({ piece, bytes, hash: actual }, entry, offset);
      else this.#again(piece);
    } finally {
      this.#busy.delete(piece);
    }
    if (!isWritten) {
      this.#release(length, window);
      return;
    }
    const whole = ledger.mark(piece);
    this.#verified.push(piece);
    this.#release(length, window);
    this.options.onprogress();
    if (whole !== null) await this.#finish(whole);
  }

  /** @returns false when the entry was given up meanwhile, or the disk is full: it may refuse, and nothing is lost. */
  async #write(
    { piece, bytes, hash }: AssembledPiece & { hash: Bytes },
    entry: number,
    offset: number,
  ): Promise<boolean> {
    const { ledger, sink } = this.options;
    try {
      if (ledger.lacks(piece)) await sink.write(entry, offset, bytes, hash);
    } catch (error) {
      if (!ledger.lacks(piece)) return false;
      const { code } = asBeelineError(error);
      if (code !== 'no-room') throw error;
      this.#refused.add(piece);
      this.options.onblocked(code);
      return false;
    }
    return ledger.lacks(piece);
  }

  #again(piece: number): void {
    if (!this.options.ledger.lacks(piece)) return;
    const failures = (this.#failures.get(piece) ?? 0) + 1;
    this.#failures.set(piece, failures);
    if (failures >= MAX_PIECE_FAILURES) throw new BeelineError('corrupt', `piece ${piece}`);
    this.options.send({ t: 'again', piece, damaged: true });
  }

  async #finish(entry: number): Promise<void> {
    await this.options.sink.finish(entry);
    this.options.ledger.close(entry);
    this.options.onprogress();
    this.#settle();
  }

  #settle(): void {
    if (this.#stopped || !this.options.ledger.settled) return;
    this.#acknowledge();
    this.options.onsettled();
  }

  #release(bytes: number, window = this.#window): void {
    if (this.#stopped) return;
    window.release(bytes);
    if (this.#window.worthGranting) this.#acknowledge();
    else this.#cancelAck ??= this.options.clock.after(ACK_INTERVAL_MS, () => this.#acknowledge());
  }

  #acknowledge(): void {
    this.#cancelAck?.();
    this.#cancelAck = null;
    const credit = this.#window.grant();
    const verified = toRuns(this.#verified);
    this.#verified = [];
    for (const message of runMessages(verified, (runs) => ({ t: 'ack', credit, verified: runs }) as const)) {
      this.options.send(message);
    }
  }

  #run(work: Promise<void>): void {
    work.catch((error: unknown) => {
      if (!this.#stopped) this.options.onerror(asBeelineError(error));
    });
  }
}

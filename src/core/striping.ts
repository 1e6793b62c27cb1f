/**
 * Which lane carries which chunk, on the sender's side. A lane is ordered and reliable, so what the receiver has read from
 * it is what was sent first, and a verified piece proves that its lanes have delivered everything up to its chunks; what is
 * proven is never sent again. Every operation takes constant time for each chunk, all told. Times in milliseconds from any
 * clock that only rises. Rules [T1] to [T4], [T6].
 */

/** Chunks to send again: piece to a mask in which bit n stands for chunk n. A piece has at most 15. */
export type Resend = ReadonlyMap<number, number>;

/** Chunks that a slow lane holds up, to go over any other. */
export interface LateChunks {
  readonly lane: number;
  readonly chunks: Resend;
}

/**
 * Time over which a lane's delay is smoothed: a second holds several acknowledgements, and a lane that has
 * become slow is known as such after two.
 */
const SMOOTHING_MS = 1_000;
/** One proof of a delay weighs as much as so long a time: acknowledgements come ten times a second, for several pieces. */
const PROOF_MS = 200;

/** Times the usual delay of the quickest other lane after which a chunk is late. */
const LATE_FACTOR = 2;
/** An acknowledgement may take 100 ms, a retransmission timer 400: below this nothing is late. */
const MIN_LATE_MS = 500;
/** While nothing sent later has arrived the receiver's page may be what is slow: twice the factor, and this. */
const MIN_SILENT_MS = 2_000;
/** Between two times that one chunk is sent again as late. */
const AGAIN_MS = 2_000;

/** Shifting an array for each chunk would be quadratic: it is cut when half of it, and this much, is done. */
const MIN_CUT = 64;

interface Piece {
  readonly number: number;
  /** Chunks sent at all, and those sent more than once: of these a verified piece does not tell which copy arrived. */
  sent: number;
  copied: number;
  /** Chunks known to have arrived. */
  arrived: number;
  /** No chunk of it matters any more: it is verified or given up. */
  over: boolean;
  readonly copies: Copy[];
}

/** One chunk on its way over one lane. */
interface Copy {
  readonly piece: Piece;
  readonly bit: number;
  readonly lane: LaneLine;
  /** How many chunks went over the lane before. */
  readonly position: number;
  readonly bytes: number;
  readonly sentMs: number;
  /** When it was last found late; of a repeat, at least when it was sent. */
  lateMs: number;
}

/** What is under way on one lane, in order. */
class LaneLine {
  #copies: Copy[] = [];
  /** Index of the oldest chunk under way, and the position of the first in the array. */
  #head = 0;
  #base = 0;
  /** Bytes of all chunks, and of those from the oldest under way on. */
  #pushed = 0;
  #outstanding = 0;
  #delayMs: number | null = null;
  /** When the latest chunk that is proven to have arrived was sent. */
  provenSentMs = -Infinity;
  lost = false;

  constructor(readonly id: number) {}

  get outstanding(): number {
    return this.#outstanding;
  }

  /** From sending to proof, as usual on this lane. */
  get delayMs(): number | null {
    return this.#delayMs;
  }

  get nextPosition(): number {
    return this.#base + this.#copies.length;
  }

  /** The oldest chunk that still matters; what is older is let go. */
  oldest(): Copy | undefined {
    let copy = this.#copies[this.#head];
    while (copy !== undefined && !matters(copy)) {
      this.#advance();
      copy = this.#copies[this.#head];
    }
    return copy;
  }

  push(copy: Copy): void {
    this.#copies.push(copy);
    this.#pushed += copy.bytes;
    this.#outstanding += copy.bytes;
  }

  /** Everything up to a position has arrived. */
  prove(position: number, nowMs: number): void {
    this.#arrive(({ position: at }) => at <= position, nowMs);
  }

  /** The first so many bytes have arrived. */
  proveBytes(bytes: number, nowMs: number): void {
    this.#arrive((copy) => this.#pushed - this.#outstanding + copy.bytes <= bytes, nowMs);
  }

  /** What is under way and matters. */
  *underWay(): Generator<Copy, void, undefined> {
    for (let at = this.#head; at < this.#copies.length; at++) {
      const copy = this.#copies[at];
      if (copy !== undefined && matters(copy)) yield copy;
    }
  }

  #arrive(hasArrived: (oldest: Copy) => boolean, nowMs: number): void {
    let last: Copy | null = null;
    let copy = this.#copies[this.#head];
    while (copy !== undefined && hasArrived(copy)) {
      copy.piece.arrived |= copy.bit;
      last = copy;
      this.#advance();
      copy = this.#copies[this.#head];
    }
    if (last === null) return;
    this.provenSentMs = last.sentMs;
    this.#delayMs = smooth(this.#delayMs, nowMs - last.sentMs, PROOF_MS);
  }

  #advance(): void {
    this.#outstanding -= this.#copies[this.#head]?.bytes ?? 0;
    this.#head += 1;
    if (this.#head < MIN_CUT || this.#head * 2 <= this.#copies.length) return;
    this.#copies = this.#copies.slice(this.#head);
    this.#base += this.#head;
    this.#head = 0;
  }
}

export class Striping {
  readonly #lanes = new Map<number, LaneLine>();
  readonly #pieces = new Map<number, Piece>();

  laneOpened(lane: number): void {
    this.#lanes.set(lane, new LaneLine(lane));
  }

  /**
   * @param chunk its place in the piece, 0 to 14.
   * @throws RangeError for a lane that is not open: the chunk would be forgotten.
   */
  sent(lane: number, piece: number, chunk: number, bytes: number, nowMs: number): void {
    const line = this.#lanes.get(lane);
    if (line === undefined) throw new RangeError(`lane ${lane} is not open`);
    const record = this.#pieces.get(piece) ?? this.#begin(piece);
    const bit = 1 << chunk;
    const isRepeat = (record.sent & bit) !== 0;
    if (isRepeat) record.copied |= bit;
    record.sent |= bit;
    const copy = {
      piece: record,
      bit,
      lane: line,
      position: line.nextPosition,
      bytes,
      sentMs: nowMs,
      lateMs: isRepeat ? nowMs : -Infinity,
    };
    record.copies.push(copy);
    line.push(copy);
  }

  /** The receiver has read so many payload bytes from a lane. */
  arrived(lane: number, bytes: number, nowMs: number): void {
    this.#lanes.get(lane)?.proveBytes(bytes, nowMs);
  }

  /** The receiver has the piece. @returns false for one that was not under way. */
  verified(piece: number, nowMs: number): boolean {
    const record = this.#pieces.get(piece);
    if (record === undefined) return false;
    this.forget(piece);
    for (const { bit, lane, position } of record.copies) {
      if ((record.copied & bit) === 0) lane.prove(position, nowMs);
      else lane.oldest();
    }
    return true;
  }

  /**
   * The receiver has thrown the piece away: none of its chunks has arrived. What is still on its way of them may yet
   * fill the piece, so its verification will prove nothing.
   */
  again(piece: number): void {
    this.forget(piece);
    this.#begin(piece).copied = ~0;
  }

  /** The piece will not be delivered. If it is sent after all, {@link again} comes first. */
  forget(piece: number): void {
    const record = this.#pieces.get(piece);
    if (record !== undefined) record.over = true;
    this.#pieces.delete(piece);
  }

  /** @returns what only went over this lane, and may not have arrived. */
  laneLost(lane: number): Resend {
    const line = this.#lanes.get(lane);
    if (line === undefined) return new Map();
    line.lost = true;
    this.#lanes.delete(lane);
    const chunks = new Map<number, number>();
    for (const { piece, bit } of line.underWay()) {
      if (!piece.copies.some((copy) => copy.bit === bit && !copy.lane.lost)) add(chunks, piece.number, bit);
    }
    return chunks;
  }

  /**
   * To be asked when there is nothing else to send.
   * @returns for each lane that is clearly slower than the others what waits on it, each chunk at most every 2 s.
   */
  late(nowMs: number): LateChunks[] {
    const late: LateChunks[] = [];
    for (const line of this.#lanes.values()) {
      const oldest = line.oldest();
      if (oldest === undefined || !this.#isLate(oldest, nowMs)) continue;
      const chunks = new Map<number, number>();
      for (const copy of line.underWay()) {
        if (nowMs - lastLate(copy) < AGAIN_MS || nowMs - copy.sentMs < MIN_LATE_MS) continue;
        copy.lateMs = nowMs;
        add(chunks, copy.piece.number, copy.bit);
      }
      if (chunks.size > 0) late.push({ lane: line.id, chunks });
    }
    return late;
  }

  /** Payload bytes sent over a lane and not known to have arrived. */
  outstanding(lane: number): number {
    return this.#lanes.get(lane)?.outstanding ?? 0;
  }

  #begin(number: number): Piece {
    const piece = { number, sent: 0, copied: 0, arrived: 0, over: false, copies: [] };
    this.#pieces.set(number, piece);
    return piece;
  }

  #isLate({ lane, sentMs }: Copy, nowMs: number): boolean {
    let usualMs = Infinity;
    let overtaken = false;
    for (const other of this.#lanes.values()) {
      if (other === lane) continue;
      usualMs = Math.min(usualMs, other.delayMs ?? MIN_LATE_MS);
      overtaken ||= other.provenSentMs > sentMs;
    }
    const limitMs = overtaken
      ? Math.max(MIN_LATE_MS, LATE_FACTOR * usualMs)
      : Math.max(MIN_SILENT_MS, 2 * LATE_FACTOR * usualMs);
    return nowMs - sentMs >= limitMs;
  }
}

/** False once it does not matter what becomes of this copy. */
function matters({ piece, bit }: Copy): boolean {
  return !piece.over && (piece.arrived & bit) === 0;
}

/** When the chunk was last found late, on any lane. */
function lastLate({ piece, bit }: Copy): number {
  return piece.copies.reduce((last, copy) => (copy.bit === bit ? Math.max(last, copy.lateMs) : last), -Infinity);
}

function add(chunks: Map<number, number>, piece: number, bit: number): void {
  chunks.set(piece, (chunks.get(piece) ?? 0) | bit);
}

/** Exponential smoothing of a value that stands for `spanMs`. */
function smooth(before: number | null, value: number, spanMs: number): number {
  return before === null ? value : value + (before - value) * Math.exp(-spanMs / SMOOTHING_MS);
}

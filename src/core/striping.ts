/**
 * Which lane carries which chunk, on the sender's side. A lane is ordered and reliable, so what the receiver has read from
 * it is what was sent first; what has arrived is never sent again. Nothing else tells: a verified piece may have come over
 * another lane, or an earlier connection. Every operation takes constant time for each chunk, all told. Times in
 * milliseconds from any clock that only rises. Rules [T1] to [T4], [T6].
 */

/** Chunks to send again: piece to a mask in which bit n stands for chunk n. A piece has at most 15. */
export type Resend = ReadonlyMap<number, number>;

/** Chunks that a slow lane holds up, to go over any other. */
export interface LateChunks {
  readonly lane: number;
  readonly chunks: Resend;
}

/**
 * Time over which a lane's delay is smoothed: a second holds several counts, and a lane that has become slow is known as such
 * after two.
 */
const SMOOTHING_MS = 1_000;
/** One count weighs as much as so long a time, or as what it ends. */
const COUNT_MS = 200;

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
  /** Chunks sent at all. */
  sent: number;
  /** Chunks known to have arrived. */
  arrived: number;
  /** No chunk of it matters any more. */
  over: boolean;
  readonly copies: Copy[];
}

/** One chunk on its way over one lane. */
interface Copy {
  readonly piece: Piece;
  readonly bit: number;
  readonly lane: LaneLine;
  readonly bytes: number;
  readonly sentMs: number;
  /** When it was last found late; of a repeat, at least when it was sent. */
  lateMs: number;
}

/** What is under way on one lane, in order. */
class LaneLine {
  #copies: Copy[] = [];
  /** Index of the oldest chunk under way. */
  #head = 0;
  /** Bytes of all chunks before that. */
  #passed = 0;
  #delayMs: number | null = null;
  /** When the latest chunk that is known to have arrived was sent. */
  arrivedSentMs = -Infinity;
  lost = false;

  constructor(
    readonly id: number,
    private readonly isWanted: (piece: number) => boolean,
  ) {}

  /** From sending to the count that names it, as usual on this lane. */
  get delayMs(): number | null {
    return this.#delayMs;
  }

  /** The oldest chunk that still matters; what is older is let go. */
  oldest(): Copy | undefined {
    let copy = this.#copies[this.#head];
    while (copy !== undefined && !this.#matters(copy)) {
      this.#advance();
      copy = this.#copies[this.#head];
    }
    return copy;
  }

  push(copy: Copy): void {
    this.#copies.push(copy);
  }

  /** The first so many bytes have arrived. */
  arrive(bytes: number, nowMs: number, sinceMs: number): void {
    let last: Copy | null = null;
    let copy = this.#copies[this.#head];
    while (copy !== undefined && this.#passed + copy.bytes <= bytes) {
      copy.piece.arrived |= copy.bit;
      last = copy;
      this.#advance();
      copy = this.#copies[this.#head];
    }
    if (last === null) return;
    this.arrivedSentMs = last.sentMs;
    this.#delayMs = smooth(this.#delayMs, nowMs - Math.max(last.sentMs, sinceMs), COUNT_MS);
  }

  /** What is under way and matters. */
  *underWay(): Generator<Copy, void, undefined> {
    for (let at = this.#head; at < this.#copies.length; at++) {
      const copy = this.#copies[at];
      if (copy !== undefined && this.#matters(copy)) yield copy;
    }
  }

  /** False once it does not matter what becomes of this copy. */
  #matters({ piece, bit }: Copy): boolean {
    return !piece.over && (piece.arrived & bit) === 0 && this.isWanted(piece.number);
  }

  #advance(): void {
    this.#passed += this.#copies[this.#head]?.bytes ?? 0;
    this.#head += 1;
    if (this.#head < MIN_CUT || this.#head * 2 <= this.#copies.length) return;
    this.#copies = this.#copies.slice(this.#head);
    this.#head = 0;
  }
}

export class Striping {
  /** No delay counts from before this. */
  #sinceMs = -Infinity;
  readonly #lanes = new Map<number, LaneLine>();
  readonly #pieces = new Map<number, Piece>();

  /** @param isWanted false for a piece that is verified or given up. */
  constructor(private readonly isWanted: (piece: number) => boolean) {}

  laneOpened(lane: number): void {
    this.#lanes.set(lane, new LaneLine(lane, this.isWanted));
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
    record.sent |= bit;
    const copy = {
      piece: record,
      bit,
      lane: line,
      bytes,
      sentMs: nowMs,
      lateMs: isRepeat ? nowMs : -Infinity,
    };
    record.copies.push(copy);
    line.push(copy);
  }

  /** What was under way until now had to wait for something else than its lane. */
  waitedUntil(nowMs: number): void {
    this.#sinceMs = nowMs;
  }

  /** The receiver has read so many payload bytes from a lane. */
  arrived(lane: number, bytes: number, nowMs: number): void {
    this.#lanes.get(lane)?.arrive(bytes, nowMs, this.#sinceMs);
  }

  /** What becomes of the chunks that are under way matters no more: the receiver has the piece, or has thrown it away. */
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

  /** True while something that matters is under way on the lane. */
  isUsed(lane: number): boolean {
    return this.#lanes.get(lane)?.oldest() !== undefined;
  }

  /** One that was given up while it waited to be sent is not kept: nobody would forget it. */
  #begin(number: number): Piece {
    const piece = { number, sent: 0, arrived: 0, over: false, copies: [] };
    if (this.isWanted(number)) this.#pieces.set(number, piece);
    return piece;
  }

  #isLate({ lane, sentMs }: Copy, nowMs: number): boolean {
    let usualMs = Infinity;
    let overtaken = false;
    for (const other of this.#lanes.values()) {
      if (other === lane) continue;
      usualMs = Math.min(usualMs, other.delayMs ?? MIN_LATE_MS);
      overtaken ||= other.arrivedSentMs > sentMs;
    }
    const limitMs = overtaken
      ? Math.max(MIN_LATE_MS, LATE_FACTOR * usualMs)
      : Math.max(MIN_SILENT_MS, 2 * LATE_FACTOR * usualMs);
    return nowMs - sentMs >= limitMs;
  }
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

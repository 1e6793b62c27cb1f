/** Control messages: JSON texts over the control channel, each parsed with bounds. Rules [M1] to [M6]. */
import * as v from 'valibot';
import { utf8Length } from './bytes.ts';
import { BeelineError, ERROR_CODES } from './errors.ts';
import { pages, type Run } from './have.ts';
import {
  CONTROL_MAX_BYTES,
  MAX_ENTRIES,
  MAX_LANE_NUMBER,
  MAX_PAGE_ENTRIES,
  MAX_PATH_BYTES,
  MAX_RUNS,
  MAX_SHARE_BYTES,
  PROTOCOL_VERSION,
} from './limits.ts';
import { type Entry, makeManifest, type Manifest } from './manifest.ts';
import { GREETING_MAX_CHARS, LaneSignalSchema } from './sealed.ts';

const count = (max: number) => v.pipe(v.number(), v.integer(), v.minValue(0), v.maxValue(max));
const U32 = 0xffff_ffff;
/** Milliseconds from the epoch to the last time a Date can have. */
const MAX_TIME_MS = 8.64e15;

const RunSchema = v.pipe(v.strictTuple([count(U32), v.pipe(count(U32), v.minValue(1))]), v.readonly());
const LaneNumber = v.pipe(count(MAX_LANE_NUMBER), v.minValue(1));
const RunsSchema = v.pipe(v.array(RunSchema), v.maxLength(MAX_RUNS));

/** Control, bidi and line characters have no place in a name that a person is shown. */
const DeviceSchema = v.pipe(v.string(), v.maxLength(64), v.regex(/^[\p{L}\p{N} .,()_-]*$/u));

const EntryTuple = v.strictTuple([
  v.pipe(
    v.string(),
    v.minLength(1),
    v.maxLength(MAX_PATH_BYTES),
    v.check((path) => utf8Length(path) <= MAX_PATH_BYTES),
  ),
  count(MAX_SHARE_BYTES),
  /** Files may be older than the epoch. */
  v.pipe(v.number(), v.integer(), v.minValue(-MAX_TIME_MS), v.maxValue(MAX_TIME_MS)),
  v.pipe(v.string(), v.maxLength(127)),
]);

const ControlSchema = v.variant('t', [
  /** First on every lane, from both sides. */
  v.strictObject({ t: v.literal('hello'), version: count(U32), device: DeviceSchema }),
  /** The sender's person is being asked. */
  v.strictObject({ t: v.literal('asking') }),
  /** What follows in `entries`. */
  v.strictObject({
    t: v.literal('manifest'),
    share: v.pipe(v.string(), v.regex(/^[0-9a-f]{32}$/u)),
    entries: count(MAX_ENTRIES),
    bytes: count(MAX_SHARE_BYTES),
  }),
  /** The next entries: path, size, mtime, media type. */
  v.strictObject({
    t: v.literal('entries'),
    list: v.pipe(v.array(EntryTuple), v.minLength(1), v.maxLength(MAX_PAGE_ENTRIES)),
  }),
  /** The receiver accepts these entries; `more` until the last page. */
  v.strictObject({ t: v.literal('accept'), entries: RunsSchema, more: v.boolean() }),
  /** The pieces of accepted entries that it still lacks; `more` until the last page, after which the sender starts. */
  v.strictObject({ t: v.literal('want'), runs: RunsSchema, more: v.boolean() }),
  /** A piece arrived damaged, or the disk did not take it: send it again, before all others. */
  v.strictObject({ t: v.literal('again'), piece: count(U32), damaged: v.boolean() }),
  /** Verified and durable pieces, and the credit limit of all lanes together in bytes. */
  v.strictObject({ t: v.literal('ack'), credit: count(Number.MAX_SAFE_INTEGER), verified: RunsSchema }),
  /** The receiver holds back one entry it has accepted, or no longer. */
  v.strictObject({ t: v.picklist(['entry-pause', 'entry-resume']), entry: count(MAX_ENTRIES) }),
  /** Receiver: it has given up this entry. Sender: would it do so? */
  v.strictObject({ t: v.literal('entry-cancel'), entry: count(MAX_ENTRIES) }),
  /** The sender cannot deliver this entry. */
  v.strictObject({ t: v.literal('entry-failed'), entry: count(MAX_ENTRIES), code: v.picklist(ERROR_CODES) }),
  v.strictObject({ t: v.literal('pause') }),
  v.strictObject({ t: v.literal('resume') }),
  v.strictObject({ t: v.literal('decline') }),
  v.strictObject({ t: v.literal('cancel') }),
  /** Receiver: everything accepted is verified, failed or cancelled. Sender: I know. */
  v.strictObject({ t: v.literal('done') }),
  /** A further lane is being made: what its connection has to say to the other side's. The sender offers. */
  v.strictObject({ t: v.literal('lane'), lane: LaneNumber, signal: LaneSignalSchema }),
  /** The sender sends nothing more over a further lane. */
  v.strictObject({ t: v.literal('lane-end'), lane: LaneNumber }),
  /** The receiver reads nothing more from a further lane, from which it has read so many payload bytes. */
  v.strictObject({ t: v.literal('lane-ended'), lane: LaneNumber, received: count(Number.MAX_SAFE_INTEGER) }),
  /** Says only that this side is alive. */
  v.strictObject({ t: v.literal('ping') }),
  /** This page is being closed or reloaded: the lane ends now, not when ICE notices. */
  v.strictObject({ t: v.literal('bye') }),
  /** The connection ends for this reason. */
  v.strictObject({ t: v.literal('error'), code: v.picklist(ERROR_CODES) }),
]);

export type ControlMessage = v.InferOutput<typeof ControlSchema>;

/** @throws BeelineError `protocol` for what the peer could not have meant. */
export function parseControl(message: unknown): ControlMessage {
  if (typeof message !== 'string') throw new BeelineError('protocol', 'control message is not text');
  if (message.length > CONTROL_MAX_BYTES || utf8Length(message) > CONTROL_MAX_BYTES)
    throw new BeelineError('protocol', 'control message too long');
  let json: unknown;
  try {
    json = JSON.parse(message);
  } catch (cause) {
    throw new BeelineError('protocol', 'control message is not JSON', { cause });
  }
  const parsed = v.safeParse(ControlSchema, json);
  if (!parsed.success) throw new BeelineError('protocol', `control message: ${parsed.issues[0].type}`);
  return parsed.output;
}

export function encodeControl(message: ControlMessage): string {
  return JSON.stringify(message);
}

/** JSON escapes a control character as six bytes and any other at its UTF-8 length; 2 KiB are left for the frame. */
const PAGE_BYTES = CONTROL_MAX_BYTES - 2 * 1024;

/** A manifest as control messages, each within bounds. */
export function* manifestMessages({
  shareId,
  entries,
  totalBytes,
}: Manifest): Generator<ControlMessage, void, undefined> {
  yield { t: 'manifest', share: shareId, entries: entries.length, bytes: totalBytes };
  let list: [string, number, number, string][] = [];
  let bytes = 0;
  for (const { path, size, mtime, type } of entries) {
    const tuple: [string, number, number, string] = [path, size, mtime, type];
    const length = utf8Length(JSON.stringify(tuple)) + 1;
    if (list.length === MAX_PAGE_ENTRIES || (list.length > 0 && bytes + length > PAGE_BYTES)) {
      yield { t: 'entries', list };
      list = [];
      bytes = 0;
    }
    list.push(tuple);
    bytes += length;
  }
  if (list.length > 0) yield { t: 'entries', list };
}

/** Collects a manifest from its messages. Rule [M4]. */
export class ManifestReader {
  readonly #entries: Entry[] = [];

  constructor(private readonly head: Extract<ControlMessage, { t: 'manifest' }>) {}

  /** @throws BeelineError `protocol` when there are more entries than announced. */
  add({ list }: Extract<ControlMessage, { t: 'entries' }>): void {
    if (this.#entries.length + list.length > this.head.entries) throw new BeelineError('protocol', 'too many entries');
    for (const [path, size, mtime, type] of list) this.#entries.push({ path, size, mtime, type });
  }

  /**
   * The manifest once it is whole, else null.
   * @throws BeelineError `protocol` when its sizes do not add up to what was announced.
   */
  finish(): Manifest | null {
    if (this.#entries.length < this.head.entries) return null;
    const manifest = makeManifest(this.head.share, this.#entries);
    if (manifest.totalBytes !== this.head.bytes) throw new BeelineError('protocol', 'sizes do not add up');
    return manifest;
  }
}

/** What a sender says first over a lane. */
export interface Greeting {
  readonly device: string;
  readonly manifest: Manifest;
}

/** A greeting as the control messages it is, to go with the answer; none when it is long. Rule [S9]. */
export function greetingMessages({ device, manifest }: Greeting): string[] {
  const texts = [encodeControl({ t: 'hello', version: PROTOCOL_VERSION, device })];
  let chars = 0;
  for (const message of manifestMessages(manifest)) {
    const text = encodeControl(message);
    chars += text.length;
    if (chars > GREETING_MAX_CHARS) return [];
    texts.push(text);
  }
  return texts;
}

/**
 * Null for none, and for another version's: the lane tells.
 * @throws BeelineError `protocol` for what is no greeting.
 */
export function readGreeting(texts: readonly string[]): Greeting | null {
  if (texts.length === 0) return null;
  const [hello, head, ...pages] = texts.map(parseControl);
  if (hello?.t !== 'hello' || head?.t !== 'manifest') throw new BeelineError('protocol', 'no greeting');
  if (hello.version !== PROTOCOL_VERSION) return null;
  const reader = new ManifestReader(head);
  for (const page of pages) {
    if (page.t !== 'entries') throw new BeelineError('protocol', `${page.t} in a greeting`);
    reader.add(page);
  }
  const manifest = reader.finish();
  if (manifest === null) throw new BeelineError('protocol', 'half a list in a greeting');
  return { device: hello.device, manifest };
}

/** Runs as control messages, each within bounds: at least one, the last with `more: false`. */
export function* runMessages<T>(
  runs: Iterable<Run>,
  make: (runs: Run[], more: boolean) => T,
): Generator<T, void, undefined> {
  let held: Run[] = [];
  for (const page of pages(runs, MAX_RUNS)) {
    if (held.length > 0) yield make(held, true);
    held = page;
  }
  yield make(held, false);
}

/**
 * Collects the runs of several messages: ascending, without overlap, all below `count`. So a peer can never make the
 * list longer than the share. Rule [M5].
 */
export class RunReader {
  readonly runs: Run[] = [];
  #next = 0;

  constructor(private readonly count: number) {}

  /** @throws BeelineError `protocol` */
  add(runs: readonly Run[]): void {
    for (const [from, length] of runs) {
      if (from < this.#next || from + length > this.count)
        throw new BeelineError('protocol', 'run out of order or range');
      this.#next = from + length;
      this.runs.push([from, length]);
    }
  }
}

/** The numbers in runs, one by one. */
export function* eachOf(runs: Iterable<Run>): Generator<number, void, undefined> {
  for (const [from, length] of runs) for (let number = from; number < from + length; number++) yield number;
}

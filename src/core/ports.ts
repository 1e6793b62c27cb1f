/**
 * What the rules need from the world. Each port has an adapter in `disk` or `net` (or a browser global that already has
 * its shape), and a double in `tests/doubles`; one shared suite runs against both.
 */
import type { Bytes } from './bytes.ts';
import type { ConnectTrace } from './diagnosis.ts';
import type { Cancelled } from './ledger.ts';
import type { Manifest, PlannedEntry } from './manifest.ts';
import type { LaneSignal } from './sealed.ts';
import type { IceAnswer } from './signaling.ts';

/** Milliseconds since the epoch that never run backwards, and timers that return their own cancel. */
export interface Clock {
  now(): number;
  after(ms: number, run: () => void): () => void;
}

/** Calls back whenever trying again makes sense at once: the network is back, or somebody looks at the page again. Returns its end. */
export type Nudge = (run: () => void) => () => void;

export interface Random {
  /** `length` bytes from a cryptographic source. */
  bytes(length: number): Bytes;
  /** In [0, 1); for jitter only. */
  fraction(): number;
}

/** An opaque WebCrypto key. */
export interface Key {
  readonly type: string;
}

/** The part of WebCrypto's `SubtleCrypto` that the protocol uses; the global has this shape. */
export interface Subtle {
  digest(algorithm: 'SHA-256', data: Bytes): Promise<ArrayBuffer>;
  importKey(
    format: 'raw',
    data: Bytes,
    algorithm: 'HKDF' | { name: 'ECDSA'; namedCurve: 'P-256' },
    extractable: boolean,
    usages: ('deriveBits' | 'deriveKey' | 'verify')[],
  ): Promise<Key>;
  exportKey(format: 'raw', key: Key): Promise<ArrayBuffer>;
  generateKey(
    algorithm: { name: 'ECDSA'; namedCurve: 'P-256' },
    extractable: boolean,
    usages: ('sign' | 'verify')[],
  ): Promise<{ readonly privateKey: Key; readonly publicKey: Key }>;
  deriveBits(algorithm: HkdfParameters, base: Key, bits: number): Promise<ArrayBuffer>;
  deriveKey(
    algorithm: HkdfParameters,
    base: Key,
    derived: { name: 'AES-GCM'; length: 256 },
    extractable: boolean,
    usages: ('encrypt' | 'decrypt')[],
  ): Promise<Key>;
  encrypt(algorithm: GcmParameters, key: Key, data: Bytes): Promise<ArrayBuffer>;
  decrypt(algorithm: GcmParameters, key: Key, data: Bytes): Promise<ArrayBuffer>;
  sign(algorithm: { name: 'ECDSA'; hash: 'SHA-256' }, key: Key, data: Bytes): Promise<ArrayBuffer>;
  verify(algorithm: { name: 'ECDSA'; hash: 'SHA-256' }, key: Key, signature: Bytes, data: Bytes): Promise<boolean>;
}
export interface HkdfParameters {
  name: 'HKDF';
  hash: 'SHA-256';
  salt: Bytes;
  info: Bytes;
}
export interface GcmParameters {
  name: 'AES-GCM';
  iv: Bytes;
  additionalData: Bytes;
}

/**
 * One ordered, reliable message channel.
 * Handlers are plain fields: each channel has exactly one reader.
 */
export interface Channel<Message> {
  /** @throws BeelineError `connection-lost` once the channel is not open. */
  send(message: Message): void;
  onmessage: ((message: unknown) => void) | null;
}

/** A channel for file data, with backpressure. */
export interface BulkChannel extends Channel<Bytes> {
  /** False once nothing more can be sent; what was under way may still arrive. */
  readonly isOpen: boolean;
  /** Bytes handed to `send` and not yet given to the network. */
  readonly bufferedAmount: number;
  /** Bytes; {@link ondrain} is called each time `bufferedAmount` falls to it. */
  lowWatermark: number;
  ondrain: (() => void) | null;
}

/** How the bytes travel, as the selected candidate pair tells it. */
export interface PathInfo {
  readonly kind: 'lan' | 'direct' | 'relay';
  /** How this side reaches the relay; null without one, or where the browser does not say. */
  readonly relayProtocol: 'udp' | 'tcp' | 'tls' | null;
  /** Round-trip time in milliseconds; null until measured. */
  readonly rttMs: number | null;
}

/** An open connection to a peer, its DTLS certificates proven by the handshake. */
export interface Lane {
  readonly control: Channel<string>;
  readonly bulk: BulkChannel;
  /** Called once, when either side or the network ended it. */
  onclose: ((reason: Error) => void) | null;
  path(): Promise<PathInfo | null>;
  close(): void;
}

/** A connection being made: feed it the peer's signals and send on its own. */
export interface LaneAttempt {
  signal(signal: LaneSignal): void;
  /** Rejects with `connect-failed`. */
  readonly opened: Promise<Lane>;
  close(): void;
}

export interface LaneFactory {
  attempt(options: {
    readonly initiator: boolean;
    readonly ice: IceAnswer;
    readonly onSignal: (signal: LaneSignal) => void;
    /** Gets what the browser tells while the lane is being made. */
    readonly trace?: ConnectTrace;
  }): LaneAttempt;
}

/** One message of the signaling server, parsed: who sent it and what is sealed in it. */
export interface SignalingMessage {
  readonly type: 'OFFER' | 'ANSWER' | 'CANDIDATE' | 'LEAVE' | 'EXPIRE';
  readonly src: string;
  readonly payload: unknown;
}

/** `offline`: the server is out of reach. `no-network`: the system says that everything is. */
export type SignalingStatus = 'connecting' | 'open' | 'offline' | 'no-network' | 'taken' | 'refused';

/** A line to the signaling server under one id. It reconnects by itself until closed. */
export interface Signaling {
  readonly status: SignalingStatus;
  onstatus: ((status: SignalingStatus) => void) | null;
  onmessage: ((message: SignalingMessage) => void) | null;
  /** Drops the message when the line is not open: the handshake's own retry covers it. */
  send(type: 'OFFER' | 'ANSWER' | 'CANDIDATE' | 'LEAVE', dst: string, payload: unknown): void;
  /** Something seems wrong with the network: a line that the server does not answer soon is made anew. */
  check(): void;
  /** Fresh STUN and TURN servers; an empty answer when the server has none or is out of reach. */
  ice(): Promise<IceAnswer>;
  close(): void;
}

export interface SignalingFactory {
  connect(id: string, token: string): Signaling;
}

/** Gives a buffer of this many bytes; what is in it does not matter. */
export type Allocate = (length: number) => Bytes;

/** Where a sender's bytes come from: the entries of one share, by their number in the manifest. */
export interface Source {
  /**
   * Reads `length` bytes of an entry from `offset` on.
   * @param allocate gives a source that reads into a buffer one of exactly so many bytes, for good.
   * @throws BeelineError `source-changed`, `source-gone` or `source-unreadable`.
   */
  read(entry: number, offset: number, length: number, allocate?: Allocate): Promise<Bytes>;
}

export type SinkKind = 'opfs' | 'folder' | 'memory';

/** Room for what a receiver is about to accept. */
export interface Room {
  /** The best sink this browser has. */
  readonly kind: SinkKind;
  /** Bytes it can take; null when the browser does not say. */
  readonly freeBytes: number | null;
}

/** What a sink is opened for. */
export interface SinkPlan {
  /** Random 128-bit id of the share, hex; names the sink's storage. */
  readonly shareId: string;
  /** The accepted entries, with the safe paths they get; `index` is the number in the manifest. */
  readonly entries: readonly PlannedEntry[];
}

/** What a sink is found by: a file of the origin private file system, or a folder the person chose. */
export type SinkStorage =
  | { readonly kind: 'opfs'; readonly fileName: string }
  | { readonly kind: 'folder'; readonly folder: unknown; readonly fileName: string };

/** A step of looking through what a sink has. */
export interface Recalled {
  /** Bytes looked at in this step, whether they are here or not. */
  readonly bytes: number;
  /** The pieces among them that are intact. */
  readonly intact: readonly { readonly entry: number; readonly offset: number }[];
}

/** Where a receiver's bytes go: one open sink per transfer. */
export interface Sink {
  readonly kind: SinkKind;
  /** True when finished entries already are where the person wanted them, so that nothing is left to save. */
  readonly inPlace: boolean;
  /** Finds this sink again, in another page; can be kept in a database. Null for one that does not outlive its page. */
  readonly storage: SinkStorage | null;
  /**
   * A buffer for a piece that will be written, with anything in it: a used one, where the sink gets its buffers back. New
   * ones come from the system page by page.
   */
  allocate(length: number): Bytes;
  /**
   * Places verified bytes of one piece. Takes ownership of `bytes`. Resolves when they are durable: they survive a
   * crash of the page. Many writes may be under way at once, in any order.
   * @param hash the piece's SHA-256, kept so that {@link Sink.recall} can tell whether the piece is still intact.
   * @throws BeelineError `no-room`, `disk-failed` or `permission-denied`.
   */
  write(entry: number, offset: number, bytes: Bytes, hash: Bytes): Promise<void>;
  /** All pieces of the entry are durable: give it its name, length and date. An empty entry gets only this call. */
  finish(entry: number): Promise<void>;
  /** Gives up one entry and frees what can be freed. */
  drop(entry: number): Promise<void>;
  /**
   * Hashes again what earlier pages have written, in steps: nothing on a disk is trusted for having been there. Ends
   * early when the sink is closed.
   * @throws BeelineError `disk-failed`
   */
  recall(): AsyncIterable<Recalled>;
  /** Hands finished entries to the person's Downloads, one by one or as one zip. Does nothing when `inPlace`. */
  save(entries: readonly number[], as: 'files' | 'zip'): Promise<void>;
  /** Ends the sink and keeps what is in it. */
  close(): Promise<void>;
  /** Ends the sink and deletes what is in it; files already in a chosen folder stay. */
  discard(): Promise<void>;
}

export interface SinkFactory {
  room(): Promise<Room>;
  /**
   * Opens the sink the person chose, or the best one there is.
   * @param place an opaque directory or file handle from a picker, or null for the default.
   * @throws BeelineError `no-room`, `memory-only`, `disk-failed` or `permission-denied`.
   */
  open(plan: SinkPlan, place: unknown): Promise<Sink>;
  /**
   * Opens what an earlier page has left, for the same plan.
   * @throws BeelineError `gone` when it is no longer there; `open-elsewhere` while another tab has it; as `open` else.
   */
  reopen(plan: SinkPlan, storage: SinkStorage): Promise<Sink>;
  /** Deletes what an earlier page has left; files in a chosen folder stay. */
  forget(storage: SinkStorage): Promise<void>;
}

/** One line in the list of transfers. */
export interface TransferNote {
  /** The share's id at the signaling server. */
  readonly id: string;
  readonly role: 'sending' | 'receiving';
  /** The first file, or the folder it is in. */
  readonly name: string;
  readonly files: number;
  readonly totalBytes: number;
  /** A receiver's; 0 for a sender, who may have many. */
  readonly verifiedBytes: number;
  readonly state: 'unfinished' | 'finished' | 'cancelled';
  /** Milliseconds since the epoch. */
  readonly updatedAt: number;
}

/** What a receiver needs to go on in another page. */
export interface Receipt {
  readonly id: string;
  /** The link's secret; null once the sender has confirmed the end, when nothing is left to fetch. */
  readonly secret: Bytes | null;
  readonly manifest: Manifest;
  /** Numbers of the accepted entries, ascending. */
  readonly accepted: readonly number[];
  /** Those of them that were cancelled since; absent where none was. The places of the others in storage stay. */
  readonly cancelled?: Cancelled;
  readonly storage: SinkStorage;
}

/** What a sender needs to go on in another page, under the same link. */
export interface KeptShare {
  readonly id: string;
  readonly privateKey: Key;
  /** 65 bytes, uncompressed point. */
  readonly publicKey: Bytes;
  /** The sender's token at the signaling server. */
  readonly token: string;
  readonly manifest: Manifest;
  /** What finds the files again, for `disk/handles.ts`; null where the browser gives nothing of the kind. */
  readonly handles: unknown;
}

/**
 * What outlives a page. Where a browser keeps nothing, reading finds nothing and writing does nothing: a transfer then ends
 * with its page.
 */
export interface Archive {
  notes(): Promise<readonly TransferNote[]>;
  note(note: TransferNote): Promise<void>;
  receipt(id: string): Promise<Receipt | null>;
  /** False where there is none, as far as can be told at once. */
  mayHaveReceipt(id: string): boolean;
  keepReceipt(receipt: Receipt): Promise<void>;
  share(id: string): Promise<KeptShare | null>;
  keepShare(share: KeptShare): Promise<void>;
  /** Forgets the note and everything kept with it. One browser may be both sides of a share. */
  forget(role: TransferNote['role'], id: string): Promise<void>;
}

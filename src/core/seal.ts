/**
 * Signaling payloads that the server relays and cannot read, alter, replay or reorder. Rules [S1] to [S5].
 *
 * ```
 * payload   { c: connection id, n: counter, b: base64url(nonce (12 B) || AES-256-GCM ciphertext and tag) }
 * AAD       "beeline/1 signal" NUL direction NUL src NUL dst NUL c NUL n
 * ```
 */
import * as v from 'valibot';
import { type Bytes, concatBytes, fromBase64url, toBase64url, utf8 } from './bytes.ts';
import { BeelineError } from './errors.ts';
import type { Key, Random, Subtle } from './ports.ts';
import { type SealedMessage, SealedMessageSchema } from './sealed.ts';

const NONCE_BYTES = 12;
/** Messages one side may send in one connection's handshake: an offer and its candidates, with plenty to spare. */
const MAX_COUNTER = 1_000;

const EnvelopeSchema = v.strictObject({
  c: v.pipe(v.string(), v.length(22)),
  n: v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(MAX_COUNTER)),
  b: v.pipe(v.string(), v.minLength(40), v.maxLength(60 * 1024)),
});
export type Envelope = v.InferOutput<typeof EnvelopeSchema>;

/** @throws BeelineError `protocol` */
export function parseEnvelope(payload: unknown): Envelope {
  const parsed = v.safeParse(EnvelopeSchema, payload);
  if (!parsed.success) throw new BeelineError('protocol', 'not a sealed payload');
  return parsed.output;
}

export type Direction = 'to-sender' | 'to-receiver';

/** Both ends of one connection's handshake, as seen from one of them. */
export interface SealContext {
  readonly key: Key;
  readonly connection: string;
  readonly me: string;
  readonly peer: string;
  /** The direction of what I send. */
  readonly sending: Direction;
}

/** Seals what one side sends as its message number `n` of a connection's handshake, counted from 1. */
export async function sealMessage(
  { subtle, random }: { readonly subtle: Subtle; readonly random: Random },
  { key, connection, me, peer, sending }: SealContext,
  n: number,
  message: SealedMessage,
): Promise<Envelope> {
  const iv = random.bytes(NONCE_BYTES);
  const additionalData = associatedData(sending, me, peer, connection, n);
  const sealed = await subtle.encrypt({ name: 'AES-GCM', iv, additionalData }, key, utf8(JSON.stringify(message)));
  return { c: connection, n, b: toBase64url(concatBytes(iv, new Uint8Array(sealed))) };
}

/** Seals what one side sends and opens what it receives, for one connection. */
export class SealedLine {
  #sent: number;
  #opened = 0;
  #turn: Promise<void> = Promise.resolve();

  /** @param sent messages that this side has sealed for the connection already. */
  constructor(
    private readonly subtle: Subtle,
    private readonly random: Random,
    private readonly context: SealContext,
    sent = 0,
  ) {
    this.#sent = sent;
  }

  seal(message: SealedMessage): Promise<Envelope> {
    return sealMessage({ subtle: this.subtle, random: this.random }, this.context, ++this.#sent, message);
  }

  /**
   * Opens the peer's next message. A counter at or below the last one opened is a replay or out of order. Calls take
   * turns, so that two at once cannot both be the first.
   * @throws BeelineError `not-authentic` when the payload is not what the peer sealed for this place, `protocol` when
   * it is and still makes no sense.
   */
  open(envelope: Envelope): Promise<SealedMessage> {
    const opened = this.#turn.then(() => this.#open(envelope));
    this.#turn = opened.then(
      () => undefined,
      () => undefined,
    );
    return opened;
  }

  async #open({ n, b }: Envelope): Promise<SealedMessage> {
    const { key, connection, me, peer, sending } = this.context;
    if (n <= this.#opened) throw new BeelineError('not-authentic', 'replayed or reordered');
    const sealed = fromBase64url(b);
    if (sealed === null || sealed.length <= NONCE_BYTES) throw new BeelineError('not-authentic', 'not base64url');
    const direction = sending === 'to-sender' ? 'to-receiver' : 'to-sender';
    const additionalData = associatedData(direction, peer, me, connection, n);
    const iv = sealed.slice(0, NONCE_BYTES);
    let plain: ArrayBuffer;
    try {
      plain = await this.subtle.decrypt({ name: 'AES-GCM', iv, additionalData }, key, sealed.slice(NONCE_BYTES));
    } catch (cause) {
      throw new BeelineError('not-authentic', 'seal does not open', { cause });
    }
    this.#opened = Math.max(this.#opened, n);
    return parseSealed(new Uint8Array(plain));
  }
}

function parseSealed(plain: Bytes): SealedMessage {
  let json: unknown;
  try {
    json = JSON.parse(fromUtf8(plain));
  } catch (cause) {
    throw new BeelineError('protocol', 'sealed message is not JSON', { cause });
  }
  const parsed = v.safeParse(SealedMessageSchema, json);
  if (!parsed.success) throw new BeelineError('protocol', 'sealed message of unknown form');
  return parsed.output;
}

/** Through percent-decoding: the one UTF-8 decoder of the language itself. @throws URIError */
function fromUtf8(bytes: Bytes): string {
  return decodeURIComponent(Array.from(bytes, (byte) => `%${byte.toString(16).padStart(2, '0')}`).join(''));
}

function associatedData(direction: Direction, src: string, dst: string, connection: string, n: number): Bytes {
  return utf8(['beeline/1 signal', direction, src, dst, connection, String(n)].join('\0'));
}

/** What the sender signs: both certificates, both ids, the receiver's nonce and the greeting. Rules [S6], [S9]. */
export interface Transcript {
  readonly senderId: string;
  readonly receiverId: string;
  readonly connection: string;
  /** Base64url of 16 bytes. */
  readonly nonce: string;
  /** SHA-256 fingerprints of the DTLS certificates, as `dtlsFingerprint` gives them. */
  readonly receiverFingerprint: string;
  readonly senderFingerprint: string;
  readonly greeting: readonly string[];
}

/** The bytes that are signed: the fields in this order, each ended by NUL, after a label of its own. */
export function transcriptBytes(transcript: Transcript): Bytes {
  const { senderId, receiverId, connection, nonce, receiverFingerprint, senderFingerprint, greeting } = transcript;
  const fields = [senderId, receiverId, connection, nonce, receiverFingerprint, senderFingerprint, ...greeting];
  return utf8(['beeline/1 answer', ...fields, ''].join('\0'));
}

/** What travels sealed through the signaling server. */
import * as v from 'valibot';
import { ERROR_CODES } from './errors.ts';

/** A list of some fifty files. The envelope of an answer is a signaling message, of which the server takes 64 KiB. */
export const GREETING_MAX_CHARS = 8 * 1024;

const sdp = v.pipe(v.string(), v.minLength(1), v.maxLength(32 * 1024));
const short = (max: number) => v.pipe(v.string(), v.maxLength(max));

const CandidateSchema = v.strictObject({
  kind: v.literal('candidate'),
  candidate: short(1024),
  sdpMid: v.nullable(short(16)),
  sdpMLineIndex: v.nullable(v.pipe(v.number(), v.integer(), v.minValue(0), v.maxValue(255))),
});

const OfferSchema = v.strictObject({
  kind: v.literal('offer'),
  sdp,
  /** The receiver's nonce for this connection, 16 bytes in base64url: what the sender's signature must be fresh for. */
  nonce: v.pipe(v.string(), v.length(22)),
  /**
   * The receiver has nothing of the share, and takes the first of it before it has accepted anything. Rule [S10]. An older
   * version says nothing of it, and is told of its version over the lane.
   */
  headStart: v.optional(v.boolean(), false),
});

const AnswerSchema = v.strictObject({
  kind: v.literal('answer'),
  sdp,
  /** The share's public key: 65 bytes, uncompressed point, in base64url. */
  key: v.pipe(v.string(), v.length(87)),
  /** ECDSA P-256 with SHA-256, 64 bytes in base64url; over the transcript of rule [S6]. */
  signature: v.pipe(v.string(), v.length(86)),
  /** What the sender will say first over the lane, if it is short: hello and list, as control messages. Rule [S9]. */
  greeting: v.pipe(v.array(v.pipe(v.string(), v.maxLength(GREETING_MAX_CHARS))), v.maxLength(3)),
});

/** The sender will not connect, and why. */
const RefusalSchema = v.strictObject({ kind: v.literal('refusal'), code: v.picklist(ERROR_CODES) });

export const SealedMessageSchema = v.variant('kind', [OfferSchema, AnswerSchema, CandidateSchema, RefusalSchema]);
export type SealedMessage = v.InferOutput<typeof SealedMessageSchema>;

/** An offer or answer as WebRTC makes it, before the handshake adds its proof. */
const DescriptionSchema = v.strictObject({ kind: v.picklist(['offer', 'answer']), sdp });

/** What a connection being made says to the other side; readable only where nobody else can listen. */
export const LaneSignalSchema = v.union([DescriptionSchema, CandidateSchema]);
export type DescriptionSignal = v.InferOutput<typeof DescriptionSchema>;
export type CandidateSignal = v.InferOutput<typeof CandidateSchema>;
export type LaneSignal = v.InferOutput<typeof LaneSignalSchema>;

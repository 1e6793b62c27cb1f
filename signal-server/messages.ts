import * as v from 'valibot';
import { CLIENT_MESSAGE_TYPES, PEER_ID_MAX } from '../src/core/signaling.ts';
import { CLOSE } from './close-codes.ts';
import type { CloseCode } from './close-codes.ts';

/** A message for another peer. */
export interface Relay {
  readonly kind: 'relay';
  readonly type: 'OFFER' | 'ANSWER' | 'CANDIDATE' | 'LEAVE' | 'EXPIRE';
  readonly dst: string;
  readonly payload: unknown;
}

/** A sign of life. A stock client's has no payload; with one it asks for an answer. */
export interface Heartbeat {
  readonly kind: 'heartbeat';
  readonly asks: boolean;
}

/** What a client said, once it is known to be well formed. */
export type ClientMessage = Relay | Heartbeat | { readonly kind: 'goodbye' };

export type Parsed =
  | { readonly ok: true; readonly message: ClientMessage }
  | { readonly ok: false; readonly code: CloseCode; readonly reason: string };

/** Characters of stock ids (letters, digits, inner space, `_`, `-`), and base64url, which may begin with `-` or `_`. */
const peerId = v.pipe(
  v.string(),
  v.maxLength(PEER_ID_MAX),
  v.regex(/^[A-Za-z0-9_-](?:[A-Za-z0-9 _-]*[A-Za-z0-9_-])?$/),
);

const token = v.pipe(v.string(), v.maxLength(PEER_ID_MAX), v.regex(/^[\x21-\x7e]+$/));

const schema = v.object({
  type: v.picklist(CLIENT_MESSAGE_TYPES),
  dst: v.optional(v.nullable(v.union([peerId, v.literal('')]))),
  payload: v.optional(v.unknown()),
});

export const isPeerId = (value: unknown): value is string => v.is(peerId, value);
export const isToken = (value: unknown): value is string => v.is(token, value);

/**
 * Parses one text message of a client. Its size was bounded before; its fields other than type, dst and payload are dropped.
 * `depth` bounds the payload, because `JSON.parse` reads a nesting that `JSON.stringify` cannot write.
 */
export function parseClientMessage(text: string, depth: number): Parsed {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return { ok: false, code: CLOSE.notJson, reason: 'json' };
  }
  const parsed = v.safeParse(schema, value);
  if (!parsed.success || deeperThan(parsed.output.payload, depth)) return malformed;
  const { type, dst, payload } = parsed.output;
  if (type === 'HEARTBEAT') return { ok: true, message: { kind: 'heartbeat', asks: payload !== undefined } };
  if (dst !== undefined && dst !== null && dst !== '')
    return { ok: true, message: { kind: 'relay', type, dst, payload } };
  return type === 'LEAVE' ? { ok: true, message: { kind: 'goodbye' } } : malformed;
}

const malformed: Parsed = { ok: false, code: CLOSE.refused, reason: 'message' };

/** Whether arrays and objects are nested more than `depth` deep; a loop, so that depth cannot exhaust the stack. */
function deeperThan(value: unknown, depth: number): boolean {
  let level = [value];
  for (let at = 0; at <= depth; at++) {
    level = level.flatMap((item) =>
      typeof item === 'object' && item !== null ? (Object.values(item) as unknown[]) : [],
    );
    if (level.length === 0) return false;
  }
  return true;
}

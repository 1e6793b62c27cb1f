/** A receiver's first offer, sealed before there is anything but the link. In the page itself, so it imports little. */
import { toBase64url } from '../core/bytes.ts';
import type { ShareKeys } from '../core/link.ts';
import type { Random, Subtle } from '../core/ports.ts';
import { type Envelope, sealMessage } from '../core/seal.ts';

/** The offer, and what the handshake that goes on with it must know. */
export interface FirstOffer {
  /** Connection id and nonce, 16 bytes in base64url each. Rules [S1], [S5]. */
  readonly connection: string;
  readonly nonce: string;
  readonly sdp: string;
  readonly headStart: boolean;
  readonly envelope: Envelope;
}

/** @param headStart takes the first of the share before it has accepted anything. Rule [S10]. */
export async function sealOffer(
  ports: { readonly random: Random; readonly subtle: Subtle },
  { seal, roomId }: ShareKeys,
  myId: string,
  sdp: string,
  headStart: boolean,
): Promise<FirstOffer> {
  const [connection, nonce] = [toBase64url(ports.random.bytes(16)), toBase64url(ports.random.bytes(16))];
  const context = { key: seal, connection, me: myId, peer: roomId, sending: 'to-sender' } as const;
  const envelope = await sealMessage(ports, context, 1, { kind: 'offer', sdp, nonce, headStart });
  return { connection, nonce, sdp, headStart, envelope };
}

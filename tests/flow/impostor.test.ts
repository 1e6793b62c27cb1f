import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { toBase64url } from '../../src/core/bytes.ts';
import { deriveShareKeys, type ShareKeys } from '../../src/core/link.ts';
import { dtlsFingerprint } from '../../src/core/sdp.ts';
import { parseEnvelope, SealedLine, transcriptBytes } from '../../src/core/seal.ts';
import type { SealedMessage } from '../../src/core/sealed.ts';
import { makeIdentity, type ShareIdentity } from '../../src/flow/identity.ts';
import type { Receiving } from '../../src/flow/receiving.ts';
import { realRandom } from '../doubles/clock.ts';
import type { Relayed } from '../doubles/signaling.ts';
import type { End } from './certificates.ts';
import { ATTEMPT_MS, HostileScene } from './hostile-scene.ts';

let scene: HostileScene;
beforeEach(() => {
  scene = new HostileScene();
  vi.spyOn(console, 'warn').mockImplementation(() => undefined);
});
afterEach(() => scene.close());

/** The description of an attempt that the impostor made itself, as an answer to `offer` if there is one. */
async function ownDescription(offer: string | null): Promise<string> {
  return new Promise((resolve) => {
    const attempt = scene.network.attempt({
      initiator: offer === null,
      ice: { iceServers: [], ttl: 0 },
      onSignal: (signal) => {
        if (signal.kind !== 'candidate') resolve(signal.sdp);
      },
    });
    if (offer !== null) attempt.signal({ kind: 'offer', sdp: offer });
  });
}

/** Reads and writes in somebody's place, with the key that everybody who has the link has. */
function lineAs(me: 'sender' | 'receiver', seal: ShareKeys['seal'], message: Relayed): SealedLine {
  const isSender = me === 'sender';
  const isFromMe = (message.type === 'ANSWER') === isSender;
  return new SealedLine(scene.world.subtle, realRandom, {
    key: seal,
    connection: parseEnvelope(message.payload).c,
    me: isFromMe ? message.src : message.dst,
    peer: isFromMe ? message.dst : message.src,
    sending: isSender ? 'to-receiver' : 'to-sender',
  });
}

type Offer = Extract<SealedMessage, { kind: 'offer' }>;
type Answer = Extract<SealedMessage, { kind: 'answer' }>;

async function opened<Kind extends SealedMessage['kind']>(
  kind: Kind,
  line: SealedLine,
  { payload }: Relayed,
): Promise<Extract<SealedMessage, { kind: Kind }>> {
  const message = await line.open(parseEnvelope(payload));
  if (message.kind !== kind) throw new Error(`not an ${kind}`);
  return message as Extract<SealedMessage, { kind: Kind }>;
}

/** Plays the sender to every receiver that calls: answers each offer with what `make` says. */
function answerWith(
  seal: ShareKeys['seal'],
  make: (offer: Offer, message: Relayed) => Promise<SealedMessage | null>,
): void {
  scene.server.relay = (message) => {
    if (message.type !== 'OFFER') return;
    const answer = async () => {
      const line = lineAs('sender', seal, message);
      const answered = await make(await opened('offer', line, message), message);
      if (answered === null) return;
      scene.server.deliver({ type: 'ANSWER', src: message.dst, dst: message.src, payload: await line.seal(answered) });
    };
    void answer();
  };
}

/**
 * Opens and seals again what passes, one kind of it altered. Candidates are dropped: those that overtake would make
 * the rest refused for another reason.
 */
function alterSealed<Kind extends 'offer' | 'answer'>(
  kind: Kind,
  { keys: { seal } }: ShareIdentity,
  alter: (message: Extract<SealedMessage, { kind: Kind }>) => Promise<SealedMessage>,
): void {
  const type = kind === 'offer' ? 'OFFER' : 'ANSWER';
  const [reader, writer] = kind === 'offer' ? (['sender', 'receiver'] as const) : (['receiver', 'sender'] as const);
  scene.server.relay = (message) => {
    if (message.type === 'CANDIDATE') return;
    const pass = async () => {
      if (message.type !== type) return message;
      const altered = await alter(await opened(kind, lineAs(reader, seal, message), message));
      return { ...message, payload: await lineAs(writer, seal, message).seal(altered) };
    };
    void pass().then((changed) => scene.server.deliver(changed));
  };
}

/** An answer signed with the given key, for the given description. */
async function signedAnswer(
  sdp: string,
  { privateKey, publicKey }: Pick<ShareIdentity, 'privateKey' | 'publicKey'>,
  offer: Offer,
  message: Relayed,
  changed: Partial<Parameters<typeof transcriptBytes>[0]> = {},
): Promise<Answer> {
  const transcript = transcriptBytes({
    senderId: message.dst,
    receiverId: message.src,
    connection: parseEnvelope(message.payload).c,
    nonce: offer.nonce,
    receiverFingerprint: dtlsFingerprint(offer.sdp),
    senderFingerprint: dtlsFingerprint(sdp),
    greeting: [],
    ...changed,
  });
  const signature = await scene.world.subtle.sign({ name: 'ECDSA', hash: 'SHA-256' }, privateKey, transcript);
  return {
    kind: 'answer',
    sdp,
    key: toBase64url(publicKey),
    signature: toBase64url(new Uint8Array(signature)),
    greeting: [],
  };
}

function receiversEnd(): End | undefined {
  return scene.network.ends[0];
}

/** The receiver calls; then everything happens that can without time passing. */
async function call(identity: ShareIdentity): Promise<Receiving> {
  const receiving = scene.receive(identity);
  await scene.crypto.quiet();
  return receiving;
}

function expectRefused(receiving: Receiving): void {
  expect(receiving.view.state).toMatchObject({ at: 'failed', code: 'not-authentic' });
  expect(receiversEnd()?.isOpen).toBe(false);
  expect(receiversEnd()?.heard.filter(({ kind }) => kind === 'answer')).toEqual([]);
}

describe('a server that knows only the room and plays the sender', () => {
  it.each([
    ['a plain answer', (): unknown => ({ type: 'answer', sdp: 'v=0' })],
    ['a sealed answer under a key of its own', sealedUnderAnotherKey],
    ['the receiver’s own message', ({ payload }: Relayed) => payload],
    ['noise', ({ payload }: Relayed) => ({ ...parseEnvelope(payload), b: toBase64url(realRandom.bytes(400)) })],
  ])('[S4] gets no connection with %s', async (_, make) => {
    const identity = await makeIdentity(scene.world);
    scene.server.connect(identity.keys.roomId);
    scene.server.relay = (message) => {
      const reply = async () =>
        scene.server.deliver({ type: 'ANSWER', src: message.dst, dst: message.src, payload: await make(message) });
      void reply();
    };
    const receiving = await call(identity);
    expect(receiving.view.state).toMatchObject({ at: 'connecting' });
    expect(receiversEnd()?.heard).toEqual([]);
    await scene.pass(ATTEMPT_MS);
    expect(scene.network.met).toEqual([]);
    expect(receiving.view.entries).toBeNull();
  });

  async function sealedUnderAnotherKey(message: Relayed): Promise<unknown> {
    const { seal } = await deriveShareKeys(scene.world.subtle, realRandom.bytes(16));
    return lineAs('sender', seal, message).seal({
      kind: 'answer',
      sdp: 'v=0',
      key: 'A'.repeat(87),
      signature: 'A'.repeat(86),
      greeting: [],
    });
  }
});

describe('a receiver that knows the link, has the server on its side, and plays the sender', () => {
  it('[S6] is refused with a key of its own', async () => {
    const [identity, own] = [await makeIdentity(scene.world), await makeIdentity(scene.world)];
    answerWith(identity.keys.seal, async (offer, message) =>
      signedAnswer(await ownDescription(offer.sdp), own, offer, message),
    );
    expectRefused(await call(identity));
  });

  it('[S6] is refused with the sender’s key and a signature of its own', async () => {
    const [identity, own] = [await makeIdentity(scene.world), await makeIdentity(scene.world)];
    const mixed = { privateKey: own.privateKey, publicKey: identity.publicKey };
    answerWith(identity.keys.seal, async (offer, message) =>
      signedAnswer(await ownDescription(offer.sdp), mixed, offer, message),
    );
    expectRefused(await call(identity));
  });

  it.each(['senderId', 'receiverId', 'connection', 'nonce', 'receiverFingerprint', 'senderFingerprint'] as const)(
    '[S6] is refused with a true signature for another %s',
    async (field) => {
      const identity = await makeIdentity(scene.world);
      answerWith(identity.keys.seal, async (offer, message) =>
        signedAnswer(await ownDescription(offer.sdp), identity, offer, message, { [field]: 'another' }),
      );
      expectRefused(await call(identity));
    },
  );

  it('[S6] [S9] is refused with a true signature for another greeting', async () => {
    const identity = await scene.share();
    alterSealed('answer', identity, (answer) => Promise.resolve({ ...answer, greeting: answer.greeting.slice(0, 2) }));
    expectRefused(await call(identity));
  });

  it('[S6] the same answer is taken from the sender itself: the refusals above are for what was changed', async () => {
    const identity = await makeIdentity(scene.world);
    answerWith(identity.keys.seal, async (offer, message) =>
      signedAnswer(await ownDescription(offer.sdp), identity, offer, message),
    );
    expect((await call(identity)).view.state.at).toBe('greeting');
  });

  it('[S6] is refused when it puts its certificate on the sender’s true answer', async () => {
    const identity = await scene.share();
    alterSealed('answer', identity, async (answer) => ({ ...answer, sdp: await ownDescription(null) }));
    expectRefused(await call(identity));
    expect(scene.network.met).toEqual([]);
  });

  it('[S6] is refused when it puts its certificate on the receiver’s offer: the signature names it', async () => {
    const identity = await scene.share();
    alterSealed('offer', identity, async (offer) => ({ ...offer, sdp: await ownDescription(null) }));
    expectRefused(await call(identity));
  });

  it('[C11] [S7] is refused, and named as the reason meanwhile, when it hides a second certificate where a laxer parser would find it', async () => {
    const identity = await scene.share();
    alterSealed('answer', identity, async (answer) => {
      const hidden = dtlsFingerprint(await ownDescription(null)).replace(' ', '\t');
      return { ...answer, sdp: `${answer.sdp}a=fingerprint:${hidden}\r\n` };
    });
    const receiving = await call(identity);
    expect(receiversEnd()?.heard).toEqual([]);
    await scene.pass(ATTEMPT_MS / 2);
    expect(receiving.view.state).toEqual({ at: 'connecting', attempt: 0, reason: 'not-authentic' });
    await scene.pass(ATTEMPT_MS / 2);
    expectRefused(receiving);
  });

  it('[S6] goes unnoticed only as long as it changes nothing', async () => {
    const identity = await scene.share();
    alterSealed('answer', identity, (answer) => Promise.resolve(answer));
    expect((await call(identity)).view.state.at).toBe('offered');
  });

  it('[S6] an answer that was once true is refused for a later connection of the same receiver', async () => {
    const identity = await scene.share();
    const receiving = await call(identity);
    expect(receiving.view.state.at).toBe('offered');
    const first = scene.server.seen.find(({ type }) => type === 'ANSWER');
    if (first === undefined) throw new Error('no answer was seen');
    const old = await opened('answer', lineAs('receiver', identity.keys.seal, first), first);
    answerWith(identity.keys.seal, () => Promise.resolve(old));
    receiversEnd()?.lane.close();
    await scene.crypto.quiet();
    await scene.pass(500);
    await scene.crypto.quiet();
    expect(receiving.view.state).toMatchObject({ at: 'failed', code: 'not-authentic' });
    expect(scene.network.met).toHaveLength(1);
  });

  it('[C4] after that the receiver does not call again by itself', async () => {
    const [identity, own] = [await makeIdentity(scene.world), await makeIdentity(scene.world)];
    answerWith(identity.keys.seal, async (offer, message) =>
      signedAnswer(await ownDescription(offer.sdp), own, offer, message),
    );
    await call(identity);
    const offers = () => scene.server.seen.filter(({ type }) => type === 'OFFER').length;
    const before = offers();
    await scene.pass(10 * ATTEMPT_MS);
    expect(offers()).toBe(before);
  });
});

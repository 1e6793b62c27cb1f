/** Starts senders' sessions, and goes on with those of earlier pages. Loaded when files have been chosen. */
import { BeelineError } from './core/errors.ts';
import { deriveShareKeys, secretOf } from './core/link.ts';
import { makeManifest } from './core/manifest.ts';
import { matchEntries } from './core/match.ts';
import type { KeptShare } from './core/ports.ts';
// Loaded with the share: neither a read nor an answer must wait for the network.
import './disk/file-reading.ts';
import './net/lane.ts';
import { areReadable, asHandles, filesOf } from './disk/handles.ts';
import { hold } from './disk/transfers.ts';
import type { Offer } from './flow/delivery.ts';
import { makeIdentity, type ShareIdentity } from './flow/identity.ts';
import { randomId } from './flow/random-id.ts';
import { MatchedSource } from './flow/matched-source.ts';
import type { Picked, ReturningShare, SharedAgain } from './flow/services.ts';
import { Sharing } from './flow/sharing.ts';
import type { SharingSession } from './flow/views.ts';
import { home } from './home.ts';
import { prepareWebRtc, told, world } from './world.ts';

/** @throws BeelineError `unsupported` where WebRTC is missing or switched off. */
export async function share({ entries, source, handles }: Picked): Promise<SharingSession> {
  prepareWebRtc();
  const manifest = makeManifest(randomId(world), entries);
  const identity = await makeIdentity(world);
  const { privateKey, publicKey, token, keys } = identity;
  await world.archive.keepShare({ id: keys.roomId, privateKey, publicKey, token, manifest, handles });
  return open(identity, { manifest, source });
}

/** A share of an earlier page; null when it is not kept. */
export async function returningShare(id: string): Promise<ReturningShare | null> {
  const kept = await world.archive.share(id);
  if (kept === null) return null;
  const handles = asHandles(kept.handles);
  const readable = handles !== null && (await areReadable(handles));
  return { id, manifest: kept.manifest, hasHandles: handles !== null, readable };
}

/**
 * Shares it again, under the same link.
 *
 * @param picked the files, chosen again; null to take them through the kept handles, which needs a click.
 * @param partly goes on although some files are missing.
 * @throws BeelineError `gone`, `permission-denied`, `open-elsewhere` or `unsupported`.
 */
export async function shareAgain(id: string, picked: Picked | null, partly: boolean): Promise<SharedAgain> {
  prepareWebRtc();
  const kept = await world.archive.share(id);
  if (kept === null) throw new BeelineError('gone', 'the share is not kept');
  const again = picked ?? (await readAgain(kept));
  const { found, missing } = matchEntries(kept.manifest.entries, again.entries);
  if (missing.length > 0 && !partly) return { missing };
  const source = new MatchedSource(again.source, found);
  return { session: await open(await identityOf(kept), { manifest: kept.manifest, source }) };
}

/** In one tab at a time: two under one id would take the server's line from each other. */
async function open(identity: ShareIdentity, offer: Offer): Promise<SharingSession> {
  const letGo = await hold(identity.keys.roomId);
  return told(new Sharing(world, identity, offer, home.href, letGo));
}

async function readAgain({ handles, manifest }: KeptShare): Promise<Picked> {
  const known = asHandles(handles);
  if (known === null) throw new BeelineError('gone', 'no handles');
  return filesOf(known, manifest.entries);
}

async function identityOf({ privateKey, publicKey, token }: KeptShare): Promise<ShareIdentity> {
  const keys = await deriveShareKeys(world.subtle, await secretOf(world.subtle, publicKey));
  return { keys, privateKey, publicKey, token };
}

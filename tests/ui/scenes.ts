/** Every screen in every state worth looking at: services for it, and whether it begins with files or with a link. */
import type { Findings } from '../../src/core/check.ts';
import type { FailedAttempt } from '../../src/core/diagnosis.ts';
import type { ErrorCode } from '../../src/core/errors.ts';
import type { Entry } from '../../src/core/manifest.ts';
import type { ReceiverState } from '../../src/core/receiver.ts';
import type { TransferNote } from '../../src/core/ports.ts';
import type { Services, Transfers } from '../../src/flow/services.ts';
import type { ReceivingView, SharingView } from '../../src/flow/views.ts';
import {
  acceptanceOf,
  deliveryOf,
  ENTRIES,
  LAN,
  manifestOf,
  manyEntries,
  pauseBy,
  progressOf,
  receivingOf,
  RELAY,
  servicesOf,
  sharingOf,
} from '../doubles/services.ts';

export interface Scene {
  readonly begins: 'home' | 'files' | 'link' | 'check';
  readonly services: () => Services;
  /** What the check page finds. */
  readonly findings?: Findings;
}

const ALL_GOOD: Findings = {
  online: true,
  webrtc: true,
  signalingMs: 43,
  address: 'found',
  stun: [
    { url: 'stun:stun1.example', answered: true },
    { url: 'stun:stun2.example', answered: true },
  ],
  onlyIpv6: false,
  nat: 'same',
  relays: [
    { url: 'turn:relay.example:3478?transport=udp', rttMs: 31, failure: null },
    { url: 'turn:relay.example:3478?transport=tcp', rttMs: 38, failure: null },
    { url: 'turns:relay.example:443?transport=tcp', rttMs: null, failure: 'relay-unreachable' },
  ],
  room: { kind: 'opfs', freeBytes: 48_000_000_000 },
  camera: 'there',
  serviceWorker: true,
};
const NO_SERVERS: Findings = { ...ALL_GOOD, stun: [], nat: 'unknown', relays: [], camera: 'none' };
const UDP_BLOCKED: Findings = {
  ...ALL_GOOD,
  stun: [{ url: 'stun:stun1.example', answered: false }],
  nat: 'unknown',
  relays: [],
};
const checked = (findings: Findings): Scene => ({ begins: 'check', services: () => servicesOf(), findings });

/** A relay that refuses, as Chromium tells it. */
const REFUSED: FailedAttempt = {
  code: 'relay-refused',
  trace: {
    online: true,
    gathered: [
      'candidate:1 1 udp 2113937151 8925421f-f20f-4604-87b4-81d36c239c5e.local 40458 typ host',
      'candidate:2 1 udp 1677729535 203.0.113.7 40458 typ srflx raddr 0.0.0.0 rport 0',
    ],
    heard: ['candidate:1 1 udp 2113937151 1925421f-f20f-4604-87b4-81d36c239c5e.local 40458 typ host'],
    errors: [{ url: 'turn:relay.example:3478?transport=udp', code: 401, text: 'Unauthorized.' }],
    steps: [
      { of: 'gathering', state: 'gathering', atMs: 4 },
      { of: 'gathering', state: 'complete', atMs: 356 },
      { of: 'ice', state: 'checking', atMs: 402 },
      { of: 'ice', state: 'failed', atMs: 15_420 },
    ],
  },
  answered: true,
  forMs: 15_460,
  iceServers: [{ urls: ['stun:stun1.example', 'turn:relay.example:3478?transport=udp'] }],
};

const HOSTILE: readonly Entry[] = [
  '../../../etc/passwd',
  'C:\\Windows\\System32\\CON',
  'invoice\u202Efdp.exe',
  'Report (final).pdf',
  'report (FINAL).pdf',
].map((path, index) => ({ path, size: 700_000_000 * (index + 1), mtime: 0, type: '' }));

const TRANSFERS: Transfers = {
  usedBytes: 6_400_000_000,
  notes: [
    ['a', 'receiving', 'Ferien 2026', 420, 12_000_000_000, 6_000_000_000, 'unfinished'],
    [
      'b',
      'sending',
      'Weihnachtskonzert der Musikschule, alle Stimmen (endgültige Fassung).zip',
      1,
      900_000_000,
      0,
      'unfinished',
    ],
    ['c', 'receiving', 'report.pdf', 1, 1_200_000, 1_200_000, 'finished'],
    ['d', 'receiving', 'صور العائلة.zip', 2, 80_000_000, 10_000_000, 'cancelled'],
  ].map(([id, role, name, files, totalBytes, verifiedBytes, state], at) => ({
    ...({ id, role, name, files, totalBytes, verifiedBytes, state } as TransferNote),
    updatedAt: Date.UTC(2026, 10, 20 - at, 9, 30),
  })),
};

const RUNNING = { byMe: false, byPeer: false };
const SOME = ENTRIES.slice(0, 5);

const home = (change: Partial<Services> = {}): Scene => ({ begins: 'home', services: () => servicesOf(change) });
/** A share of an earlier page; where its handles are known, some files are no longer what they were. */
const returning = (hasHandles: boolean, missing: readonly number[] = []): Scene =>
  home({
    transfers: () => Promise.resolve(TRANSFERS),
    returningShare: (id) => Promise.resolve({ id, manifest: manifestOf(ENTRIES), hasHandles, readable: hasHandles }),
    shareAgain: () => Promise.resolve({ missing }),
  });
const sharing = (change: () => Partial<SharingView>): Scene => ({
  begins: 'files',
  services: () => servicesOf({ sharing: sharingOf(change()) }),
});
const receiving = (
  state: () => ReceiverState,
  change: () => Partial<ReceivingView> = () => ({}),
  services: Partial<Services> = {},
): Scene => ({
  begins: 'link',
  services: () => servicesOf({ receiving: receivingOf(state(), change()), ...services }),
});
const finished = (entries: readonly Entry[], change: () => Partial<ReceivingView>): Scene =>
  receiving(() => ({ at: 'finished', confirmed: true, attempt: 0, ...acceptanceOf(entries) }), change);
const done = (entries: readonly Entry[], failures = new Map<number, ErrorCode>()): Partial<ReceivingView> => ({
  progress: progressOf(entries, { fraction: 1, failures }),
});

const threeReceivers = (): Partial<SharingView> => ({
  admission: 'ask',
  deliveries: [
    deliveryOf(
      '1',
      'Chrome on Android',
      { at: 'transferring', pause: RUNNING },
      {
        progress: progressOf(ENTRIES, { fraction: 0.42, speed: 11_400_000 }),
        path: LAN,
      },
    ),
    deliveryOf(
      '2',
      'Firefox on the very old laptop with a really long name that somebody once gave it at a conference',
      {
        at: 'asking',
      },
    ),
    deliveryOf('3', 'متصفح سفاري على آيفون', { at: 'finished' }, { progress: progressOf(ENTRIES, { fraction: 1 }) }),
    deliveryOf('4', 'Edge on Windows', { at: 'failed', code: 'connect-failed' }),
    deliveryOf(
      '5',
      'Safari on macOS',
      { at: 'transferring', pause: pauseBy('peer') },
      {
        progress: progressOf(ENTRIES, { fraction: 0.08, speed: 900_000 }),
        path: RELAY,
      },
    ),
  ],
});

export const SCENES: Readonly<Record<string, Scene>> = {
  home: home(),
  'home-offline': home(),
  'not-secure': home({ secure: false }),
  'home-update': home({ watchUpdate: (onready) => onready(() => undefined) }),
  'home-drop': home(),
  'home-empty-choice': home({
    pickFiles: () => ({
      entries: [],
      source: { read: () => Promise.reject(new Error()) },
      handles: null,
      unreadable: [],
    }),
  }),
  'home-transfers': home({ transfers: () => Promise.resolve(TRANSFERS) }),
  returning: returning(false),
  'returning-missing': returning(true, [2, 3]),
  'sharing-empty': sharing(() => ({})),
  'sharing-offline': sharing(() => ({ signaling: 'offline' })),
  'sharing-three': sharing(threeReceivers),
  'sharing-files': sharing(() => ({
    deliveries: [
      deliveryOf(
        '1',
        'Chrome on Android',
        { at: 'transferring', pause: RUNNING },
        { progress: progressOf(ENTRIES, { fraction: 0.42, cancelled: new Map([[3, 'me']]) }), path: LAN },
      ),
    ],
  })),
  'sharing-10000': sharing(() => ({ entries: manyEntries(10_000) })),
  'sharing-stop': sharing(threeReceivers),
  connecting: receiving(() => ({ at: 'connecting', attempt: 0, reason: null })),
  'connecting-failed': receiving(() => ({ at: 'connecting', attempt: 3, reason: 'connect-timeout' })),
  'connecting-details': receiving(
    () => ({ at: 'connecting', attempt: 3, reason: 'relay-refused' }),
    () => ({ lastFailed: REFUSED }),
  ),
  'check-good': checked(ALL_GOOD),
  'check-no-servers': checked(NO_SERVERS),
  'check-udp-blocked': checked(UDP_BLOCKED),
  waiting: receiving(() => ({ at: 'connecting', attempt: 2, reason: 'sender-away' })),
  asked: receiving(() => ({ at: 'greeting', asked: true })),
  offered: receiving(() => ({ at: 'offered', manifest: manifestOf(ENTRIES), problem: null })),
  'offered-unsafe': receiving(
    () => ({ at: 'offered', manifest: manifestOf(HOSTILE), problem: null }),
    () => ({
      room: { kind: 'opfs', freeBytes: 2_100_000_000 },
    }),
  ),
  'offered-10000': receiving(
    () => ({ at: 'offered', manifest: manifestOf(manyEntries(10_000)), problem: null }),
    () => ({}),
    {
      canChoosePlace: false,
    },
  ),
  transferring: receiving(
    () => ({ at: 'transferring', pause: RUNNING, seeking: null, ...acceptanceOf(ENTRIES) }),
    () => ({
      progress: progressOf(ENTRIES, { fraction: 0.37, speed: 11_400_000 }),
    }),
  ),
  'transferring-some': receiving(
    () => ({ at: 'transferring', pause: RUNNING, seeking: null, ...acceptanceOf(ENTRIES) }),
    () => ({
      progress: progressOf(ENTRIES, {
        fraction: 0.37,
        speed: 11_400_000,
        cancelled: new Map([
          [3, 'me'],
          [5, 'peer'],
        ]),
        paused: [4],
      }),
    }),
  ),
  'transferring-10000': receiving(
    () => ({ at: 'transferring', pause: RUNNING, seeking: null, ...acceptanceOf(manyEntries(10_000)) }),
    () => ({ progress: progressOf(manyEntries(10_000), { fraction: 0.0003, speed: 11_400_000 }) }),
  ),
  'transferring-cancel': receiving(
    () => ({ at: 'transferring', pause: RUNNING, seeking: null, ...acceptanceOf(ENTRIES) }),
    () => ({ progress: progressOf(ENTRIES, { fraction: 0.37, speed: 11_400_000 }) }),
  ),
  'paused-by-peer': receiving(
    () => ({ at: 'transferring', pause: pauseBy('peer'), seeking: null, ...acceptanceOf(ENTRIES) }),
    () => ({
      progress: progressOf(ENTRIES, { fraction: 0.37, speed: 11_400_000 }),
    }),
  ),
  reconnecting: receiving(
    () => ({ at: 'reconnecting', attempt: 1, reason: 'connection-lost', pause: RUNNING, ...acceptanceOf(ENTRIES) }),
    () => ({ progress: progressOf(ENTRIES, { fraction: 0.37 }) }),
  ),
  checking: receiving(
    () => ({ at: 'checking', ...acceptanceOf(ENTRIES) }),
    () => ({ progress: progressOf(ENTRIES, { fraction: 0.2 }), checkedBytes: 900_000_000 }),
  ),
  'paused-no-room': receiving(
    () => ({
      at: 'transferring',
      pause: { byMe: true, byPeer: false, reason: 'no-room' },
      seeking: null,
      ...acceptanceOf(ENTRIES),
    }),
    () => ({ progress: progressOf(ENTRIES, { fraction: 0.37 }) }),
  ),
  leave: receiving(
    () => ({ at: 'transferring', pause: RUNNING, seeking: null, ...acceptanceOf(ENTRIES) }),
    () => ({
      progress: progressOf(ENTRIES, { fraction: 0.37, speed: 11_400_000 }),
    }),
  ),
  'finished-single': finished(ENTRIES.slice(2, 3), () => done(ENTRIES.slice(2, 3))),
  'finished-many': finished(SOME, () => done(SOME)),
  'finished-in-place': finished(SOME, () => ({ ...done(SOME), sink: { kind: 'folder', inPlace: true } })),
  'finished-some-failed': finished(ENTRIES, () =>
    done(
      ENTRIES,
      new Map<number, ErrorCode>([
        [1, 'source-changed'],
        [5, 'source-gone'],
      ]),
    ),
  ),
  'finished-some-cancelled': finished(ENTRIES, () => ({
    progress: progressOf(ENTRIES, { fraction: 1, cancelled: new Map([[2, 'me']]) }),
  })),
  'finished-save-failed': finished(SOME, () => ({ ...done(SOME), saving: 'no-room' })),
  cancelled: receiving(() => ({ at: 'cancelled', by: 'peer', kept: true })),
  failed: receiving(() => ({ at: 'failed', code: 'connect-failed', kept: null })),
  declined: receiving(() => ({ at: 'failed', code: 'sender-declined', kept: null })),
  incomplete: { begins: 'link', services: () => servicesOf() },
};

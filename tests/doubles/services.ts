/** Services whose sessions show a fixed view: for looking at screens, and for tests of what the screens ask for. */
import { BeelineError, type ErrorCode } from '../../src/core/errors.ts';
import type { Cancelled } from '../../src/core/ledger.ts';
import { makeManifest, planEntries, type Entry, type Manifest, type PlannedEntry } from '../../src/core/manifest.ts';
import type { PathInfo } from '../../src/core/ports.ts';
import type { Pause, ReceiverState } from '../../src/core/receiver.ts';
import type { Admission, SenderState } from '../../src/core/sender.ts';
import type { Picked, Services } from '../../src/flow/services.ts';
import type {
  DeliveryView,
  EntryCommand,
  EntryStatus,
  Progress,
  ReceivingSession,
  ReceivingView,
  SharingSession,
  SharingView,
  Watchable,
} from '../../src/flow/views.ts';

export const FRAGMENT = 'q83vEjRWeJq83vEjRWeJqA';
const FINGERPRINT = '48213 90177 55402 31866';
const LINK = `https://beeline.example/#${FRAGMENT}`;

/** A view that a test replaces by hand. */
export class Shown<View> implements Watchable<View> {
  readonly #watchers = new Set<(view: View) => void>();

  constructor(public view: View) {}

  watch(onchange: (view: View) => void): () => void {
    this.#watchers.add(onchange);
    return () => this.#watchers.delete(onchange);
  }

  show(change: Partial<View>): void {
    this.view = { ...this.view, ...change };
    for (const tell of this.#watchers) tell(this.view);
  }
}

/** What a session was asked to do, in order. */
export type Asked = readonly [what: string, ...details: unknown[]];

export class ShownSharing extends Shown<SharingView> implements SharingSession {
  readonly asked: Asked[] = [];
  setAdmission(admission: Admission): void {
    this.asked.push(['setAdmission', admission]);
    this.show({ admission });
  }
  allow(delivery: string): void {
    this.asked.push(['allow', delivery]);
  }
  decline(delivery: string): void {
    this.asked.push(['decline', delivery]);
  }
  pause(delivery: string): void {
    this.asked.push(['pause', delivery]);
  }
  resume(delivery: string): void {
    this.asked.push(['resume', delivery]);
  }
  cancel(delivery: string): void {
    this.asked.push(['cancel', delivery]);
  }
  cancelEntry(delivery: string, entry: number): void {
    this.asked.push(['cancelEntry', delivery, entry]);
  }
  leave(): void {
    this.asked.push(['leave']);
  }
  close(): void {
    this.asked.push(['close']);
  }
}

export class ShownReceiving extends Shown<ReceivingView> implements ReceivingSession {
  readonly asked: Asked[] = [];
  accept(entries: readonly number[], place: unknown): void {
    this.asked.push(['accept', entries, place]);
  }
  decline(): void {
    this.asked.push(['decline']);
  }
  pause(): void {
    this.asked.push(['pause']);
  }
  resume(): void {
    this.asked.push(['resume']);
  }
  cancel(): void {
    this.asked.push(['cancel']);
  }
  command(entry: number, command: EntryCommand): void {
    this.asked.push(['command', entry, command]);
  }
  retry(): void {
    this.asked.push(['retry']);
  }
  save(as: 'files' | 'zip'): Promise<void> {
    this.asked.push(['save', as]);
    this.show({ saving: 'done' });
    return Promise.resolve();
  }
  close(): void {
    this.asked.push(['close']);
  }
}

export const ENTRIES: readonly Entry[] = [
  ['Holiday in the Dolomites/Day 1/IMG_20260711_064512.jpg', 4_812_331],
  ['Holiday in the Dolomites/Day 1/IMG_20260711_071204.jpg', 5_204_118],
  [
    'Holiday in the Dolomites/Day 2/Sunrise above the Sella group, seen from the hut (final cut, colour graded).mov',
    1_840_221_904,
  ],
  ['Holiday in the Dolomites/مسار الرحلة الكامل.pdf', 812_004],
  ['Holiday in the Dolomites/旅行の計画と宿泊先の一覧表、最新版をご確認ください.xlsx', 48_220],
  ['notes.txt', 812],
  ['empty.log', 0],
].map(([path, size]) => ({ path: String(path), size: Number(size), mtime: 1_783_000_000_000, type: '' }));

/** As many photos as asked for, in folders of a hundred. */
export function manyEntries(count: number): Entry[] {
  return Array.from({ length: count }, (_, index) => ({
    path: `Archive/${String(Math.floor(index / 100)).padStart(3, '0')}/scan-${String(index).padStart(5, '0')}.tif`,
    size: 4096 + ((index * 7919) % 900_000),
    mtime: 1_783_000_000_000,
    type: 'image/tiff',
  }));
}

export const LAN: PathInfo = { kind: 'lan', relayProtocol: null, rttMs: 1.4 };
export const RELAY: PathInfo = { kind: 'relay', relayProtocol: 'tcp', rttMs: 84 };

export function manifestOf(entries: readonly Entry[]): Manifest {
  return makeManifest('00112233445566778899aabbccddeeff', entries);
}

/** Progress with the first entries verified and the next one moving. */
export function progressOf(
  entries: readonly Entry[],
  {
    fraction = 0,
    failures = new Map() as ReadonlyMap<number, ErrorCode>,
    cancelled = new Map() as Cancelled,
    paused = [] as readonly number[],
    speed = null as number | null,
  } = {},
): Progress {
  const totalBytes = entries.reduce((sum, { size }, entry) => sum + (cancelled.has(entry) ? 0 : size), 0);
  const verifiedBytes = Math.floor(totalBytes * fraction);
  const starts: number[] = [];
  entries.reduce((at, { size }, index) => ((starts[index] = at), at + size), 0);
  const inside = (entry: number): number =>
    Math.max(0, Math.min(entries[entry]?.size ?? 0, verifiedBytes - (starts[entry] ?? 0)));
  const status = (entry: number): EntryStatus => {
    if (failures.has(entry)) return 'failed';
    if (cancelled.has(entry)) return 'skipped';
    if (paused.includes(entry)) return 'paused';
    if (fraction === 1) return 'verified';
    const has = inside(entry);
    return has === (entries[entry]?.size ?? 0) && has > 0 ? 'verified' : has > 0 ? 'moving' : 'waiting';
  };
  return {
    verifiedBytes,
    totalBytes,
    verifiedEntries: entries.filter((_, entry) => status(entry) === 'verified').length,
    failedEntries: failures.size,
    cancelledEntries: cancelled.size,
    pausedEntries: paused.length,
    totalEntries: entries.length - cancelled.size,
    bytesPerSecond: speed,
    secondsLeft: speed === null ? null : (totalBytes - verifiedBytes) / speed,
    entries: {
      status,
      verifiedBytes: inside,
      failure: (entry) => failures.get(entry) ?? null,
      cancelledBy: (entry) => cancelled.get(entry) ?? null,
    },
  };
}

export function deliveryOf(
  id: string,
  device: string,
  state: SenderState,
  more: Partial<DeliveryView> = {},
): DeliveryView {
  return { id, device, state, progress: null, path: null, lanes: 1, silent: false, ...more };
}

export function sharingOf(change: Partial<SharingView> = {}): ShownSharing {
  const entries = change.entries ?? ENTRIES;
  return new ShownSharing({
    id: 'a share',
    link: LINK,
    fingerprint: FINGERPRINT,
    entries,
    totalBytes: entries.reduce((sum, { size }) => sum + size, 0),
    signaling: 'open',
    admission: 'anyone',
    deliveries: [],
    ...change,
  });
}

export function receivingOf(state: ReceiverState, change: Partial<ReceivingView> = {}): ShownReceiving {
  const planned: readonly PlannedEntry[] | null = 'manifest' in state ? planEntries(state.manifest.entries) : null;
  return new ShownReceiving({
    state,
    fingerprint: FINGERPRINT,
    device: 'Chrome on Linux',
    signaling: 'open',
    entries: planned,
    room: { kind: 'opfs', freeBytes: 48_000_000_000 },
    sink: 'accepted' in state ? { kind: 'opfs', inPlace: false } : null,
    progress: null,
    checkedBytes: null,
    lastFailed: null,
    path: LAN,
    lanes: 1,
    saving: 'no',
    ...change,
  });
}

/** Every entry of a share accepted. */
export function acceptanceOf(entries: readonly Entry[]): { manifest: Manifest; accepted: readonly number[] } {
  return { manifest: manifestOf(entries), accepted: entries.map((_, index) => index) };
}

export const pauseBy = (who: 'me' | 'peer'): Pause => ({ byMe: who === 'me', byPeer: who === 'peer' });

/** A fake of everything the screens can ask for; sessions are those given, in turn fixed. */
export function servicesOf(
  change: Partial<Services> & { sharing?: SharingSession; receiving?: ReceivingSession } = {},
): Services {
  const { sharing = sharingOf(), receiving, ...services } = change;
  const picked = (count: number): Picked => ({
    entries: ENTRIES.slice(0, Math.min(count, ENTRIES.length)),
    source: { read: () => Promise.reject(new BeelineError('source-gone')) },
    handles: null,
    unreadable: [],
  });
  return {
    share: () => Promise.resolve(sharing),
    receive: () =>
      receiving === undefined ? Promise.reject(new BeelineError('link-incomplete')) : Promise.resolve(receiving),
    returningShare: () => Promise.resolve(null),
    shareAgain: () => Promise.resolve({ session: sharing }),
    transfers: () => Promise.resolve({ notes: [], usedBytes: null }),
    stored: () => Promise.resolve(receiving ?? null),
    linkOf: () => Promise.resolve(FRAGMENT),
    forget: () => Promise.resolve(),
    pickFiles: (files) => picked([...files].length),
    pickDrop: () => Promise.resolve(picked(ENTRIES.length)),
    canChooseFiles: false,
    chooseFiles: () => Promise.resolve(null),
    canChoosePlace: true,
    choosePlace: () => Promise.resolve({ name: 'Photos' }),
    secure: true,
    watchUpdate: () => undefined,
    ...services,
  };
}

import { toHex } from '../../src/core/bytes.ts';
import { CREDIT_BYTES } from '../../src/core/limits.ts';
import { makeManifest, type Manifest } from '../../src/core/manifest.ts';
import type { Nudge, Random, Source } from '../../src/core/ports.ts';
import { makeIdentity, type ShareIdentity } from '../../src/flow/identity.ts';
import { Receiving } from '../../src/flow/receiving.ts';
import { Sharing } from '../../src/flow/sharing.ts';
import type { World } from '../../src/flow/world.ts';
import { realRandom } from '../doubles/clock.ts';
import { seededBytes, seededNumbers } from '../doubles/random.ts';
import { MemorySource } from '../doubles/source.ts';
import { Disk } from './disk.ts';
import { Network } from './network.ts';
import { acceptedBytes, type Fault, type Hit, type Schedule, type Side, SIDES } from './schedule.ts';
import { Server } from './server.ts';
import { promptSubtle } from './subtle.ts';
import { Page, Timeline } from './timeline.ts';

/** Milliseconds in which what a page sent in its last moment still leaves the machine. */
const LAST_WORDS_MS = 50;

/** Random bytes that every share is cut from: making new ones would cost more than sending them. */
const CONTENT = seededBytes(24 * 1024 * 1024, 1);

/** One sender for all schedules: making a key costs more than a small transfer. */
let identity: Promise<ShareIdentity> | null = null;
function oneIdentity(): Promise<ShareIdentity> {
  identity ??= makeIdentity({ random: realRandom, subtle: promptSubtle });
  return identity;
}

export interface SceneHandlers {
  readonly oncarried: (bytes: number) => void;
  readonly onwritten: (entry: number, offset: number, bytes: Uint8Array) => void;
  /** A rule was broken. */
  readonly onwrong: (what: string) => void;
}

export async function openScene(schedule: Schedule, handlers: SceneHandlers): Promise<Scene> {
  return new Scene(schedule, await oneIdentity(), handlers);
}

/** A sender and a receiver, everything that stands between and beside them, and what may go wrong with it. */
export class Scene {
  readonly timeline = new Timeline();
  readonly source: MemorySource;
  readonly disk: Disk;
  readonly #manifest: Manifest;
  readonly #random: Random;
  readonly #server: Server;
  readonly #network: Network;
  readonly #readMs: number;
  readonly #nudges = new Map<Page, Set<() => void>>();
  readonly #pages: Record<Side, Page> = { sender: new Page(this.timeline), receiver: new Page(this.timeline) };
  /** Null while its page is gone or loads. */
  sharing: Sharing | null = null;
  receiving: Receiving | null = null;

  constructor(
    schedule: Schedule,
    private readonly identity: ShareIdentity,
    { oncarried, onwritten, onwrong }: SceneHandlers,
  ) {
    const { timeline } = this;
    this.#random = seededRandom(schedule.seed);
    const fraction = () => this.#random.fraction();
    const upTo = (most: number) => 1 + Math.floor(fraction() * most);
    this.source = new MemorySource(
      schedule.sizes.map((size, entry) => CONTENT.subarray(entry * 1021, entry * 1021 + size)),
    );
    this.#manifest = makeManifest(toHex(this.#random.bytes(16)), this.source.entries());
    this.#readMs = upTo(5);
    // A slow disk fills the credit window, and is at work when a page crashes.
    const isLarge = acceptedBytes(schedule) > CREDIT_BYTES;
    const writeMs = upTo(isLarge ? 2_000 : fraction() < 0.3 ? 400 : 20);
    this.disk = new Disk({ timeline, writeMs, link: this.link, fraction, onwritten, onwrong });
    this.#server = new Server(timeline, fraction);
    this.#network = new Network(this.#random, {
      timeline,
      latencyMs: upTo(40),
      kind: fraction() < 0.5 ? 'lan' : 'direct',
      bytesPerMs: 1_000 * upTo(20),
      oncarried,
    });
  }

  /** The share's id at the signaling server. */
  get link(): string {
    return this.identity.keys.roomId;
  }

  /** Lanes that stand. */
  get lanes(): number {
    return this.#network.links.length;
  }

  /** Timers that pages which are still here have set. */
  get timers(): number {
    return SIDES.reduce((total, side) => total + this.#pages[side].timers, 0);
  }

  isAlive(side: Side): boolean {
    return this.#pages[side].isAlive;
  }

  openShare(): void {
    const page = (this.#pages.sender = new Page(this.timeline));
    const offer = { manifest: this.#manifest, source: this.#sourceFor(page) };
    this.sharing = new Sharing(this.#worldOf(page), this.identity, offer, 'https://test.example/');
  }

  /** Opens the link in a new page, which goes on with what an earlier one kept. */
  async openLink(): Promise<void> {
    const page = (this.#pages.receiver = new Page(this.timeline));
    const world = this.#worldOf(page);
    const receipt = await world.archive.receipt(this.link);
    this.receiving = new Receiving(world, this.identity.keys, receipt);
  }

  /** Leaves the receiver's page as somebody does who follows another link. */
  leaveLink(): void {
    this.receiving?.close();
    this.receiving = null;
    this.#pages.receiver.die();
  }

  /** Leaves both pages. */
  close(): void {
    this.receiving?.close();
    this.sharing?.close();
  }

  /** Makes something go wrong that nobody pressed a button for. */
  strike(fault: Fault): void {
    switch (fault.kind) {
      case 'drop':
      case 'duplicate':
      case 'delay':
      case 'corrupt':
      case 'truncate':
        this.#network.waiting.push(fault);
        return;
      case 'close':
        for (const link of this.#network.links) link.break();
        return;
      case 'silence':
        for (const link of this.#network.links) link.fallSilent(fault.alive);
        return;
      case 'page-dies':
        for (const side of sidesOf(fault.hit)) this.#die(side, fault.bye, fault.ms);
        return;
      case 'signaling-down':
        this.#server.downFor(fault.ms);
        return;
      case 'freeze':
        for (const side of sidesOf(fault.hit)) this.#freeze(this.#pages[side], fault.ms);
        return;
      case 'disk-fails':
        this.disk.failures += 1;
        return;
      case 'disk-full':
        this.disk.fullFor(fault.ms);
        return;
      case 'source-changed':
        this.source.faults.set(fault.entry, 'source-changed');
        return;
      case 'clock-jump':
        for (const side of sidesOf(fault.hit)) this.#pages[side].jump(fault.byMs);
        return;
      case 'pause':
      case 'cancel':
        throw new Error('people do that');
      case 'browser-dies':
        throw new Error('only a real browser has a process');
    }
  }

  #die(side: Side, bye: boolean, ms: number): void {
    const page = this.#pages[side];
    if (page.isDead) return;
    const session = side === 'sender' ? this.sharing : this.receiving;
    if (bye && page.isAlive) session?.sayBye();
    page.die();
    this.disk.crashed(page);
    const links = this.#network.linksOf(page);
    this.timeline.after(LAST_WORDS_MS, () => {
      for (const link of links) link.fallSilent();
    });
    if (side === 'sender') this.sharing = null;
    else this.receiving = null;
    this.timeline.after(ms, () => {
      if (side === 'sender') this.openShare();
      else void this.openLink();
    });
  }

  #freeze(page: Page, ms: number): void {
    page.freezeFor(ms);
    for (const link of this.#network.linksOf(page)) link.stall(page);
    // Who wakes a machine looks at the page.
    this.timeline.after(ms, () => {
      for (const run of this.#nudges.get(page) ?? []) page.task(run);
    });
  }

  #nudgeOf(page: Page): Nudge {
    const runs = new Set<() => void>();
    this.#nudges.set(page, runs);
    return (run) => {
      runs.add(run);
      return () => runs.delete(run);
    };
  }

  #sourceFor(page: Page): Source {
    return {
      read: async (...part) => {
        await page.sleep(this.#readMs);
        return this.source.read(...part);
      },
    };
  }

  #worldOf(page: Page): World {
    return {
      clock: page.clock,
      nudge: this.#nudgeOf(page),
      random: this.#random,
      subtle: promptSubtle,
      lanes: this.#network.for(page),
      signaling: this.#server.for(page),
      sinks: this.disk.for(page),
      archive: this.disk.archiveFor(page),
      device: 'Test on Node',
    };
  }
}

export function sidesOf(hit: Hit): readonly Side[] {
  return hit === 'both' ? SIDES : [hit];
}

function seededRandom(seed: number): Random {
  const next = seededNumbers(Math.imul(seed, 0x9e3779b1));
  return { fraction: () => next() / 2 ** 32, bytes: (length) => Uint8Array.from({ length }, () => next() & 0xff) };
}

import { toRuns } from '../core/have.ts';
import { type Cancelled, type EntryCommand, Ledger } from '../core/ledger.ts';
import { type PlannedEntry, planEntries } from '../core/manifest.ts';
import { type ControlMessage, runMessages } from '../core/messages.ts';
import { topOf } from '../core/paths.ts';
import type { Sink, SinkPlan } from '../core/ports.ts';
import type { Acceptance } from '../core/receiver.ts';
import { PieceReceiver, type ReceiveHandlers } from './receive.ts';
import type { World } from './world.ts';

/** The accepted entries with the names they get: what a sink is opened for. */
export function planOf(
  { manifest, accepted }: Acceptance,
  entries: readonly PlannedEntry[] = planEntries(manifest.entries),
): SinkPlan {
  const chosen = new Set(accepted);
  return { shareId: manifest.shareId, entries: entries.filter(({ index }) => chosen.has(index)) };
}

/** What accepting has opened: it lasts over any number of lanes. */
export class Intake {
  readonly ledger: Ledger;
  readonly pieces: PieceReceiver;

  constructor(
    world: Pick<World, 'subtle' | 'clock'>,
    { manifest, accepted, cancelled }: Acceptance & { readonly cancelled?: Cancelled },
    private readonly plan: SinkPlan,
    readonly sink: Sink,
    private readonly handlers: ReceiveHandlers,
  ) {
    this.ledger = new Ledger(manifest, accepted, cancelled);
    this.pieces = new PieceReceiver({ ...world, ...handlers, ledger: this.ledger, sink });
  }

  /** What a person would call it. */
  get name(): string {
    return topOf(this.plan.entries[0]?.path ?? '');
  }

  /** Marks what an earlier page has left and is still intact. @param onstep bytes looked at. */
  async recall(onstep: (bytes: number) => void): Promise<void> {
    const { ledger, sink } = this;
    for await (const { bytes, intact } of sink.recall()) {
      for (const { entry, offset } of intact) ledger.mark(ledger.table.pieceAt(entry, offset));
      onstep(bytes);
    }
  }

  /** Asks over a new lane for all that is missing. */
  *requests(): Generator<ControlMessage, void, undefined> {
    const { ledger } = this;
    const accepted = toRuns(
      ledger.accepted.filter((entry) => ledger.failure(entry) === null && !ledger.cancelled.has(entry)),
    );
    yield* runMessages(accepted, (entries, more) => ({ t: 'accept', entries, more }) as const);
    for (const entry of ledger.paused) yield { t: 'entry-pause', entry };
    yield* runMessages(ledger.missing(), (runs, more) => ({ t: 'want', runs, more }) as const);
  }

  /**
   * Holds back one entry, goes on with it, or gives it up, and tells the sender. One that lacks nothing stays. Rejects when
   * the disk does not drop it.
   */
  async command(entry: number, command: EntryCommand, by: 'me' | 'peer'): Promise<void> {
    if (!this.ledger[command](entry, by)) return;
    this.handlers.send({ t: `entry-${command}`, entry });
    this.handlers.onprogress();
    if (command === 'cancel') await this.pieces.drop(entry);
  }

  /** Hands what is verified to the person. */
  save(as: 'files' | 'zip'): Promise<void> {
    const { ledger, sink } = this;
    return sink.save(
      ledger.accepted.filter((entry) => ledger.status(entry) === 'verified'),
      as,
    );
  }

  /** Ends the work. With `keep`, a later page finds what is in the sink. */
  async release(keep: boolean): Promise<void> {
    this.pieces.stop();
    await (keep ? this.sink.close() : this.sink.discard());
  }
}

import { asBeelineError, BeelineError } from '../core/errors.ts';
import { planEntries } from '../core/manifest.ts';
import type { Receipt } from '../core/ports.ts';
import type { ReceiverState } from '../core/receiver.ts';
import { Intake, planOf } from './intake.ts';
import { reportStorage } from './keeper.ts';
import { TransferMeter } from './meter.ts';
import { Publisher } from './publisher.ts';
import type { ReceivingView, StoredSession } from './views.ts';
import type { World } from './world.ts';

/** A transfer that an earlier page has finished: what is here is looked at, and can be saved again, without a network. */
export class Stored implements StoredSession {
  #state: ReceiverState;
  #intake: Intake | null = null;
  #checkedBytes: number | null = 0;
  #saving: ReceivingView['saving'] = 'no';
  #closed = false;
  readonly #entries: ReceivingView['entries'];
  readonly #meter: TransferMeter;
  readonly #publisher: Publisher<ReceivingView>;

  constructor(
    private readonly world: World,
    private readonly receipt: Receipt,
  ) {
    this.#entries = planEntries(receipt.manifest.entries);
    this.#meter = new TransferMeter(world.clock);
    this.#state = checking(receipt);
    this.#publisher = new Publisher(world.clock, () => this.#render());
    void this.#look();
  }

  get view(): ReceivingView {
    return this.#publisher.view;
  }

  watch(onchange: (view: ReceivingView) => void): () => void {
    return this.#publisher.watch(onchange);
  }

  async save(as: 'files' | 'zip'): Promise<void> {
    const intake = this.#intake;
    if (intake === null || this.#saving === 'running') return;
    this.#saving = 'running';
    this.#publisher.publish();
    try {
      await intake.save(as);
      this.#saving = 'done';
    } catch (error) {
      this.#saving = asBeelineError(error, 'disk-failed').code;
    }
    this.#publisher.publish();
  }

  close(): void {
    this.#closed = true;
    this.#intake?.release(true).catch(reportStorage);
  }

  /** Looks at it once more, from the start. Rule [R3]. */
  retry(): void {
    if (this.#state.at !== 'failed') return;
    this.#checkedBytes = 0;
    this.#show(checking(this.receipt));
    void this.#look();
  }

  async #look(): Promise<void> {
    try {
      await this.#recall();
    } catch (error) {
      this.#show({ at: 'failed', code: asBeelineError(error, 'disk-failed').code, kept: null });
    }
  }

  async #recall(): Promise<void> {
    const { receipt, world } = this;
    const before = this.#intake;
    this.#intake = null;
    await before?.release(true).catch(reportStorage);
    const plan = planOf(receipt, this.#entries ?? undefined);
    const sink = await world.sinks.reopen(plan, receipt.storage);
    if (this.#closed) {
      await sink.close();
      return;
    }
    const intake = new Intake(world, receipt, plan, sink, {
      send: () => undefined,
      onprogress: () => this.#publisher.touch(),
      onsettled: () => this.#show({ ...receipt, at: 'finished', confirmed: true, attempt: 0 }),
      onblocked: () => undefined,
      onerror: ({ code }) => this.#show({ at: 'failed', code, kept: null }),
    });
    this.#intake = intake;
    await intake.recall((bytes) => {
      this.#checkedBytes = (this.#checkedBytes ?? 0) + bytes;
      this.#publisher.touch();
    });
    this.#checkedBytes = null;
    const { ledger } = intake;
    for (const entry of ledger.accepted) if (!ledger.isWhole(entry)) ledger.fail(entry, 'gone');
    if (ledger.failedEntries === ledger.totalEntries) throw new BeelineError('gone', 'nothing is whole');
    intake.pieces.closeWholeEntries();
  }

  #show(state: ReceiverState): void {
    this.#state = state;
    this.#publisher.publish();
  }

  #render(): ReceivingView {
    const intake = this.#intake;
    return {
      state: this.#state,
      fingerprint: '',
      device: '',
      signaling: 'open',
      entries: this.#entries,
      room: null,
      sink: intake === null ? null : { kind: intake.sink.kind, inPlace: intake.sink.inPlace },
      progress: intake === null ? null : this.#meter.progress(intake.ledger),
      checkedBytes: this.#checkedBytes,
      path: null,
      lanes: 0,
      saving: this.#saving,
    };
  }
}

function checking({ manifest, accepted }: Receipt): ReceiverState {
  return { at: 'checking', manifest, accepted };
}

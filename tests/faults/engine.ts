/**
 * Runs a fault schedule in one process: both sides with doubles of everything around them, in a time of its own, and with
 * people who press what a person would press. The transfer must end with every byte equal.
 */
import type { ReceiverState } from '../../src/core/receiver.ts';
import { isOver, type SenderState } from '../../src/core/sender.ts';
import type { Progress } from '../../src/flow/views.ts';
import { People } from './people.ts';
import { type Fault, type FaultKind, isExcused, type Schedule } from './schedule.ts';
import { openScene, type Scene } from './scene.ts';

/** Milliseconds of the timeline after which a transfer that has not ended never will. */
const PATIENCE_MS = 20 * 60_000;

/** Milliseconds after the end in which nothing may change any more: longer than ICE and every attempt. */
const CALM_MS = 60_000;

export interface Outcome {
  /** Kinds of the faults whose moment came. */
  readonly met: readonly FaultKind[];
  /** Entries that failed because the sender's file changed. */
  readonly failedEntries: number;
  /** Milliseconds of the timeline until both sides had finished. */
  readonly tookMs: number;
}

/** Runs a schedule. @throws ScheduleError when it ends in any other way than the rules allow. */
export async function runSchedule(schedule: Schedule): Promise<Outcome> {
  const run = new Run(schedule);
  const rejections: unknown[] = [];
  const onrejection = (reason: unknown) => rejections.push(reason);
  process.on('unhandledRejection', onrejection);
  try {
    const outcome = await run.run();
    if (rejections.length > 0) throw new Error(`a rejection was not handled: ${String(rejections[0])}`);
    return outcome;
  } catch (cause) {
    throw new ScheduleError(schedule, run.story, cause);
  } finally {
    process.off('unhandledRejection', onrejection);
  }
}

/** A schedule that did not end as it must, with all that is needed to see it again. */
export class ScheduleError extends Error {
  override readonly name = 'ScheduleError';

  constructor(schedule: Schedule, story: readonly string[], cause: unknown) {
    const reason = cause instanceof Error ? (cause.stack ?? cause.message) : String(cause);
    const { seed } = schedule;
    super(
      [
        `seed ${seed}: ${reason}`,
        '',
        JSON.stringify(schedule),
        '',
        ...story,
        '',
        `Again: npm run faults -- --engine --seed ${seed}`,
      ].join('\n'),
      { cause },
    );
  }
}

/** Milliseconds between two looks at the screens. */
const GLANCE_MS = 100;

class Run {
  /** What happened, for a person to read. */
  readonly story: string[] = [];
  readonly #counted = { verified: 0, carried: 0 };
  /** Pieces that were written at least once. */
  readonly #durable = new Set<string>();
  readonly #met: Fault[] = [];
  /** Faults whose moment has not come. */
  #ahead: readonly Fault[];
  /** Faults whose moment came, and which are not over. */
  #under = 0;
  /** What the sender showed when it finished, last. */
  #told: Progress | null = null;
  /** A rule that was broken where nobody could be told. */
  #wrong: string | null = null;
  #receiverState: ReceiverState | null = null;
  readonly #senderStates = new Map<string, SenderState>();

  constructor(private readonly schedule: Schedule) {
    this.#ahead = schedule.faults;
  }

  async run(): Promise<Outcome> {
    const scene: Scene = await openScene(this.schedule, {
      oncarried: (bytes) => (this.#counted.carried += bytes),
      onwritten: (entry, offset, bytes) => this.#written(scene, entry, offset, bytes),
      onwrong: (what) => (this.#wrong ??= what),
    });
    const people = new People(scene, this.schedule.accepted);
    let isLooking = true;
    const glance = () => {
      if (!isLooking) return;
      people.look();
      scene.timeline.after(GLANCE_MS, glance);
    };
    glance();
    scene.openShare();
    void scene.openLink();
    do {
      this.#strike(scene, people);
      await scene.timeline.step();
      this.#watch(scene);
      if (this.#wrong !== null) throw new Error(this.#wrong);
      if (scene.timeline.now > PATIENCE_MS) throw new Error('it does not end');
    } while (!this.#isOver(scene));
    const tookMs = scene.timeline.now;
    const failedEntries = scene.receiving?.view.progress?.failedEntries ?? 0;
    isLooking = false;
    this.#note(scene, 'both sides have finished');
    await scene.timeline.pass(CALM_MS);
    await this.#judge(scene);
    await this.#leave(scene);
    return { met: this.#met.map(({ kind }) => kind), failedEntries, tookMs };
  }

  /** Begins the faults whose moment has come. */
  #strike(scene: Scene, people: People): void {
    const due = this.#ahead.filter(({ at }) => this.#counted[at.counted] >= at.bytes);
    if (due.length === 0) return;
    this.#ahead = this.#ahead.filter((fault) => !due.includes(fault));
    for (const fault of due) {
      this.#under += 1;
      scene.timeline.after(fault.at.thenMs, () => this.#begin(scene, people, fault));
    }
  }

  #begin(scene: Scene, people: People, fault: Fault): void {
    const { at, ...trouble } = fault;
    this.#note(scene, `${JSON.stringify(trouble)} at ${at.bytes} bytes ${at.counted}`);
    this.#met.push(fault);
    if (fault.kind === 'pause' || fault.kind === 'cancel') people.decide(fault);
    else scene.strike(fault);
    scene.timeline.after('ms' in fault ? fault.ms : 0, () => (this.#under -= 1));
  }

  #isOver({ receiving }: Scene): boolean {
    const state = receiving?.view.state;
    return this.#under === 0 && this.#told !== null && state?.at === 'finished' && state.confirmed;
  }

  /** Rule [P3]: what is written is what was sent. */
  #written({ source }: Scene, entry: number, offset: number, bytes: Uint8Array): void {
    if (Buffer.compare(bytes, source.bytes(entry).subarray(offset, offset + bytes.length)) !== 0)
      this.#wrong ??= `[P3] entry ${entry} at ${offset}: other bytes were written than were sent`;
    const piece = `${entry} ${offset}`;
    if (!this.#durable.has(piece)) this.#counted.verified += bytes.length;
    this.#durable.add(piece);
  }

  #watch(scene: Scene): void {
    const { receiving, sharing } = scene;
    if (receiving !== null && receiving.view.state !== this.#receiverState) {
      this.#receiverState = receiving.view.state;
      this.#changed(scene, 'receiver', this.#receiverState);
    }
    for (const { id, state, progress } of sharing?.view.deliveries ?? []) {
      if (this.#senderStates.get(id) === state) continue;
      this.#senderStates.set(id, state);
      this.#changed(scene, `sender of ${id.slice(0, 4)}`, state);
      if (state.at === 'finished') this.#senderFinished(scene, progress);
    }
  }

  #changed(scene: Scene, who: string, state: ReceiverState | SenderState): void {
    // The list of entries would say the same each time.
    const short = (name: string, value: unknown) =>
      ['manifest', 'accepted', 'kept'].includes(name) ? undefined : value;
    this.#note(scene, `${who}: ${JSON.stringify(state, short)}`);
    if (state.at !== 'failed') return;
    const met = this.#met.map(({ kind }) => kind);
    if (!isExcused(state.code, met))
      throw new Error(`[D4] the ${who} failed with ${state.code}, which no fault explains`);
  }

  /** Rule [D1]: only when all that was accepted is verified or failed. */
  #senderFinished({ source, disk }: Scene, progress: Progress | null): void {
    this.#told = progress;
    for (const entry of this.schedule.accepted) {
      if (
        source.faults.has(entry) ||
        disk.copies(entry).some((copy) => Buffer.compare(copy, source.bytes(entry)) === 0)
      )
        continue;
      throw new Error(`[D1] the sender has finished, and entry ${entry} is not on the disk`);
    }
  }

  /** Every accepted entry is equal, or has failed on account of its source. */
  async #judge(scene: Scene): Promise<void> {
    const { receiving, sharing, source, disk } = scene;
    const { state, progress } = receiving?.view ?? {};
    if (state?.at !== 'finished') throw new Error(`the receiver had finished, and then was ${state?.at ?? 'gone'}`);
    for (const entry of this.schedule.accepted) {
      const here = progress?.entries.status(entry);
      const there = this.#told?.entries.status(entry);
      const hasFailed =
        here === 'failed' && source.faults.has(entry) && progress?.entries.failure(entry) === 'source-changed';
      if (hasFailed ? there === 'verified' : here !== 'verified' || there !== 'verified')
        throw new Error(
          `entry ${entry} is ${here ?? 'unknown'} for the receiver, and ${there ?? 'unknown'} for the sender`,
        );
      if (hasFailed) continue;
      const bytes = await disk.finished(entry);
      if (bytes === null || Buffer.compare(bytes, source.bytes(entry)) !== 0)
        throw new Error(`entry ${entry} is not equal`);
    }
    if (this.#wrong !== null) throw new Error(this.#wrong);
    const stuck = sharing?.view.deliveries.find((delivery) => !isOver(delivery.state));
    if (stuck !== undefined) throw new Error(`the sender still shows ${stuck.state.at}`);
    if (scene.lanes > 0) throw new Error('a lane still stands');
  }

  /** What is closed asks for nothing more. */
  async #leave(scene: Scene): Promise<void> {
    scene.close();
    await scene.timeline.pass(CALM_MS);
    if (scene.timers > 0) throw new Error(`${scene.timers} timers run after the end`);
  }

  #note({ timeline }: Scene, text: string): void {
    this.story.push(`${(timeline.now / 1000).toFixed(3).padStart(9)} s  ${text}`);
  }
}

import type { Pause, ReceiverState } from '../../src/core/receiver.ts';
import type { Fault, Side } from './schedule.ts';
import { type Scene, sidesOf } from './scene.ts';

/** Milliseconds until a person has seen what is on the screen and pressed something. */
const REACTION_MS = 1_000;

/** What a person decides to do, rather than what befalls them. */
export type Deed = Extract<Fault, { kind: 'pause' | 'cancel' }>;

/**
 * The two people: they press what their screens offer and a person would press. The receiver accepts, retries what has
 * failed, resumes once there is room, and opens the link again after a cancel.
 */
export class People {
  /** Until when each has a reason of their own to leave it paused. */
  readonly #restsUntil: Record<Side, number> = { sender: 0, receiver: 0 };
  /** Until when a receiver who cancelled does not come back. */
  #awayUntil = 0;
  /** Since when the receiver sees the state that is shown. */
  #seen: { readonly state: ReceiverState; readonly since: number } | null = null;

  constructor(
    private readonly scene: Scene,
    private readonly accepted: readonly number[],
  ) {}

  /** Presses pause or cancel, where the screen has such a button. */
  decide(deed: Deed): void {
    const { timeline } = this.scene;
    if (deed.kind === 'cancel') {
      this.#awayUntil = Math.max(this.#awayUntil, timeline.now + deed.ms);
      this.#cancel();
      return;
    }
    for (const side of sidesOf(deed.hit)) {
      this.#restsUntil[side] = Math.max(this.#restsUntil[side], timeline.now + deed.ms);
      this.#pause(side);
    }
  }

  /** Looks at both screens, and acts on what they show. To be called again and again. */
  look(): void {
    if (this.scene.isAlive('receiver')) this.#lookAtReceiver();
    if (this.scene.isAlive('sender')) this.#lookAtSender();
  }

  #lookAtReceiver(): void {
    const { receiving, timeline } = this.scene;
    const state = receiving?.view.state;
    if (receiving === null || state === undefined) return;
    if (this.#seen?.state !== state) this.#seen = { state, since: timeline.now };
    if (timeline.now < this.#seen.since + REACTION_MS) return;
    switch (state.at) {
      case 'offered':
        if (state.problem === null || !this.scene.disk.isFull) receiving.accept(this.accepted, null);
        return;
      case 'failed':
        receiving.retry();
        return;
      case 'cancelled':
        if (timeline.now >= this.#awayUntil) this.#comeBack();
        return;
      case 'transferring':
      case 'reconnecting':
        if (this.#mayResume(state.pause)) receiving.resume();
        return;
      case 'connecting':
      case 'greeting':
      case 'checking':
      case 'preparing':
      case 'finished':
        return;
    }
  }

  #mayResume(pause: Pause): boolean {
    const isBlocked = pause.reason !== undefined && this.scene.disk.isFull;
    return pause.byMe && !isBlocked && this.scene.timeline.now >= this.#restsUntil.receiver;
  }

  #lookAtSender(): void {
    const { sharing, timeline } = this.scene;
    if (timeline.now < this.#restsUntil.sender) return;
    for (const { id, state } of sharing?.view.deliveries ?? []) {
      if (state.at === 'transferring' && state.pause.byMe) sharing?.resume(id);
    }
  }

  #pause(side: Side): void {
    const { receiving, sharing } = this.scene;
    if (!this.scene.isAlive(side)) return;
    if (side === 'receiver') receiving?.pause();
    else
      for (const { id, state } of sharing?.view.deliveries ?? []) if (state.at === 'transferring') sharing?.pause(id);
  }

  #cancel(): void {
    const { receiving } = this.scene;
    if (!this.scene.isAlive('receiver')) return;
    const isUnderWay = ['checking', 'preparing', 'transferring', 'reconnecting'].includes(
      receiving?.view.state.at ?? '',
    );
    if (isUnderWay) receiving?.cancel(true);
  }

  #comeBack(): void {
    this.scene.leaveLink();
    void this.scene.openLink();
  }
}

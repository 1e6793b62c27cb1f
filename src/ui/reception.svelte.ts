import type { ReceivingSession, ReceivingView, StoredSession } from '../flow/views.ts';
import type { Question } from './confirmation.svelte.ts';
import { receivingWords, type Words } from './sentences.ts';
import { Watched } from './watched.svelte.ts';

/** More single downloads than this and browsers begin to ask, or drop some. */
const MAX_SINGLE_DOWNLOADS = 10;

/** A link being received, as its screen sees it. */
export class Reception {
  readonly session: StoredSession;
  /** The same while it is being received; null for what an earlier page has finished. */
  readonly transfer: ReceivingSession | null;
  /** Name of the folder the person chose; empty for Downloads. */
  placeName = $state('');
  readonly #watched: Watched<ReceivingView>;
  #savedBySelf = false;
  /** Something arrived while this screen was open: what was finished before is saved only when asked for. */
  #arrived = false;
  #declined = false;

  constructor(session: StoredSession, transfer: ReceivingSession | null) {
    this.session = session;
    this.transfer = transfer;
    this.#watched = new Watched(session, (view) => this.#saveSingle(view));
    this.#saveSingle(session.view);
  }

  get view(): ReceivingView {
    return this.#watched.view;
  }

  get words(): Words {
    const { state } = this.view;
    if (this.#declined && state.at === 'cancelled') {
      return { sentence: 'You declined', next: 'Nothing was saved on this device.' };
    }
    return receivingWords(this.view);
  }

  /** For a screen reader: while there is no connection, with its reason. */
  get news(): string {
    const { sentence, next } = this.words;
    return this.view.state.at === 'connecting' ? `${sentence}. ${next}` : sentence;
  }

  decline(): void {
    this.#declined = true;
    this.transfer?.decline();
  }

  /** From the click on Receive until everything is verified. */
  get running(): boolean {
    return (
      this.transfer !== null && ['checking', 'preparing', 'transferring', 'reconnecting'].includes(this.view.state.at)
    );
  }

  /** Files that are verified, not saved, and lost with the page. */
  get unsaved(): boolean {
    return savable(this.view) > 0 && this.view.saving !== 'done' && !this.#outlivesPage;
  }

  /** How finished files can be handed over; null when there is nothing to save. */
  get offers(): 'single' | 'files-or-zip' | 'zip' | null {
    const count = savable(this.view);
    if (count === 0) return null;
    return count === 1 ? 'single' : count <= MAX_SINGLE_DOWNLOADS ? 'files-or-zip' : 'zip';
  }

  /** What to ask before the screen is left; null when nothing is lost. */
  get leaving(): Question | null {
    if (this.running) {
      return {
        title: 'Leave while files are arriving?',
        text: this.#outlivesPage
          ? 'The transfer stops. What has arrived stays: open the link again to go on.'
          : 'The transfer stops, and what has arrived is lost: this browser keeps nothing for the page.',
        confirm: 'Leave',
        keep: 'Stay',
      };
    }
    if (!this.unsaved) return null;
    return {
      title: 'Leave without saving?',
      text: 'The files are verified, but not yet in your Downloads. When you leave, they are lost.',
      confirm: 'Leave',
      keep: 'Stay',
    };
  }

  /** What is in memory goes with the page. */
  get #outlivesPage(): boolean {
    return this.view.sink?.kind !== 'memory';
  }

  close(): void {
    this.#watched.stop();
    this.session.close();
  }

  /** The outcome is shown through the view's `saving`. */
  save(as: 'files' | 'zip'): void {
    void this.session.save(as).catch(() => undefined);
  }

  #saveSingle(view: ReceivingView): void {
    if (view.state.at === 'transferring') this.#arrived = true;
    if (!this.#arrived || this.#savedBySelf || view.saving !== 'no' || savable(view) !== 1) return;
    this.#savedBySelf = true;
    this.save('files');
  }
}

function savable({ state, sink, progress }: ReceivingView): number {
  return state.at === 'finished' && sink?.inPlace === false ? (progress?.verifiedEntries ?? 0) : 0;
}

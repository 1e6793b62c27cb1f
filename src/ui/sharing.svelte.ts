import type { SharingSession, SharingView } from '../flow/views.ts';
import type { Question } from './confirmation.svelte.ts';
import { deliveryNews } from './sentences.ts';
import { Watched } from './watched.svelte.ts';

/** A share as its screen sees it. */
export class Sharing {
  readonly session: SharingSession;
  /** Names of chosen things that could not be read. */
  readonly unreadable: readonly string[];
  readonly #watched: Watched<SharingView>;
  #news = $state('');

  constructor(session: SharingSession, unreadable: readonly string[]) {
    this.session = session;
    this.unreadable = unreadable;
    this.#watched = new Watched(session, (next, previous) => {
      if (next.deliveries === previous.deliveries) return;
      const news = deliveryNews(previous.deliveries, next.deliveries);
      if (news !== '') this.#news = news;
    });
  }

  get view(): SharingView {
    return this.#watched.view;
  }

  /** The last change worth announcing. */
  get news(): string {
    return this.#news;
  }

  get running(): boolean {
    return this.view.deliveries.some(({ state }) => state.at === 'transferring');
  }

  /** What to ask before the screen is left. */
  get leaving(): Question {
    return {
      title: this.running ? 'Leave while files are being sent?' : 'Leave this share?',
      text: this.running
        ? 'The transfer stops. It goes on where it was when you open this share again, from your transfers.'
        : 'Beeline sends from this page. Until you open this share again, from your transfers, the link waits.',
      confirm: 'Leave',
      keep: 'Stay',
    };
  }

  close(): void {
    this.#watched.stop();
    this.session.leave();
  }
}

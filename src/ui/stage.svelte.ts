import { asBeelineError, explain, type ErrorCode } from '../core/errors.ts';
import type { Picked, ReturningShare, Services, Transfers } from '../flow/services.ts';
import type { TransferNote } from '../core/ports.ts';
import { Confirmation, type Question } from './confirmation.svelte.ts';
import { counted, formatPercent } from './format.ts';
import { Reception } from './reception.svelte.ts';
import { CHECK, Router, type AddressBar } from './router.ts';
import { fractionOf, type Words } from './sentences.ts';
import { Sharing } from './sharing.svelte.ts';

export type Screen =
  /** `trouble` says why the last try to share did not become one. */
  | { readonly at: 'home'; readonly trouble: Words | null }
  /** Dropped folders are being walked, then the share is made. */
  | { readonly at: 'reading'; readonly stop: () => void }
  | { readonly at: 'sharing'; readonly sharing: Sharing }
  /** A share of an earlier page, whose files are not at hand yet; `missing` are not there as they were. */
  | {
      readonly at: 'returning';
      readonly share: ReturningShare;
      readonly missing: readonly number[];
      readonly trouble: ErrorCode | null;
    }
  /** What this device can reach is being looked at. */
  | { readonly at: 'check' }
  | { readonly at: 'opening' }
  | { readonly at: 'unopened'; readonly code: ErrorCode }
  | { readonly at: 'receiving'; readonly reception: Reception };

/** The title moves in steps of this many percent: each change makes the browser draw its tab strip anew. */
const TITLE_STEP = 5;

function titleOf(screen: Extract<Screen, { at: 'sharing' | 'receiving' }>): string {
  if (screen.at === 'sharing') {
    const { deliveries, entries } = screen.sharing.view;
    if (deliveries.some(({ state }) => state.at === 'asking')) return 'A device wants to receive';
    return `Sharing ${counted(entries.length, 'file')}`;
  }
  const { view, words } = screen.reception;
  const percent =
    screen.reception.running && view.progress !== null ? `${formatPercent(stepped(fractionOf(view.progress)))} ` : '';
  return percent + words.sentence;
}

function stepped(fraction: number): number {
  return (Math.floor((fraction * 100) / TITLE_STEP) * TITLE_STEP) / 100;
}

const HOME: Screen = { at: 'home', trouble: null };
const NOTHING_CHOSEN: Words = {
  sentence: 'There is no file in there.',
  next: 'Choose a file, or a folder that is not empty.',
};

/** Which screen is shown, and the ways from one to another. */
export class Stage {
  readonly services: Services;
  readonly confirmation = new Confirmation();
  readonly #router: Router;
  #screen: Screen = $state.raw(HOME);
  #update: (() => void) | null = $state.raw(null);
  #transfers: Transfers | null = $state.raw(null);
  /** Aborted when the screen changes, so that what was asked for on the last one cannot open over this one. */
  #errand = new AbortController();

  constructor(services: Services, bar: AddressBar) {
    this.services = services;
    this.#router = new Router(bar, {
      blocked: () => this.leaving !== null,
      onblocked: () => void this.#confirmed(this.leaving, () => this.#router.goOn()),
      onmove: () => this.#arrive(),
    });
    services.watchUpdate((apply) => (this.#update = apply));
    this.#arrive();
  }

  get screen(): Screen {
    return this.#screen;
  }

  /** Switches to the new version; null while there is none, or while a reload would end something. */
  get update(): (() => void) | null {
    return this.leaving === null ? this.#update : null;
  }

  /** True while closing the page would break off a transfer or lose files that only the browser has. */
  get running(): boolean {
    const screen = this.#screen;
    if (screen.at === 'sharing') return screen.sharing.running;
    return screen.at === 'receiving' && (screen.reception.running || screen.reception.unsaved);
  }

  /** What to ask before this screen is left; null when nothing is lost. */
  get leaving(): Question | null {
    const screen = this.#screen;
    if (screen.at === 'sharing') return screen.sharing.leaving;
    return screen.at === 'receiving' ? screen.reception.leaving : null;
  }

  /** What a screen reader is told, politely, whenever it changes. */
  get news(): string {
    const screen = this.#screen;
    if (screen.at === 'sharing') return screen.sharing.news;
    if (screen.at === 'receiving') return screen.reception.news;
    return screen.at === 'reading' ? 'Reading your files' : '';
  }

  /** What the tab says while it is in the background. */
  get title(): string {
    const screen = this.#screen;
    if (screen.at === 'check') return 'Can this device connect? – Beeline';
    const here = screen.at === 'sharing' || screen.at === 'receiving' ? titleOf(screen) : '';
    return here === '' ? 'Beeline' : `${here} – Beeline`;
  }

  /** Shares what a file input, a folder input or the clipboard gave. */
  shareFiles(files: Iterable<unknown>): Promise<void> {
    return this.#share(() => Promise.resolve(this.services.pickFiles(files)));
  }

  /** Lets the person choose with the browser's own picker. */
  shareChosen(kind: 'files' | 'folder'): Promise<void> {
    return this.#share((signal) => this.services.chooseFiles(kind, signal));
  }

  shareDrop(transfer: DataTransfer): Promise<void> {
    return this.#share((signal) => this.services.pickDrop(transfer, signal));
  }

  openLink(fragment: string): void {
    this.#router.open(fragment);
  }

  /** The same link from the start. */
  reopen(): void {
    this.#arrive();
  }

  goHome(): Promise<void> {
    return this.#confirmed(this.leaving, () => this.#router.goHome());
  }

  stopSharing(): Promise<void> {
    const screen = this.#screen;
    if (screen.at !== 'sharing') return Promise.resolve();
    const question = {
      title: 'Stop sharing?',
      text: 'Files are being sent right now. The transfer stops and the link no longer works.',
      confirm: 'Stop sharing',
      keep: 'Keep sharing',
    };
    const { session, running } = screen.sharing;
    return this.#confirmed(
      running ? question : null,
      () => this.#router.goHome(),
      () => session.close(),
    );
  }

  /** Asks before a transfer is cancelled, on either side. */
  cancelTransfer(cancel: () => void): Promise<void> {
    const question = {
      title: 'Cancel this transfer?',
      text: 'To pause is enough if you want to go on later.',
      confirm: 'Cancel transfer',
      keep: 'Keep going',
    };
    return this.#ask(question, cancel);
  }

  /** Asks the receiver before it cancels, and whether what is verified may stay for an hour. */
  cancelReceiving(cancel: (keep: boolean) => void): Promise<void> {
    const question = {
      title: 'Cancel this transfer?',
      text: 'To pause is enough if you want to go on later. What is verified stays here for an hour, in case you change your mind.',
      confirm: 'Cancel transfer',
      keep: 'Keep going',
      option: 'Delete what is already here',
    };
    return this.#ask(question, () => cancel(!this.confirmation.optionTaken));
  }

  async #ask(question: Question, then: () => void): Promise<void> {
    if (await this.confirmation.ask(question)) then();
  }

  async #confirmed(question: Question | null, leave: () => void, before: () => void = () => undefined): Promise<void> {
    if (question !== null && !(await this.confirmation.ask(question))) return;
    before();
    this.#show(HOME);
    leave();
  }

  #show(screen: Screen): AbortSignal {
    const left = this.#screen;
    this.#errand.abort();
    this.#errand = new AbortController();
    this.#screen = screen;
    if (screen.at === 'home') void this.#list();
    if (left.at === 'sharing') left.sharing.close();
    if (left.at === 'receiving') left.reception.close();
    return this.#errand.signal;
  }

  async #share(pick: (signal: AbortSignal) => Promise<Picked | null>): Promise<void> {
    const signal = this.#show({ at: 'reading', stop: () => this.#show(HOME) });
    const left = (): boolean => signal.aborted;
    try {
      const picked = await pick(signal);
      if (left()) return;
      if (picked === null) {
        this.#show(HOME);
        return;
      }
      if (picked.entries.length === 0) {
        this.#show({ at: 'home', trouble: NOTHING_CHOSEN });
        return;
      }
      const session = await this.services.share(picked);
      if (left()) {
        session.close();
        return;
      }
      this.#enterSharing(new Sharing(session, picked.unreadable));
    } catch (thrown) {
      if (!left()) this.#show({ at: 'home', trouble: explain(asBeelineError(thrown).code) });
    }
  }

  #enterSharing(sharing: Sharing): void {
    this.#router.enterSharing(sharing.view.id);
    this.#show({ at: 'sharing', sharing });
  }

  #arrive(): void {
    const { fragment, sharing } = this.#router;
    if (!this.services.secure) this.#show(HOME);
    else if (sharing !== null) void this.#return(sharing);
    else if (fragment === '') this.#show(HOME);
    else if (fragment === CHECK) this.#show({ at: 'check' });
    else void this.#open(fragment);
  }

  /** A share of an earlier page: it goes on at once where the browser has its files at hand. */
  async #return(id: string): Promise<void> {
    const signal = this.#show({ at: 'opening' });
    let share: ReturningShare | null;
    try {
      share = await this.services.returningShare(id);
    } catch (thrown) {
      if (!signal.aborted) this.#show({ at: 'unopened', code: asBeelineError(thrown).code });
      return;
    }
    if (signal.aborted) return;
    if (share === null) {
      this.#router.goHome();
      return;
    }
    this.#show({ at: 'returning', share, missing: [], trouble: null });
    if (share.readable) await this.shareAgain(null, false);
  }

  /** @param picked the files, chosen again; null to take them through the kept handles. */
  async shareAgain(picked: Picked | null, partly: boolean): Promise<void> {
    const screen = this.#screen;
    if (screen.at !== 'returning') return;
    const { share } = screen;
    const gone = (): boolean => this.#screen.at !== 'returning';
    try {
      const again = await this.services.shareAgain(share.id, picked, partly);
      if (gone()) return;
      if ('missing' in again) this.#show({ ...screen, missing: again.missing, trouble: null });
      else this.#enterSharing(new Sharing(again.session, []));
    } catch (thrown) {
      if (!gone()) this.#show({ ...screen, trouble: asBeelineError(thrown).code });
    }
  }

  /** What this browser keeps; null until it has been read. */
  get transfers(): Transfers | null {
    return this.#transfers;
  }

  /** Opens a line of the list. */
  async resume({ id, role }: TransferNote): Promise<void> {
    if (role === 'sending') {
      await this.#return(id);
      return;
    }
    const fragment = await this.services.linkOf(id);
    if (fragment !== null) this.#router.open(fragment);
    else await this.#openStored(id);
  }

  async #openStored(id: string): Promise<void> {
    const signal = this.#show({ at: 'opening' });
    try {
      const session = await this.services.stored(id);
      if (signal.aborted) session?.close();
      else if (session === null) this.#show({ at: 'unopened', code: 'gone' });
      else this.#show({ at: 'receiving', reception: new Reception(session, null) });
    } catch (thrown) {
      if (!signal.aborted) this.#show({ at: 'unopened', code: asBeelineError(thrown).code });
    }
  }

  async forget(note: TransferNote): Promise<void> {
    const { role, state } = note;
    const question = {
      title: 'Forget this transfer?',
      text:
        role === 'sending'
          ? 'Its link stops working. Your files stay where they are.'
          : 'What was received and not saved is deleted.',
      confirm: 'Forget',
      keep: 'Keep',
    };
    if (state !== 'cancelled' && !(await this.confirmation.ask(question))) return;
    await this.services.forget(note);
    await this.#list();
  }

  /** A list that cannot be read is as good as none: nothing on this screen needs it. */
  async #list(): Promise<void> {
    this.#transfers = await this.services.transfers().catch(() => null);
  }

  async #open(fragment: string): Promise<void> {
    const signal = this.#show({ at: 'opening' });
    try {
      const session = await this.services.receive(fragment);
      if (signal.aborted) session.close();
      else this.#show({ at: 'receiving', reception: new Reception(session, session) });
    } catch (thrown) {
      if (!signal.aborted) this.#show({ at: 'unopened', code: asBeelineError(thrown).code });
    }
  }
}

/** A question with two answers; the safe one is the default. */
export interface Question {
  readonly title: string;
  readonly text: string;
  /** The button that goes ahead. */
  readonly confirm: string;
  /** The button that changes nothing. */
  readonly keep: string;
  /** Something more to do, to be ticked. */
  readonly option?: string;
}

/** The one dialog of the page. */
export class Confirmation {
  #question: Question | null = $state.raw(null);
  #answer: ((confirmed: boolean) => void) | null = null;
  /** Whether the last question's option is ticked. */
  optionTaken = $state(false);

  get question(): Question | null {
    return this.#question;
  }

  /** Resolves to true when the person goes ahead. A question that comes while one is open is answered with no. */
  ask(question: Question): Promise<boolean> {
    if (this.#question !== null) return Promise.resolve(false);
    this.#question = question;
    this.optionTaken = false;
    return new Promise((resolve) => (this.#answer = resolve));
  }

  answer(confirmed: boolean): void {
    this.#question = null;
    this.#answer?.(confirmed);
    this.#answer = null;
  }
}

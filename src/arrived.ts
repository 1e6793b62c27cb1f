/** Waits for the parts of the app. In the page's first script. */
import { BeelineError } from './core/errors.ts';

/** Milliseconds for a part of the app: one that is on its way for longer gives the reason. Rule [C11]. */
const LOAD_MS = 15_000;

/** @throws BeelineError `not-loaded` */
export function arrived<Part>(part: Promise<Part>): Promise<Part> {
  return new Promise((resolve, reject) => {
    const fail = (cause?: unknown): void => reject(new BeelineError('not-loaded', '', { cause }));
    const timer = setTimeout(fail, LOAD_MS);
    part.then(resolve, fail).finally(() => clearTimeout(timer));
  });
}

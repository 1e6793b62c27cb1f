import { asBeelineError } from '../core/errors.ts';

/** What failed costs nothing now, and there is nothing the person could do: a later page may have less to go on with. */
export function reportDisk(error: unknown): void {
  console.warn('storage:', asBeelineError(error, 'disk-failed').detail);
}

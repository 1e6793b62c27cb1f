import type { ConnectTrace, FailedAttempt } from '../core/diagnosis.ts';
import { BeelineError } from '../core/errors.ts';
import type { Clock } from '../core/ports.ts';

/** Milliseconds for the diagnosis to be loaded: a network in trouble may not bring it, and a vague reason is one. */
const LOAD_MS = 3_000;

/** Loaded when an attempt is in trouble: most are not. */
let diagnosis: typeof import('../core/diagnosis.ts') | null = null;

export function newTrace(): ConnectTrace {
  return { online: true, gathered: [], heard: [], errors: [], steps: [] };
}

/** True for an error that says only that there is no lane. */
export function isVague({ code }: BeelineError): boolean {
  return code === 'connect-timeout' || code === 'connect-failed';
}

/** Resolves when {@link diagnosed} can tell more, or will not in time. */
export function readyToDiagnose(clock: Clock): Promise<void> {
  if (diagnosis !== null) return Promise.resolve();
  return new Promise((resolve) => {
    const cancel = clock.after(LOAD_MS, resolve);
    void import('../core/diagnosis.ts')
      .then((loaded) => (diagnosis = loaded))
      .catch(() => undefined)
      .then(cancel)
      .then(resolve);
  });
}

/** Gives a vague error the code of its cause. Rule [C10]. */
export function diagnosed(error: BeelineError, attempt: Omit<FailedAttempt, 'code'>): BeelineError {
  if (diagnosis === null || !isVague(error)) return error;
  const code = diagnosis.diagnose(diagnosis.evidenceOf(attempt), attempt.iceServers);
  return new BeelineError(code, error.detail, { cause: error });
}

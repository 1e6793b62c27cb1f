import type { ConnectTrace, FailedAttempt } from '../core/diagnosis.ts';
import { BeelineError } from '../core/errors.ts';

/** Loaded when an attempt is in trouble: most are not. */
let diagnosis: typeof import('../core/diagnosis.ts') | null = null;

export function newTrace(): ConnectTrace {
  return { online: true, gathered: [], heard: [], errors: [], steps: [] };
}

/** True for an error that says only that there is no lane. */
export function isVague({ code }: BeelineError): boolean {
  return code === 'connect-timeout' || code === 'connect-failed';
}

/** Resolves when {@link diagnosed} can tell more, or never will. */
export async function readyToDiagnose(): Promise<void> {
  diagnosis ??= await import('../core/diagnosis.ts').catch(() => null);
}

/** Gives a vague error the code of its cause. Rule [C10]. */
export function diagnosed(error: BeelineError, attempt: Omit<FailedAttempt, 'code'>): BeelineError {
  if (diagnosis === null || !isVague(error)) return error;
  const code = diagnosis.diagnose(diagnosis.evidenceOf(attempt), attempt.iceServers);
  return new BeelineError(code, error.detail, { cause: error });
}

import { BeelineError, type ErrorCode } from '../../src/core/errors.ts';

/** The code with which `run` refuses, or null when it does not. Anything thrown but a BeelineError goes through. */
export function refusal(run: () => unknown): ErrorCode | null {
  try {
    run();
    return null;
  } catch (error) {
    if (error instanceof BeelineError) return error.code;
    throw error;
  }
}

/** The same for a promise. */
export async function refusalOf(promise: Promise<unknown>): Promise<ErrorCode | null> {
  try {
    await promise;
    return null;
  } catch (error) {
    if (error instanceof BeelineError) return error.code;
    throw error;
  }
}

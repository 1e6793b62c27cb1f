import pino from 'pino';
import type { DestinationStream, Logger } from 'pino';
import type { LogLevel } from './env.ts';

/** Structured log, one JSON object per line on standard error; standard output is for people. */
export type Log = Logger;

/**
 * Makes the log. What is written at `info` and above never holds an id, a token or an address: callers pass counts and
 * reasons only. Ids and addresses are for `debug`, which an operator chooses.
 * Errors are logged by name and code, because the message of a JSON error quotes what the client sent.
 */
export function createLog(level: LogLevel, destination: DestinationStream = pino.destination(2)): Log {
  return pino({ level, base: null, serializers: { err: describeError } }, destination);
}

function describeError(error: unknown): object {
  if (!(error instanceof Error)) return { name: typeof error };
  const code = 'code' in error && typeof error.code === 'string' ? error.code : undefined;
  return code === undefined ? { name: error.name } : { name: error.name, code };
}

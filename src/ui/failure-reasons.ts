import { explain, type ErrorCode } from '../core/errors.ts';
import type { EntryProgress } from '../flow/views.ts';
import type { Words } from './sentences.ts';

/** Why entries failed, each reason once, the most frequent first. */
export function failureReasons(
  failed: readonly number[],
  entries: EntryProgress,
): readonly { readonly count: number; readonly words: Words }[] {
  const counts = new Map<ErrorCode, number>();
  for (const entry of failed) {
    const code = entries.failure(entry) ?? 'internal';
    counts.set(code, (counts.get(code) ?? 0) + 1);
  }
  return [...counts].sort(([, a], [, b]) => b - a).map(([code, count]) => ({ count, words: explain(code) }));
}

import { isFragment } from '../core/link.ts';

/**
 * The fragment of what a person pasted: a complete link, its fragment with or without `#`, or text around either. The
 * host is not compared: one server has many names on a local network.
 * @returns null when it holds no complete link.
 */
export function fragmentOf(pasted: string): string | null {
  const [, afterHash] = /#(\S*)/u.exec(pasted) ?? [];
  const fragment = (afterHash ?? pasted).trim();
  return isFragment(fragment) ? fragment : null;
}

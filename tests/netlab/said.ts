/** Notes inside a page what its screen says, and when, by the page's own clock. */
import type { BrowserContext, Page } from 'playwright-core';
import { ERROR_CODES, explain, type ErrorCode } from '../../src/core/errors.ts';

/** What the screen said from then on. */
export interface Said {
  /** Milliseconds since the page was asked for. */
  readonly at: number;
  readonly heading: string;
  readonly text: string;
}

declare global {
  interface Window {
    said: Said[];
  }
}

/** Runs in the page before its own scripts. */
function install(): void {
  const said: Said[] = [];
  window.said = said;
  new MutationObserver(() => {
    const heading = document.querySelector('main h1')?.textContent ?? '';
    const text = document.querySelector('main h1 ~ p')?.textContent ?? '';
    const last = said.at(-1);
    if (heading === '' || (last?.heading === heading && last.text === text)) return;
    said.push({ at: performance.now(), heading, text });
  }).observe(document, { subtree: true, childList: true, characterData: true });
}

/** For all pages that a browser opens from now on. */
export function listen(context: BrowserContext): Promise<unknown> {
  return context.addInitScript(install);
}

/** The reason that a screen gives, with its sentence and its next step; null without one. */
export function reasonIn({ heading, text }: Pick<Said, 'heading' | 'text'>): ErrorCode | null {
  const words = `${heading} ${text}`;
  const isGiven = (code: ErrorCode): boolean => {
    const { sentence, next } = explain(code);
    const isSaid = code === 'sender-away' ? heading === 'Waiting for the sender' : words.includes(sentence);
    return isSaid && words.includes(next);
  };
  return ERROR_CODES.find(isGiven) ?? null;
}

/** What a page that wants to connect has said of why it does not. */
export interface Account {
  /** In their order. */
  readonly reasons: readonly ErrorCode[];
  /** Milliseconds until the first of them; Infinity without one. */
  readonly afterMs: number;
  /** The longest time for which it gave none, in milliseconds; until now where it still gives none. */
  readonly silentMs: number;
}

export async function accountOf(page: Page): Promise<Account> {
  const { said, now } = await page.evaluate(() => ({ said: window.said, now: performance.now() }));
  const reasons: ErrorCode[] = [];
  let afterMs = Infinity;
  let silentMs = 0;
  let silentSince: number | null = 0;
  for (const entry of said) {
    const reason = reasonIn(entry);
    if (reason === null) {
      silentSince ??= entry.at;
      continue;
    }
    if (silentSince !== null) silentMs = Math.max(silentMs, entry.at - silentSince);
    silentSince = null;
    if (reasons.length === 0) afterMs = entry.at;
    if (reasons.at(-1) !== reason) reasons.push(reason);
  }
  if (silentSince !== null) silentMs = Math.max(silentMs, now - silentSince);
  return { reasons, afterMs, silentMs };
}

import type { Locator } from 'playwright-core';
import { ERROR_CODES, explain } from '../../src/core/errors.ts';
import type { TestFile } from '../e2e/files.ts';
import type { ReceiverScreen, SenderScreen } from '../e2e/pages.ts';
import { type FaultKind, isExcused } from './schedule.ts';

/** Milliseconds after which a transfer whose faults are over counts as stuck. */
export const STUCK_MS = 180_000;

/** Milliseconds in which a button that was seen can be pressed, unless it is gone again. */
const PRESS_MS = 5_000;

/** What the receiver's screen asks for, or says. */
type Sight = 'offer' | 'failed' | 'cancelled' | 'full' | 'over' | 'here';

/** The screens of a transfer, and what has happened to it. */
export interface Screens {
  sender: SenderScreen;
  receiver: ReceiverScreen;
  readonly files: readonly TestFile[];
  /** Numbers of the accepted files. */
  readonly accepted: readonly number[];
  /** Faults whose moment came. */
  readonly met: ReadonlySet<FaultKind>;
  /** What the receiver had to do besides, for a person to read. */
  readonly pressed: string[];
}

/**
 * Does what the receiver's screen asks for, until more than this fraction is here, or a button is.
 *
 * @returns false when the transfer was over before.
 * @throws Error when it failed for a reason that no fault explains.
 */
export async function attend(screens: Screens, awaited: number | Locator): Promise<boolean> {
  const found = typeof awaited === 'number' ? null : appears(awaited);
  for (;;) {
    const seen = look(screens.receiver, typeof awaited === 'number' ? awaited : Infinity);
    const sight = await (found === null ? seen : Promise.race([seen, found]));
    switch (sight) {
      case 'over':
        return false;
      case 'here':
        return true;
      case 'offer':
        await accept(screens);
        break;
      case 'failed':
        screens.pressed.push(`tried again after ${await failureOf(screens)}`);
        await press(screens.receiver.button('Try again'));
        break;
      case 'cancelled':
        await press(screens.receiver.button('Try again'));
        break;
      case 'full':
        screens.pressed.push('resumed on a full disk');
        await press(screens.receiver.button('Resume'));
    }
  }
}

/** @returns false when the transfer was over before the person could press it. */
export async function pressAttending(screens: Screens, button: Locator): Promise<boolean> {
  if (!(await attend(screens, button))) return false;
  await press(button);
  return true;
}

/** The sender's files are chosen again, without those that have changed. */
export async function chooseAgain(sender: SenderScreen, files: readonly TestFile[]): Promise<void> {
  await sender.chooseAgain(files.map(({ path }) => path));
  const goOn = sender.button('Go on without');
  await goOn.or(sender.page.getByRole('textbox', { name: 'Link to share' })).waitFor({ timeout: STUCK_MS });
  if (await goOn.isVisible()) await press(goOn);
}

async function accept({ receiver, files, accepted }: Screens): Promise<void> {
  for (const [number, { name }] of files.entries())
    if (!accepted.includes(number)) await receiver.entry(name).uncheck({ timeout: PRESS_MS });
  await press(receiver.button('Receive'));
}

/** A button that goes away by itself needs no press. */
async function press(button: Locator): Promise<void> {
  await button.click({ timeout: PRESS_MS }).catch(() => undefined);
}

async function appears(button: Locator): Promise<Sight> {
  // Left waiting when it never comes, until the page is closed.
  const shown = button.first().waitFor({ timeout: STUCK_MS });
  shown.catch(() => undefined);
  await shown;
  return 'here';
}

/** @throws Error for a code that no fault explains. */
async function failureOf({ receiver, met }: Screens): Promise<string> {
  const shown = (await receiver.heading(/./).first().textContent()) ?? '';
  const code = ERROR_CODES.find((known) => explain(known).sentence === shown.trim());
  if (code !== undefined && !isExcused(code, met))
    throw new Error(`[D4] the receiver failed with ${code}, which no fault explains`);
  return code ?? shown;
}

async function look({ page }: ReceiverScreen, wanted: number): Promise<Sight> {
  const seen = page.waitForFunction(
    ({ wanted, noRoom }) => {
      const heading = document.querySelector('h1')?.textContent.trim() ?? '';
      if (/^(Received and verified|No file could be received)/u.test(heading)) return 'over';
      const buttons = Array.from(document.querySelectorAll('button'), (button) =>
        button.disabled ? '' : button.textContent.trim(),
      );
      if (buttons.includes('Receive')) return 'offer';
      if (buttons.includes('Try again')) return heading === 'You cancelled' ? 'cancelled' : 'failed';
      if (buttons.includes('Resume') && document.body.textContent.includes(noRoom)) return 'full';
      const bar = document.querySelector<HTMLProgressElement>('progress[aria-label="Total progress"]');
      return (bar?.value ?? -1) >= wanted ? 'here' : null;
    },
    { wanted: wanted === Infinity ? 2 : wanted, noRoom: explain('no-room').sentence },
    { timeout: STUCK_MS },
  );
  seen.catch(() => undefined);
  return (await (await seen).jsonValue()) ?? 'here';
}

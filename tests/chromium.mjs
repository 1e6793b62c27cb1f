/** Finds a Chromium for tests and benches, or installs Debian's. */
import { findProgram, givenProgram, installProgram } from './programs.mjs';

const NAMES = ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable'];
const MAC = '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome';

/** Path of a Chromium or Chrome, `CHROMIUM_PATH` first; null without one. */
function findChromium() {
  return givenProgram('CHROMIUM_PATH') ?? findProgram(NAMES, [MAC]);
}

/** Path of a Chromium, installed if need be. @throws Error with the command to run, when it cannot. */
export function ensureChromium() {
  return installProgram({
    called: 'Chromium',
    find: findChromium,
    packages: ['chromium'],
    elsewhere: 'install Chromium or Chrome with your package manager, or set CHROMIUM_PATH to its program',
  });
}

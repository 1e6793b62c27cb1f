/** Finds a Firefox for tests, or installs Debian's. */
import { findProgram, givenProgram, installProgram } from './programs.mjs';

const NAMES = ['firefox', 'firefox-esr'];
const MAC = '/Applications/Firefox.app/Contents/MacOS/firefox';

/** Path of a Firefox, `FIREFOX_PATH` first; null without one. */
function findFirefox() {
  return givenProgram('FIREFOX_PATH') ?? findProgram(NAMES, [MAC]);
}

/** Path of a Firefox, installed if need be. @throws Error with the command to run, when it cannot. */
export function ensureFirefox() {
  return installProgram({
    called: 'Firefox',
    find: findFirefox,
    packages: ['firefox-esr'],
    elsewhere: 'install Firefox with your package manager, or set FIREFOX_PATH to its program',
  });
}

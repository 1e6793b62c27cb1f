/**
 * The closed list of what can go wrong: each code has a sentence a person understands and what to do next.
 * A cancel is not an error: it travels as the `AbortSignal` of its transfer.
 */
const ERRORS = {
  'link-incomplete': ['This link is not complete.', 'Ask for the link again and copy all of it.'],
  'not-secure': [
    'This page was opened over plain http, where browsers switch off what Beeline needs.',
    'Open it over https; its host can start the server with “npm start -- --https”.',
  ],
  unsupported: [
    'WebRTC is missing or switched off in this browser.',
    'Allow it in the settings or extensions, or use a current Chrome, Edge, Firefox or Safari.',
  ],
  'not-loaded': ['A part of Beeline did not arrive.', 'Check your connection, then reload the page.'],
  offline: ['This device is offline.', 'Connect it to a network; Beeline goes on by itself.'],
  'server-unreachable': [
    'The Beeline server cannot be reached.',
    'Check your connection. Beeline keeps trying by itself.',
  ],
  'server-refused': ['The Beeline server refused this device.', 'Wait a minute, then reload the page.'],
  'share-open-elsewhere': [
    'This share is already open in another tab or window.',
    'Go on there, or close it and reload this page.',
  ],
  'sender-away': ['The sender is not there right now.', 'Ask them to open Beeline; it connects by itself.'],
  'sender-closed': ['The sender closed this share.', 'Ask for a new link.'],
  'sender-declined': ['The sender declined.', 'Ask them to allow you, then try again.'],
  'receiver-declined': ['The receiver declined.', 'Nothing was saved there. The link still works.'],
  'receiver-gone': ['The receiver left.', 'The link still works: they can open it again.'],
  'not-authentic': [
    'The other side could not prove that it is the sender.',
    'Do not go on. Ask for a new link over a channel you trust.',
  ],
  'connect-timeout': [
    'The two devices could not reach each other in time.',
    'Put both on the same network, or ask the host of this server for a TURN relay that both can reach.',
  ],
  'connect-failed': [
    'The two networks do not let the devices meet.',
    'Put both on the same network, or ask the host of this server for a TURN relay that both can reach.',
  ],
  'no-address': [
    'This browser found no network address to connect from.',
    'Check the network, and settings or extensions that restrict WebRTC.',
  ],
  'udp-blocked': [
    'This network blocks direct connections (UDP), and this server has no relay.',
    'Use another network, or ask the host of this server to add a TURN relay.',
  ],
  'relay-refused': [
    'The relay of this server refused this device.',
    'Reload the page. If it stays, ask the host to check the secret, the clock and the quota of the TURN relay.',
  ],
  'relay-unreachable': [
    'The relay of this server cannot be reached from this network.',
    'Use another network, or ask the host to offer its TURN relay over TLS on port 443.',
  ],
  'dtls-failed': [
    'The two devices found each other, but could not begin an encrypted connection.',
    'Something on the way may block it. Update both browsers, or use another network.',
  ],
  'connection-lost': ['The connection was lost.', 'Keep this page open: Beeline connects again by itself.'],
  protocol: [
    'The other side sent something that Beeline does not allow.',
    'Reload both pages to use the same version.',
  ],
  version: ['The other side runs a different version of Beeline.', 'Reload both pages.'],
  'too-many-entries': [
    'There are too many files in this share.',
    'Send at most 100,000 files at once, or zip them first.',
  ],
  'name-too-long': ['A file path is too long to send.', 'Shorten its folders’ names.'],
  'source-changed': ['The file changed while it was being sent.', 'Send it again once it is saved.'],
  'source-gone': ['The file is no longer on the sender’s disk.', 'Ask the sender to choose it again.'],
  'source-unreadable': ['The sender’s browser may not read the file any more.', 'Ask the sender to choose it again.'],
  'no-room': [
    'There is not enough room on this device.',
    'Free some space, accept fewer files, or choose another place.',
  ],
  'open-elsewhere': [
    'This transfer is running in another tab or window.',
    'Go on there, or close it and try again here.',
  ],
  gone: ['What was here of this transfer is no longer there.', 'Receive it again from the start.'],
  'peer-silent': ['The other device does not answer.', 'It may be asleep. Wake it and open Beeline there.'],
  'disk-failed': ['Writing to the disk failed.', 'Check the disk and its permissions, then try again.'],
  'save-stopped': ['Saving was stopped before its end.', 'Save again: the files are still here.'],
  'permission-denied': ['The browser was not allowed to write there.', 'Choose the place again and allow it.'],
  'memory-only': [
    'This browser gives no storage here (a private window?), and the files are too large for memory.',
    'Open the link in a normal window, or accept at most 256 MiB.',
  ],
  corrupt: ['Data arrived damaged several times.', 'Try again; if it repeats, check the sender’s disk.'],
  internal: [
    'Something went wrong inside Beeline.',
    'Reload the page. What is already verified is kept while it is open.',
  ],
} as const satisfies Record<string, readonly [sentence: string, next: string]>;

export type ErrorCode = keyof typeof ERRORS;

export const ERROR_CODES = Object.keys(ERRORS) as readonly ErrorCode[];

export function isErrorCode(code: unknown): code is ErrorCode {
  return typeof code === 'string' && Object.hasOwn(ERRORS, code);
}

/** The sentence for a code, and what a person can do about it. */
export function explain(code: ErrorCode): { readonly sentence: string; readonly next: string } {
  const [sentence, next] = ERRORS[code];
  return { sentence, next };
}

/** The only error class of Beeline. `detail` is for the console and reports, never for the person, and names no file. */
export class BeelineError extends Error {
  override readonly name = 'BeelineError';

  constructor(
    readonly code: ErrorCode,
    readonly detail = '',
    options?: { cause?: unknown },
  ) {
    super(detail === '' ? ERRORS[code][0] : `${ERRORS[code][0]} (${detail})`, options);
  }
}

/** Gives what was thrown a code: its own if it has one, else `fallback`. */
export function asBeelineError(thrown: unknown, fallback: ErrorCode = 'internal'): BeelineError {
  if (thrown instanceof BeelineError) return thrown;
  return new BeelineError(fallback, thrown instanceof Error ? thrown.message : String(thrown), { cause: thrown });
}

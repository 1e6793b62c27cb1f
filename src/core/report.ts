/** A report of a connection that did not come about, for somebody who can mend it: plain text, a fact a line. */
import { findingsList, type Findings, meaningOf } from './check.ts';
import { type Candidate, evidenceOf, type FailedAttempt } from './diagnosis.ts';
import type { ErrorCode } from './errors.ts';
import { PROTOCOL_VERSION } from './limits.ts';
import type { SignalingStatus } from './ports.ts';

export interface FailureFacts {
  /** What the browser calls itself. */
  readonly browser: string;
  readonly code: ErrorCode;
  /** Null where none was begun. */
  readonly signaling: SignalingStatus | null;
  readonly attempt: FailedAttempt | null;
}

/** @param withAddresses false hides every address and host, of either device and of the servers. Rule [C12]. */
export function failureReport({ browser, code, signaling, attempt }: FailureFacts, withAddresses: boolean): string {
  const lines = [
    `Beeline, protocol ${PROTOCOL_VERSION}`,
    `browser: ${browser}`,
    `reason: ${code}`,
    `signaling: ${signaling ?? 'not begun'}`,
    ...(attempt === null ? ['no attempt to connect was in trouble'] : attemptLines(attempt, withAddresses)),
  ];
  return lines.join('\n');
}

/** What the check page found. */
export function checkReport(browser: string, findings: Findings, withAddresses: boolean): string {
  const urls = [...findings.stun, ...findings.relays].map(({ url }) => url);
  return [
    `Beeline, protocol ${PROTOCOL_VERSION}`,
    `browser: ${browser}`,
    `meaning: ${meaningOf(findings).sentence}`,
    ...findingsList(findings).map(({ name, verdict, text }) => `${name}: ${verdict}. ${text}`),
    ...urls.map((url) => `server: ${withAddresses ? url : withoutHosts(url)}`),
  ].join('\n');
}

function attemptLines(attempt: FailedAttempt, withAddresses: boolean): string[] {
  const evidence = evidenceOf(attempt);
  const shown = (text: string): string => (withAddresses ? text : withoutHosts(text));
  const servers = attempt.iceServers.flatMap(({ urls }) => urls);
  return [
    `last attempt: ${attempt.code}, after ${Math.round(evidence.forMs / 1000)} s, ${evidence.answered ? 'answered' : 'not answered'}`,
    `STUN and TURN: ${servers.length === 0 ? 'none' : servers.map(shown).join(', ')}`,
    `gathered here: ${counts(evidence.gathered)}`,
    `received: ${counts(evidence.received)}`,
    ...evidence.errors.map(({ url, code, text }) => `error ${code} of ${shown(url)}: ${shown(text)}`),
    ...evidence.steps.map(({ of, state, atMs }) => `${atMs} ms: ${of} ${state}`),
    ...(withAddresses ? addressLines('here', evidence.addresses.gathered) : []),
    ...(withAddresses ? addressLines('received', evidence.addresses.received) : []),
  ];
}

function addressLines(whose: string, lines: readonly string[]): string[] {
  return lines.map((line) => `${whose}: ${line}`);
}

/** `2 host udp, 1 relay udp IPv4`: each kind once. */
function counts(candidates: readonly Candidate[]): string {
  const kinds = new Map<string, number>();
  for (const { type, protocol, family } of candidates) {
    const kind = `${type} ${protocol} ${family === null ? 'mDNS' : `IPv${family}`}`;
    kinds.set(kind, (kinds.get(kind) ?? 0) + 1);
  }
  return [...kinds].map(([kind, count]) => `${count} ${kind}`).join(', ') || 'none';
}

/**
 * Takes hosts out of the URLs of STUN and TURN (RFC 7064, RFC 7065), and what looks like an address out of any text: what
 * a server writes into its errors is its own choice.
 */
export function withoutHosts(text: string): string {
  return text
    .replace(/\b((?:stun|turn)s?:)(?:\[[^\]]*\]|[^:?\s]+)/gu, '$1(host)')
    .replace(/\b\d{1,3}(?:\.(?:\d{1,3}|x)){3}\b/gu, '(address)')
    .replace(/(?<![\w:])(?:[\da-f]{0,4}:){2,7}[\da-f]{0,4}(?![\w:])/giu, '(address)');
}

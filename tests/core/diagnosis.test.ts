import { describe, expect, it } from 'vitest';
import {
  type Candidate,
  type ConnectEvidence,
  diagnose,
  type GatheringError,
  evidenceOf,
  parseCandidate,
  SILENT_MS,
  type Step,
} from '../../src/core/diagnosis.ts';
import type { ErrorCode } from '../../src/core/errors.ts';
import type { IceAnswer } from '../../src/core/signaling.ts';

const STUN = 'stun:stun.example:3478';
const TURN_UDP = 'turn:relay.example:3478?transport=udp';
const TURN_TCP = 'turn:relay.example:3478?transport=tcp';
const TURN_TLS = 'turns:relay.example:443?transport=tcp';

const host: Candidate = { type: 'host', protocol: 'udp', family: null };
const srflx: Candidate = { type: 'srflx', protocol: 'udp', family: 4 };
const relay: Candidate = { type: 'relay', protocol: 'udp', family: 4 };

const step = (of: Step['of'], state: string, atMs = 100): Step => ({ of, state, atMs });
const gathering = step('gathering', 'gathering', 5);
const gathered = step('gathering', 'complete', 140);
const failed = (url: string, code: number): GatheringError => ({ url, code, text: '' });

const NOTHING = evidenceOf({
  trace: { online: true, gathered: [], heard: [], errors: [], steps: [] },
  answered: false,
  forMs: 0,
});

const servers = (...urls: string[]): IceAnswer['iceServers'] => [{ urls }];

/** An attempt whose time is up, that got an answer and gathered what a LAN gives. */
function evidence(change: Partial<ConnectEvidence> = {}): ConnectEvidence {
  return {
    ...NOTHING,
    answered: true,
    gathered: [host],
    received: [host],
    steps: [gathering, gathered, step('ice', 'checking')],
    forMs: 20_000,
    ...change,
  };
}

describe('the code of an attempt that failed', () => {
  it.each<[code: ErrorCode, when: string, Partial<ConnectEvidence>, IceAnswer['iceServers']]>([
    ['offline', 'there is no network', { online: false, answered: false, gathered: [] }, servers(STUN)],

    ['no-address', 'nothing is gathered without any server', { gathered: [] }, []],
    ['no-address', 'nothing is gathered, and STUN fails', { gathered: [], errors: [failed(STUN, 701)] }, servers(STUN)],
    ['no-address', 'nothing is gathered for long', { gathered: [], steps: [gathering] }, servers(STUN)],
    ['no-address', 'nothing is gathered, nor is there an answer', { gathered: [], answered: false }, []],
    ['unsupported', 'STUN was never tried', { gathered: [] }, servers(STUN)],
    [
      'unsupported',
      'UDP was never tried, and TCP failed',
      { gathered: [], errors: [failed(TURN_TCP, 701)] },
      servers(TURN_UDP, TURN_TCP),
    ],
    [
      'relay-refused',
      'UDP was never tried, and the relay refused over TCP',
      { gathered: [], errors: [failed(TURN_TCP, 401)] },
      servers(TURN_UDP, TURN_TCP),
    ],

    ['peer-silent', 'no answer came', { answered: false }, []],
    ['peer-silent', 'no answer came, and the relay fails too', { answered: false }, servers(TURN_UDP)],
    ['peer-silent', 'nothing is known', { answered: false, gathered: [], steps: [] }, []],

    ['udp-blocked', 'STUN was out of reach', { errors: [failed(STUN, 701)] }, servers(STUN)],
    ['udp-blocked', 'STUN is silent for long', { steps: [gathering] }, servers(STUN)],
    ['connect-failed', 'STUN is silent for a moment', { steps: [gathering], forMs: SILENT_MS - 1 }, servers(STUN)],
    ['connect-failed', 'STUN showed the address the device has itself', {}, servers(STUN)],
    [
      'connect-failed',
      'one STUN server of two answers',
      { gathered: [srflx], errors: [failed(STUN, 701)] },
      servers(STUN),
    ],
    ['connect-failed', 'there is no server at all', { steps: [gathering] }, []],
    ['connect-failed', 'ICE tried all pairs', { gathered: [host, srflx], received: [host, srflx] }, servers(STUN)],

    ...[400, 401, 403, 437, 438, 441, 486, 508].map(
      (code) =>
        [
          'relay-refused',
          `the relay said ${code}`,
          { gathered: [host, srflx], errors: [failed(TURN_UDP, code)] },
          servers(STUN, TURN_UDP),
        ] as [ErrorCode, string, Partial<ConnectEvidence>, IceAnswer['iceServers']],
    ),
    [
      'relay-refused',
      'the relay refused over one transport and was out of reach over another',
      { errors: [failed(TURN_TLS, 701), failed(TURN_UDP, 486)] },
      servers(TURN_UDP, TURN_TLS),
    ],
    ['relay-unreachable', 'the relay was out of reach', { errors: [failed(TURN_TCP, 701)] }, servers(STUN, TURN_TCP)],
    ['relay-unreachable', 'the relay is silent for long', { steps: [gathering] }, servers(TURN_UDP)],
    ['relay-unreachable', 'the browser tells no errors', { gathered: [host, srflx] }, servers(STUN, TURN_UDP)],
    ['connect-failed', 'the relay is silent for a moment', { steps: [gathering], forMs: 900 }, servers(TURN_UDP)],
    [
      'connect-failed',
      'the relay served over TCP alone',
      { gathered: [host, relay], errors: [failed(TURN_TLS, 701)], steps: [gathering] },
      servers(TURN_UDP, TURN_TCP, TURN_TLS),
    ],

    ['dtls-failed', 'DTLS says so', { steps: [gathered, step('ice', 'connected'), step('dtls', 'failed')] }, []],
    ['dtls-failed', 'ICE has a path for long', { steps: [gathered, step('ice', 'connected', 9_000)] }, servers(STUN)],
    [
      'dtls-failed',
      'the connection failed over a path that works',
      { steps: [gathered, step('ice', 'completed', 19_000), step('connection', 'failed', 19_900)] },
      [],
    ],
    [
      'connect-timeout',
      'ICE has just found a path',
      { steps: [gathered, step('ice', 'connected', 19_000)] },
      servers(STUN),
    ],
    [
      'connect-timeout',
      'all is encrypted, and the channels are not open',
      { steps: [gathered, step('ice', 'connected'), step('dtls', 'connected')] },
      [],
    ],
    [
      'connect-timeout',
      'the browser tells of the connection only',
      { steps: [gathered, step('ice', 'connected'), step('connection', 'connected')] },
      [],
    ],
    [
      'connect-failed',
      'the path was lost again',
      { steps: [gathered, step('ice', 'connected'), step('ice', 'disconnected'), step('connection', 'failed')] },
      [],
    ],
  ])('[C10] is %s when %s', (code, _, change, iceServers) => {
    expect(diagnose(evidence(change), iceServers)).toBe(code);
  });
});

describe('a candidate as it is written', () => {
  it.each<[string, Candidate | null]>([
    [
      'candidate:505092766 1 udp 2113937151 8925421f-f20f-4604-87b4-81d36c239c5e.local 58382 typ host generation 0',
      host,
    ],
    ['candidate:1 1 UDP 1677729535 192.0.2.2 47794 typ srflx raddr 0.0.0.0 rport 0', srflx],
    ['candidate:2 1 udp 50340095 192.0.2.2 50028 typ relay raddr 192.0.2.2 rport 48384 generation 0', relay],
    ['candidate:3 1 tcp 1 2001:db8::1 9 typ host tcptype active', { type: 'host', protocol: 'tcp', family: 6 }],
    ['candidate:4 1 udp 1 192.0.2.9 5 typ prflx', { type: 'prflx', protocol: 'udp', family: 4 }],
    ['', null],
    ['candidate:5 1 sctp 1 192.0.2.9 5 typ host', null],
    ['candidate:6 1 udp 1 192.0.2.9 5 typ other', null],
    ['candidate:7 1 udp', null],
  ])('%s', (line, candidate) => {
    expect(parseCandidate(line)).toEqual(candidate);
  });
});

it('[C12] a trace becomes evidence whose addresses are kept apart', () => {
  const mine = 'candidate:1 1 udp 1 192.0.2.2 47794 typ srflx raddr 0.0.0.0 rport 0';
  const theirs = 'candidate:1 1 udp 1 2001:db8::7 5 typ host';
  const later = 'candidate:2 1 udp 1 192.0.2.9 6 typ relay raddr 0.0.0.0 rport 0';
  const { addresses, ...evidence } = evidenceOf({
    trace: {
      online: true,
      gathered: [mine, ''],
      heard: [`v=0\r\na=mid:0\r\na=${theirs}\r\na=end-of-candidates\r\n`, later, 'nonsense'],
      errors: [],
      steps: [gathering],
    },
    answered: true,
    forMs: 7,
  });
  expect(evidence).toEqual({
    online: true,
    answered: true,
    forMs: 7,
    gathered: [srflx],
    received: [{ type: 'host', protocol: 'udp', family: 6 }, relay],
    errors: [],
    steps: [gathering],
  });
  expect(addresses).toEqual({ gathered: [mine], received: [theirs, later] });
});

import { beforeEach, describe, expect, it } from 'vitest';
import { type Gathered, UdpFirst } from '../../src/net/udp-first.ts';
import { ManualClock } from '../doubles/clock.ts';

const HOST = { type: 'host' } as const;
const SRFLX = { type: 'srflx' } as const;
const UDP = { type: 'relay', relayProtocol: null } as const;
const TCP = { type: 'relay', relayProtocol: 'tcp' } as const;
const TLS = { type: 'relay', relayProtocol: 'tls' } as const;

const RELAY = ['turn:relay.example', 'turn:relay.example?transport=tcp', 'turns:relay.example?transport=tcp'];

describe('[C18] of relays, the one over UDP is told first', () => {
  let clock: ManualClock;
  let told: Gathered[];
  beforeEach(() => {
    clock = new ManualClock();
    told = [];
  });

  function open(urls = RELAY): UdpFirst<Gathered> {
    return new UdpFirst(clock, { iceServers: [{ urls }], ttl: 600 }, (candidate) => told.push(candidate));
  }

  function gather(candidates: UdpFirst<Gathered>, ...gathered: Gathered[]): void {
    for (const candidate of gathered) candidates.gathered(candidate);
  }

  it('although it answers last', () => {
    gather(open(), HOST, SRFLX, TCP, TLS, UDP);
    expect(told).toEqual([HOST, SRFLX, UDP, TCP, TLS]);
  });

  it('and nothing waits after it, not even for a second network', () => {
    gather(open(), HOST, SRFLX, UDP, SRFLX, TCP);
    expect(told).toEqual([HOST, SRFLX, UDP, SRFLX, TCP]);
  });

  it('unless it takes a second longer', () => {
    gather(open(), SRFLX, TCP);
    clock.advance(900);
    expect(told).toEqual([SRFLX]);
    clock.advance(100);
    expect(told).toEqual([SRFLX, TCP]);
  });

  it('or nothing more is gathered', () => {
    const candidates = open();
    gather(candidates, SRFLX, TCP);
    candidates.settle();
    expect(told).toEqual([SRFLX, TCP]);
  });

  it('which nobody waits for where no STUN server has answered: UDP may be blocked', () => {
    gather(open(), HOST, TCP, TLS);
    expect(told).toEqual([HOST, TCP, TLS]);
  });

  it('nor where no relay is asked over UDP', () => {
    gather(open(RELAY.slice(1)), SRFLX, TCP, TLS);
    expect(told).toEqual([SRFLX, TCP, TLS]);
  });

  it('nor where the browser does not tell over what a relay is reached', () => {
    const relay = { type: 'relay' } as const;
    gather(open(), SRFLX, relay, relay);
    expect(told).toEqual([SRFLX, relay, relay]);
  });

  it('and of a closed connection nothing is told', () => {
    const candidates = open();
    gather(candidates, SRFLX, TCP);
    candidates.close();
    clock.advance(2_000);
    expect(told).toEqual([SRFLX]);
  });
});

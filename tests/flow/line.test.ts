import { describe, expect, it } from 'vitest';
import { Heartbeat, PING_MS, QUIET_TICKS } from '../../src/flow/line.ts';
import { ManualClock } from '../doubles/clock.ts';

function begin() {
  const clock = new ManualClock();
  const said: string[] = [];
  const heartbeat = new Heartbeat(
    clock,
    () => said.push('ping'),
    (silent) => said.push(silent ? 'silence' : 'heard'),
  );
  return { clock, said, heartbeat };
}

describe('[C8] the heartbeat of a lane', () => {
  it('tells of silence once, after five ticks without a message, and of its end', () => {
    const { clock, said, heartbeat } = begin();
    clock.advance((QUIET_TICKS + 2) * PING_MS);
    expect(said).toEqual(['ping', 'ping', 'ping', 'ping', 'silence', 'ping', 'ping', 'ping']);
    heartbeat.heard();
    heartbeat.heard();
    expect(said.slice(8)).toEqual(['heard']);
  });

  it('never does while the other side is heard', () => {
    const { clock, said, heartbeat } = begin();
    for (let tick = 0; tick < 3 * QUIET_TICKS; tick++) {
      clock.advance(PING_MS);
      heartbeat.heard();
    }
    expect(new Set(said)).toEqual(new Set(['ping']));
  });

  it('ends when it is stopped', () => {
    const { clock, said, heartbeat } = begin();
    heartbeat.stop();
    clock.advance(10 * PING_MS);
    expect(said).toEqual([]);
  });
});

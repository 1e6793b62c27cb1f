import { describe, expect, it } from 'vitest';
import { Heartbeat, PING_MS, QUIET_TICKS, SILENT_TICKS } from '../../src/flow/line.ts';
import { ManualClock } from '../doubles/clock.ts';

function begin() {
  const clock = new ManualClock();
  const said: string[] = [];
  const heartbeat = new Heartbeat(
    clock,
    () => said.push('ping'),
    (hearing) => said.push(hearing),
  );
  return { clock, said, heartbeat };
}

describe('[C8] the heartbeat of a lane', () => {
  it('tells of silence once, and of its end', () => {
    const { clock, said, heartbeat } = begin();
    clock.advance((SILENT_TICKS + 2) * PING_MS);
    expect(said.filter((word) => word === 'ping')).toHaveLength(SILENT_TICKS + 2);
    expect([said.indexOf('quiet'), said.indexOf('silent')]).toEqual([QUIET_TICKS - 1, SILENT_TICKS]);
    said.length = 0;
    heartbeat.heard();
    heartbeat.heard();
    expect(said).toEqual(['heard']);
  });

  it('[C15] tells of a short silence sooner, and each time', () => {
    const { clock, said, heartbeat } = begin();
    for (let time = 0; time < 2; time++) {
      clock.advance(QUIET_TICKS * PING_MS);
      heartbeat.heard();
    }
    expect(said.filter((word) => word !== 'ping')).toEqual(['quiet', 'heard', 'quiet', 'heard']);
  });

  it('never does while the other side is heard', () => {
    const { clock, said, heartbeat } = begin();
    for (let tick = 0; tick < 3 * SILENT_TICKS; tick++) {
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

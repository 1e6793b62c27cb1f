import { describe, expect, it } from 'vitest';
import { CREDIT_BYTES } from '../../src/core/limits.ts';
import { acceptedBytes, kindsOf, makeSchedule } from './schedule.ts';

const schedules = Array.from({ length: 2_000 }, (_, index) => makeSchedule(index + 1));
const faults = schedules.flatMap((schedule) => schedule.faults);

describe('a fault schedule', () => {
  it('is the same for the same seed, and another for another', () => {
    expect(makeSchedule(12_345)).toEqual(makeSchedule(12_345));
    const different = new Set(schedules.map((schedule) => JSON.stringify({ ...schedule, seed: 0 })));
    // Two of the shortest may be alike.
    expect(different.size).toBeGreaterThan(1_990);
  });

  it('is plain data: it survives JSON', () => {
    for (const schedule of schedules) expect(JSON.parse(JSON.stringify(schedule))).toEqual(schedule);
  });

  it.each(kindsOf('engine'))('has a %s among two thousand, often enough to meet the others', (kind) => {
    expect(faults.filter((fault) => fault.kind === kind).length).toBeGreaterThan(200);
  });

  it('has one to six faults, each at a byte of what is accepted', () => {
    for (const schedule of schedules) {
      expect(schedule.faults.length).toBeGreaterThanOrEqual(1);
      expect(schedule.faults.length).toBeLessThanOrEqual(6);
      for (const { at } of schedule.faults) {
        expect(at.bytes).toBeGreaterThanOrEqual(0);
        expect(at.bytes).toBeLessThanOrEqual(acceptedBytes(schedule));
        expect(at.thenMs).toBeGreaterThanOrEqual(0);
      }
    }
  });

  it('accepts at least one entry, of those that are shared', () => {
    for (const { sizes, accepted } of schedules) {
      expect(accepted.length).toBeGreaterThan(0);
      for (const entry of accepted) expect(sizes[entry]).toBeGreaterThanOrEqual(0);
    }
  });

  it('hits either side, and both at once', () => {
    const hits = faults.map((fault) => ('hit' in fault ? fault.hit : null));
    for (const side of ['sender', 'receiver', 'both']) expect(hits).toContain(side);
  });

  it('shares more than the credit window now and then, and nothing at all now and then', () => {
    expect(schedules.some((schedule) => acceptedBytes(schedule) > CREDIT_BYTES)).toBe(true);
    expect(schedules.some(({ sizes }) => sizes.includes(0))).toBe(true);
  });
});

describe('a fault schedule for browsers', () => {
  const inBrowsers = Array.from({ length: 2_000 }, (_, index) => makeSchedule(index + 1, 'browsers'));
  const kinds = inBrowsers.flatMap((schedule) => schedule.faults.map(({ kind }) => kind));

  it('is the same for the same seed, and plain data', () => {
    for (const schedule of inBrowsers) {
      expect(makeSchedule(schedule.seed, 'browsers')).toEqual(schedule);
      expect(JSON.parse(JSON.stringify(schedule))).toEqual(schedule);
    }
  });

  it.each(kindsOf('browsers'))('has a %s among two thousand, often enough to meet the others', (kind) => {
    expect(kinds.filter((other) => other === kind).length).toBeGreaterThan(100);
  });

  it('has every kind among any twenty in a row', () => {
    for (let first = 0; first + 20 <= inBrowsers.length; first++) {
      const met = inBrowsers.slice(first, first + 20).flatMap((schedule) => schedule.faults.map(({ kind }) => kind));
      expect(new Set(met).size).toBe(kindsOf('browsers').length);
    }
  });

  it('has nothing that only the engine can do', () => {
    const silences = inBrowsers.flatMap(({ faults }) => faults).filter((fault) => fault.kind === 'silence');
    expect(silences.every(({ alive }) => alive)).toBe(true);
    expect(kinds.every((kind) => kindsOf('browsers').includes(kind))).toBe(true);
  });
});

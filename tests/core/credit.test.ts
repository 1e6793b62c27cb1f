import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { CreditGate, CreditWindow } from '../../src/core/credit.ts';
import { CREDIT_BYTES } from '../../src/core/limits.ts';
import { refusal } from './refusals.ts';

describe('credit', () => {
  it('[K1] starts with one window on both sides', () => {
    expect(new CreditGate().room).toBe(CREDIT_BYTES);
    const window = new CreditWindow();
    expect(refusal(() => window.receive(CREDIT_BYTES))).toBeNull();
    expect(refusal(() => window.receive(1))).toBe('protocol');
  });

  it('[K1] [K2] a sender that obeys its gate is never refused, and memory stays within the window', () => {
    const step = fc.record({ do: fc.constantFrom('send', 'write', 'grant'), bytes: fc.nat(CREDIT_BYTES) });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const gate = new CreditGate();
        const window = new CreditWindow();
        let unwritten = 0;
        for (const { do: what, bytes } of steps) {
          if (what === 'send') {
            const sent = Math.min(bytes, gate.room);
            gate.spend(sent);
            expect(refusal(() => window.receive(sent))).toBeNull();
            unwritten += sent;
          } else if (what === 'write') {
            const written = Math.min(bytes, unwritten);
            window.release(written);
            unwritten -= written;
          } else gate.raise(window.grant());
          expect(unwritten).toBeLessThanOrEqual(CREDIT_BYTES);
          expect(gate.room).toBeGreaterThanOrEqual(0);
        }
        gate.raise(window.grant());
        expect(gate.room).toBe(CREDIT_BYTES - unwritten);
      }),
    );
  });

  it('[K2] is not raised by bytes received, only by bytes released', () => {
    const window = new CreditWindow();
    window.receive(CREDIT_BYTES);
    expect(window.grant()).toBe(CREDIT_BYTES);
    window.release(5);
    expect(window.grant()).toBe(CREDIT_BYTES + 5);
  });

  it('[K1] released but not granted credit may not be used', () => {
    const window = new CreditWindow();
    window.receive(CREDIT_BYTES);
    window.release(CREDIT_BYTES);
    expect(refusal(() => window.receive(1))).toBe('protocol');
  });

  it('[K3] a limit never falls', () => {
    const gate = new CreditGate();
    gate.raise(CREDIT_BYTES + 10);
    gate.raise(3);
    gate.raise(0);
    expect(gate.room).toBe(CREDIT_BYTES + 10);
  });

  it('[K4] is worth a message from an eighth of the window on', () => {
    const window = new CreditWindow();
    window.receive(CREDIT_BYTES);
    window.release(CREDIT_BYTES / 8 - 1);
    expect(window.worthGranting).toBe(false);
    window.release(1);
    expect(window.worthGranting).toBe(true);
    window.grant();
    expect(window.worthGranting).toBe(false);
  });
});

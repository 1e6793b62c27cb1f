import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Ledger } from '../../src/core/ledger.ts';
import { PIECE_BYTES } from '../../src/core/limits.ts';
import { makeManifest, PieceTable } from '../../src/core/manifest.ts';
import { eachOf } from '../../src/core/messages.ts';

function ledgerOf(sizes: readonly number[], accepted: readonly number[] = sizes.map((_, entry) => entry)): Ledger {
  const entries = sizes.map((size, entry) => ({ path: `f${entry}`, size, mtime: 0, type: '' }));
  return new Ledger(makeManifest('0'.repeat(32), entries), accepted);
}

/** The rules again, with nothing counted ahead: everything follows from five sets. */
class Model {
  readonly marked = new Set<number>();
  readonly failed = new Set<number>();
  readonly closed = new Set<number>();
  readonly cancelled = new Set<number>();
  readonly paused = new Set<number>();
  readonly table: PieceTable;

  constructor(
    readonly sizes: readonly number[],
    readonly acceptedAtFirst: readonly number[],
  ) {
    this.table = new PieceTable(sizes);
  }

  get accepted(): number[] {
    return this.acceptedAtFirst.filter((entry) => !this.cancelled.has(entry));
  }

  isLacking(entry: number): boolean {
    return this.accepted.includes(entry) && !this.failed.has(entry) && !this.isWhole(entry);
  }

  pieces(entry: number): number[] {
    const [from, to] = this.table.range(entry);
    return Array.from({ length: to - from }, (_, at) => from + at);
  }

  isWhole(entry: number): boolean {
    return this.accepted.includes(entry) && this.pieces(entry).every((piece) => this.marked.has(piece));
  }

  lacks(piece: number): boolean {
    if (piece >= this.table.count || this.marked.has(piece)) return false;
    const { entry } = this.table.span(piece);
    return this.accepted.includes(entry) && !this.failed.has(entry);
  }

  bytesOf(entry: number): number {
    if (this.failed.has(entry) || this.cancelled.has(entry)) return 0;
    const here = this.pieces(entry).filter((piece) => this.marked.has(piece));
    return here.reduce((sum, piece) => sum + this.table.span(piece).length, 0);
  }

  sum(bytes: (entry: number) => number, entries = this.accepted): number {
    return entries.reduce((total, entry) => total + bytes(entry), 0);
  }

  missing(): number[] {
    return Array.from({ length: this.table.count }, (_, piece) => piece).filter((piece) => this.lacks(piece));
  }
}

function compare(ledger: Ledger, model: Model): void {
  const { sizes, accepted, failed, closed, cancelled, paused } = model;
  const verified = model.sum((entry) => model.bytesOf(entry));
  expect(ledger.verifiedBytes).toBe(verified);
  expect(ledger.verifiedEntries).toBe(closed.size);
  expect(ledger.failedEntries).toBe(failed.size);
  expect(ledger.totalEntries).toBe(accepted.length);
  expect(ledger.totalBytes).toBe(model.sum((entry) => sizes[entry] ?? 0));
  expect([...ledger.cancelled.keys()]).toEqual([...cancelled]);
  expect(ledger.settled).toBe(accepted.every((entry) => closed.has(entry) || failed.has(entry)));
  expect([...eachOf(ledger.missing())]).toEqual(model.missing());
  const open = accepted.filter((entry) => !failed.has(entry));
  const bytesLeft = (entry: number): number => (sizes[entry] ?? 0) - model.bytesOf(entry);
  expect(ledger.bytesLeft).toBe(model.sum(bytesLeft, open));
  const unpaused = open.filter((entry) => !paused.has(entry));
  expect(ledger.unpausedBytesLeft).toBe(model.sum(bytesLeft, unpaused));
  sizes.forEach((_, entry) => {
    const status = ledger.status(entry);
    if (!accepted.includes(entry)) expect(status).toBe('skipped');
    else if (failed.has(entry)) expect(status).toBe('failed');
    else if (closed.has(entry)) expect(status).toBe('verified');
    else if (paused.has(entry)) expect(status).toBe('paused');
    else expect(status).toBe(model.bytesOf(entry) > 0 ? 'moving' : 'waiting');
    expect(ledger.verifiedBytesOf(entry)).toBe(model.bytesOf(entry));
    expect(ledger.failure(entry)).toBe(failed.has(entry) ? 'source-gone' : null);
    expect(ledger.isWhole(entry)).toBe(model.isWhole(entry));
    expect(ledger.wasAccepted(entry)).toBe(accepted.includes(entry) || cancelled.has(entry));
  });
}

const sizes = fc.array(fc.constantFrom(0, 1, 700, PIECE_BYTES, PIECE_BYTES + 1, PIECE_BYTES * 3), {
  minLength: 1,
  maxLength: 7,
});
const command = fc.record({
  do: fc.constantFrom('mark', 'mark', 'mark', 'mark', 'close', 'fail', 'cancel', 'pause', 'resume'),
  number: fc.nat(25),
});

describe('the ledger', () => {
  it('[P3] [P4] [P7] [P8] counts marked pieces of open entries, and nothing else', () => {
    fc.assert(
      fc.property(sizes, fc.array(fc.boolean()), fc.array(command, { maxLength: 60 }), (all, chosen, commands) => {
        const accepted = all.flatMap((_, entry) => (chosen[entry] === false ? [] : [entry]));
        const ledger = ledgerOf(all, accepted);
        const model = new Model(all, accepted);
        for (const { do: what, number } of commands) {
          if (what === 'mark') {
            const lacked = model.lacks(number);
            if (lacked) model.marked.add(number);
            const entry = lacked ? model.table.span(number).entry : -1;
            expect(ledger.mark(number)).toBe(lacked && model.isWhole(entry) ? entry : null);
          } else if (what === 'close') {
            ledger.close(number);
            if (model.isWhole(number) && !model.failed.has(number)) {
              model.closed.add(number);
              model.paused.delete(number);
            }
          } else if (what === 'cancel') {
            const open = model.isLacking(number);
            expect(ledger.cancel(number, 'me')).toBe(open);
            if (open) {
              model.cancelled.add(number);
              model.paused.delete(number);
            }
          } else if (what === 'pause') {
            const open = model.isLacking(number) && !model.paused.has(number);
            expect(ledger.pause(number)).toBe(open);
            if (open) model.paused.add(number);
          } else if (what === 'resume') {
            expect(ledger.resume(number)).toBe(model.paused.delete(number));
          } else {
            const open = model.accepted.includes(number) && !model.closed.has(number) && !model.failed.has(number);
            expect(ledger.fail(number, 'source-gone')).toBe(open);
            if (open) {
              model.failed.add(number);
              model.paused.delete(number);
            }
          }
          compare(ledger, model);
        }
      }),
    );
  });

  it('[E1] a piece that is acknowledged after its entry failed does not count', () => {
    const ledger = ledgerOf([PIECE_BYTES * 3, 10]);
    ledger.mark(0);
    ledger.fail(0, 'source-changed');
    expect(ledger.mark(1)).toBeNull();
    expect(ledger.verifiedBytes).toBe(0);
    expect(ledger.bytesLeft).toBe(10);
  });

  it('[P8] speed is measured by what was marked, also of an entry that is cancelled', () => {
    const ledger = ledgerOf([PIECE_BYTES * 3, 10]);
    ledger.mark(0);
    ledger.cancel(0, 'me');
    expect([ledger.markedBytes, ledger.verifiedBytes, ledger.totalBytes]).toEqual([PIECE_BYTES, 0, 10]);
    expect([ledger.status(0), ledger.mark(1)]).toEqual(['skipped', null]);
  });

  it('[P8] what an earlier page has cancelled stays cancelled', () => {
    const { manifest, accepted } = ledgerOf([PIECE_BYTES, 10, 20]);
    const ledger = new Ledger(manifest, accepted, new Map([[1, 'peer']]));
    expect([ledger.status(1), ledger.totalEntries, ledger.totalBytes]).toEqual(['skipped', 2, PIECE_BYTES + 20]);
    expect(ledger.cancelled.get(1)).toBe('peer');
  });

  it('[P3] a piece of an entry that was not accepted does not count', () => {
    const ledger = ledgerOf([PIECE_BYTES, PIECE_BYTES], [1]);
    expect(ledger.mark(0)).toBeNull();
    expect(ledger.verifiedBytes).toBe(0);
    expect(ledger.status(0)).toBe('skipped');
  });

  it('[P4] an empty entry is whole from the start, and verified once it has its name', () => {
    const ledger = ledgerOf([0]);
    expect(ledger.isWhole(0)).toBe(true);
    expect(ledger.settled).toBe(false);
    ledger.close(0);
    expect(ledger.settled).toBe(true);
  });

  it('[P4] a verified entry cannot fail, a failed one cannot be verified', () => {
    const ledger = ledgerOf([0, 0]);
    ledger.close(0);
    expect(ledger.fail(0, 'source-gone')).toBe(false);
    ledger.fail(1, 'source-gone');
    ledger.close(1);
    expect([ledger.status(0), ledger.status(1)]).toEqual(['verified', 'failed']);
  });

  it('[D1] nothing accepted is settled at once', () => expect(ledgerOf([5], []).settled).toBe(true));
});

/**
 * What every sink must do, as plain functions: the same cases run in Node against the double and in a real browser
 * against each adapter.
 */
import { PIECE_BYTES } from '../../src/core/limits.ts';
import type { Bytes } from '../../src/core/bytes.ts';
import { equalBytes } from '../../src/core/bytes.ts';
import type { PlannedEntry } from '../../src/core/manifest.ts';
import type { Sink, SinkPlan } from '../../src/core/ports.ts';
import { seededBytes } from '../doubles/random.ts';

/** A kind of sink under test. */
export interface SinkSubject {
  open(plan: SinkPlan): Promise<Sink>;
  /** What the person gets of a finished entry. */
  contents(sink: Sink, entry: number): Promise<Bytes>;
}

const KIB = 1024;
const SIZES = [0, 1, 65_535, 65_536, 65_537, 1_048_575, 1_048_576, 1_048_577, 3_500_000];

/** A plan of entries of these sizes. Their numbers have gaps, as when not all of a manifest was accepted. */
export function planOf(sizes: readonly number[], paths: readonly string[] = []): SinkPlan {
  const entries = sizes.map((size, at): PlannedEntry => ({
    index: numberOf(at),
    path: paths[at] ?? `file-${at}.bin`,
    size,
    mtime: Date.UTC(2024, 1, 3, 4, 5, 6) + at * 1000,
    type: 'application/octet-stream',
    madeSafe: false,
  }));
  return { shareId: '0123456789abcdef0123456789abcdef', entries };
}

/** Number in the manifest of the entry `at` of a plan made by {@link planOf}. */
export function numberOf(at: number): number {
  return 2 * at + 1;
}

export function contentsOf(plan: SinkPlan): Map<number, Bytes> {
  return new Map(plan.entries.map(({ index, size }) => [index, seededBytes(size, index + 1)]));
}

/** A piece, not yet hashed. */
export interface PieceBytes {
  readonly entry: number;
  readonly offset: number;
  readonly bytes: Bytes;
}

/** The pieces of all entries, in an order that is neither theirs nor random. */
export function piecesOf(contents: ReadonlyMap<number, Bytes>): PieceBytes[] {
  const pieces = [...contents].flatMap(([entry, all]) =>
    Array.from({ length: Math.ceil(all.length / PIECE_BYTES) }, (_, piece) => {
      const offset = piece * PIECE_BYTES;
      return { entry, offset, bytes: all.slice(offset, offset + PIECE_BYTES) };
    }),
  );
  const odd = pieces.filter((_, at) => at % 2 === 1);
  return [...odd.reverse(), ...pieces.filter((_, at) => at % 2 === 0)];
}

/** Writes pieces at once, each with its true hash. */
export async function writePieces(sink: Sink, pieces: readonly PieceBytes[]): Promise<void> {
  const hashes = await Promise.all(pieces.map(({ bytes }) => crypto.subtle.digest('SHA-256', bytes)));
  await Promise.all(
    pieces.map(({ entry, offset, bytes }, at) =>
      sink.write(entry, offset, bytes, new Uint8Array(hashes[at] ?? new ArrayBuffer())),
    ),
  );
}

/** Writes everything at once and finishes every entry. */
export async function fill(sink: Sink, contents: ReadonlyMap<number, Bytes>): Promise<void> {
  await writePieces(sink, piecesOf(contents));
  await Promise.all(Array.from(contents.keys(), (entry) => sink.finish(entry)));
}

export const SINK_CASES: Readonly<Record<string, (subject: SinkSubject) => Promise<void>>> = {
  'puts pieces at their place, in whatever order they come': async (subject) => {
    const plan = planOf(SIZES);
    const contents = contentsOf(plan);
    const sink = await subject.open(plan);
    await fill(sink, contents);
    await expectContents(subject, sink, contents);
    await sink.discard();
  },

  'finishes an empty entry that was never written': async (subject) => {
    const sink = await subject.open(planOf([0]));
    await sink.finish(numberOf(0));
    expect((await subject.contents(sink, numberOf(0))).length === 0, 'an empty entry');
    await sink.discard();
  },

  'takes many small entries at once': async (subject) => {
    const plan = planOf(Array.from({ length: 300 }, (_, at) => (at % 7) * KIB + at));
    const contents = contentsOf(plan);
    const sink = await subject.open(plan);
    await fill(sink, contents);
    for (const entry of [numberOf(0), numberOf(1), numberOf(150), numberOf(299)]) {
      expect(same(await subject.contents(sink, entry), contents.get(entry)), `entry ${entry}`);
    }
    await sink.discard();
  },

  'keeps folders and names': async (subject) => {
    const plan = planOf([10, 20, 30], ['Ferien/Zürich/été 🌞.txt', 'Ferien/写真.jpg', 'Ferien/Zürich/a b']);
    const contents = contentsOf(plan);
    const sink = await subject.open(plan);
    await fill(sink, contents);
    await expectContents(subject, sink, contents);
    await sink.discard();
  },

  'goes on with the other entries when one is dropped': async (subject) => {
    const plan = planOf([2_000_000, 1_500_000]);
    const contents = contentsOf(plan);
    const sink = await subject.open(plan);
    await sink.write(numberOf(0), 0, seededBytes(PIECE_BYTES, 9), new Uint8Array(32));
    await sink.drop(numberOf(0));
    contents.delete(numberOf(0));
    await fill(sink, contents);
    await expectContents(subject, sink, contents);
    await sink.discard();
  },

  'leaves nothing of an entry that is dropped while it is written': async (subject) => {
    const plan = planOf([1_000, 2_000_000, 5]);
    const contents = contentsOf(plan);
    const sink = await subject.open(plan);
    const dropped = [numberOf(0), numberOf(1)];
    const writes = piecesOf(contents).filter(({ entry }) => dropped.includes(entry));
    const written = Promise.allSettled(
      writes.map(({ entry, offset, bytes }) => sink.write(entry, offset, bytes, new Uint8Array(32))),
    );
    await Promise.all(dropped.map((entry) => sink.drop(entry)));
    await written;
    for (const entry of dropped) contents.delete(entry);
    await fill(sink, contents);
    await expectContents(subject, sink, contents);
    for (const entry of dropped) {
      const left = await subject.contents(sink, entry).catch(() => null);
      expect(sink.kind !== 'folder' || left === null, `nothing is left of entry ${entry} in the folder`);
    }
    await sink.discard();
  },

  'recalls what is finished, or nothing if no other page can find it': async (subject) => {
    const plan = planOf(SIZES);
    const contents = contentsOf(plan);
    const sink = await subject.open(plan);
    await fill(sink, contents);
    const pieces = sink.storage === null ? [] : piecesOf(contents);
    let bytes = 0;
    const intact = new Set<string>();
    for await (const step of sink.recall()) {
      bytes += step.bytes;
      for (const { entry, offset } of step.intact) intact.add(`${entry} ${offset}`);
    }
    expect(bytes === pieces.reduce((total, piece) => total + piece.bytes.length, 0), 'all bytes are looked at');
    expect(intact.size === pieces.length, `${pieces.length} pieces are recalled`);
    expect(
      pieces.every(({ entry, offset }) => intact.has(`${entry} ${offset}`)),
      'the pieces that were written are recalled',
    );
    await sink.discard();
  },

  'refuses bytes outside of an entry, and entries that are not in the plan': async (subject) => {
    const sink = await subject.open(planOf([100, 200]));
    await expectRejection(
      () => sink.write(numberOf(0), 50, new Uint8Array(51), new Uint8Array(32)),
      'a write beyond the end',
    );
    await expectRejection(() => sink.write(0, 0, new Uint8Array(1), new Uint8Array(32)), 'a write to an unknown entry');
    await sink.discard();
  },

  'may be closed and discarded more than once': async (subject) => {
    const sink = await subject.open(planOf([PIECE_BYTES + 1]));
    await sink.write(numberOf(0), 0, seededBytes(PIECE_BYTES, 3), new Uint8Array(32));
    await sink.close();
    await sink.close();
    await sink.discard();
    await sink.discard();
  },
};

async function expectContents(subject: SinkSubject, sink: Sink, contents: ReadonlyMap<number, Bytes>): Promise<void> {
  for (const [entry, bytes] of contents) {
    expect(same(await subject.contents(sink, entry), bytes), `entry ${entry} of ${bytes.length} bytes`);
  }
}

function same(got: Bytes, wanted: Bytes | undefined): boolean {
  return wanted !== undefined && equalBytes(got, wanted);
}

async function expectRejection(run: () => Promise<void>, what: string): Promise<void> {
  const rejected = await run().then(
    () => false,
    () => true,
  );
  expect(rejected, `${what} is refused`);
}

/** The cases run where no test runner is. */
function expect(holds: boolean, what: string): void {
  if (!holds) throw new Error(`expected: ${what}`);
}

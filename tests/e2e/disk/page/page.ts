/** The page that the disk tests drive: it hands the adapters to the test as `lab`. */
import { toHex } from '../../../../src/core/bytes.ts';
import type { Bytes } from '../../../../src/core/bytes.ts';
import { BeelineError } from '../../../../src/core/errors.ts';
import type { Room, Sink, SinkPlan } from '../../../../src/core/ports.ts';
import { Database } from '../../../../src/disk/database.ts';
import { FolderSink } from '../../../../src/disk/folder.ts';
import { asHandles } from '../../../../src/disk/handles.ts';
import { isKept } from '../../../../src/disk/kept.ts';
import { MemorySink } from '../../../../src/disk/memory.ts';
import { OpfsSink } from '../../../../src/disk/opfs.ts';
import { DiskSinks } from '../../../../src/disk/sinks.ts';
import { pickDrop, pickFiles } from '../../../../src/disk/sources.ts';
import type { PickedFiles } from '../../../../src/disk/sources.ts';
import { SINK_CASES, contentsOf, fill, numberOf, planOf } from '../../../disk/sink.suite.ts';
import * as recall from './recall.ts';
import { SUBJECTS, newFolder, pathsIn, readPath } from './subjects.ts';
import type { SubjectName } from './subjects.ts';

async function sha256(bytes: Bytes | ArrayBuffer): Promise<string> {
  return toHex(new Uint8Array(await crypto.subtle.digest('SHA-256', bytes)));
}

/** The code of what is thrown, or `none`. */
async function codeOf(run: () => Promise<unknown>): Promise<string> {
  try {
    await run();
    return 'none';
  } catch (thrown) {
    return thrown instanceof BeelineError ? thrown.code : String(thrown);
  }
}

/** Resolves with the first drop on the page, walked. */
function nextDrop(): Promise<PickedFiles> {
  return new Promise((resolve, reject) => {
    document.addEventListener('dragover', (event) => event.preventDefault());
    document.addEventListener(
      'drop',
      (event) => {
        event.preventDefault();
        if (event.dataTransfer === null) return;
        pickDrop(event.dataTransfer, new AbortController().signal).then(resolve, reject);
      },
      { once: true },
    );
  });
}

const lab = {
  ...recall,
  isKept,
  cases: SINK_CASES,
  runCase: async (subject: SubjectName, name: string): Promise<void> => SINK_CASES[name]?.(await SUBJECTS[subject]()),
  sha256,
  codeOf,
  planOf,
  numberOf,
  contentsOf,
  fill,
  newFolder,
  pathsIn,
  readPath,
  nextDrop,
  pickFiles,
  pickDrop,
  OpfsSink,
  MemorySink,
  FolderSink,
  DiskSinks,
  Database,
  asHandles,
  /** What a test keeps between two evaluations. */
  kept: {} as {
    sink?: Sink;
    plan?: SinkPlan;
    contents?: ReadonlyMap<number, Bytes>;
    picked?: PickedFiles;
    drop?: Promise<PickedFiles>;
    room?: Room;
  },
};

export type Lab = typeof lab;

declare global {
  var lab: Lab;
}

globalThis.lab = lab;

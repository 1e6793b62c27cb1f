import type { OpfsReply, OpfsRequest } from '../core/opfs-messages.ts';

/** The part of a Worker that the writer needs. */
export interface WriterWorker {
  onmessage: ((event: MessageEvent<OpfsReply>) => void) | null;
  onerror: ((event: ErrorEvent) => void) | null;
  postMessage(request: OpfsRequest, transfer: Transferable[]): void;
  terminate(): void;
}

let ready: WriterWorker | null = null;

/** Starts a worker for the next file while the person still reads what is offered. */
export function prepareOpfsWorker(): void {
  ready ??= start();
}

/** A worker that owns no file yet. */
export function opfsWorker(): WriterWorker {
  const worker = ready ?? start();
  ready = null;
  return worker;
}

function start(): WriterWorker {
  return new Worker(new URL('../workers/opfs.ts', import.meta.url), { type: 'module' });
}

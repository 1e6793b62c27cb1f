import type { openStorage } from './disk/sinks.ts';

type Storage = Awaited<ReturnType<typeof openStorage>>;

let storage: Promise<Storage> | null = null;

/** What this browser keeps, opened once. A first visitor's screen does not wait for it. */
export function openDisk(): Promise<Storage> {
  storage ??= import('./disk/sinks.ts').then(({ openStorage }) => openStorage());
  return storage;
}

/** What outlives a reload: how far transfers are, what they need to go on, and settings. */
import { openDB } from 'idb';
import type { DBSchema, IDBPDatabase } from 'idb';
import type { Archive, KeptShare, Receipt, TransferNote } from '../core/ports.ts';
import { setKept } from './kept.ts';

interface Schema extends DBSchema {
  /** Small, and written often: the lists of a large share are kept once, in the two stores below. */
  notes: { key: [role: string, id: string]; value: TransferNote };
  receipts: { key: string; value: Receipt };
  shares: { key: string; value: KeptShare };
  settings: { key: string; value: { readonly key: string; readonly value: unknown } };
}

export const DATABASE_NAME = 'beeline';

/** Raise by one for each change of the schema, and add a step to {@link migrate}. */
export const DATABASE_VERSION = 2;

/** Brings a database from any older version to the present one: each step changes one version. */
export function migrate(database: IDBPDatabase<Schema>, oldVersion: number): void {
  if (oldVersion < 1) database.createObjectStore('settings', { keyPath: 'key' });
  if (oldVersion < 2) {
    // The first version had two of these with other keys, and never wrote to them.
    for (const store of ['notes', 'receipts', 'shares'] as const) {
      if (database.objectStoreNames.contains(store)) database.deleteObjectStore(store);
      database.createObjectStore(store, { keyPath: store === 'notes' ? ['role', 'id'] : 'id' });
    }
  }
}

/**
 * One connection to the database. Nothing here throws for want of storage: reading finds nothing and writing does nothing
 * in private windows, when the database cannot be opened, and once a newer version of the app in another tab has taken it
 * over.
 */
export class Database implements Omit<Archive, 'mayHaveReceipt'> {
  #connection: IDBPDatabase<Schema> | null = null;

  /**
   * Opens the database. Does not wait for an older tab that keeps it: then there is no storage until that lets go.
   *
   * @param name and `version` differ only in tests.
   */
  static async open(name: string = DATABASE_NAME, version: number = DATABASE_VERSION): Promise<Database> {
    const database = new Database();
    await new Promise<void>((resolve) => {
      database.#connect(name, version, resolve).then(resolve, () => resolve());
    });
    return database;
  }

  async #connect(name: string, version: number, blocked: () => void): Promise<void> {
    this.#connection = await openDB<Schema>(name, version, {
      upgrade: migrate,
      blocked: () => blocked(),
      blocking: () => this.close(),
      terminated: () => this.close(),
    });
  }

  /** False where nothing can be kept. */
  get available(): boolean {
    return this.#connection !== null;
  }

  close(): void {
    this.#connection?.close();
    this.#connection = null;
  }

  notes(): Promise<TransferNote[]> {
    return this.#read([], (connection) => connection.getAll('notes'));
  }

  note(note: TransferNote): Promise<void> {
    return this.#change((connection) => connection.put('notes', note));
  }

  /** Every receipt: what they name in storage is still wanted. */
  receipts(): Promise<Receipt[]> {
    return this.#read([], (connection) => connection.getAll('receipts'));
  }

  receipt(id: string): Promise<Receipt | null> {
    return this.#read(null, async (connection) => (await connection.get('receipts', id)) ?? null);
  }

  keepReceipt(receipt: Receipt): Promise<void> {
    return this.#change((connection) => {
      setKept(receipt.id, true);
      return connection.put('receipts', receipt);
    });
  }

  share(id: string): Promise<KeptShare | null> {
    return this.#read(null, async (connection) => (await connection.get('shares', id)) ?? null);
  }

  keepShare(share: KeptShare): Promise<void> {
    return this.#change((connection) => connection.put('shares', share));
  }

  forget(role: TransferNote['role'], id: string): Promise<void> {
    const store = role === 'receiving' ? 'receipts' : 'shares';
    return this.#change(async (connection) => {
      const transaction = connection.transaction(['notes', store], 'readwrite');
      const deleted = [transaction.objectStore('notes').delete([role, id]), transaction.objectStore(store).delete(id)];
      await Promise.all([...deleted, transaction.done]);
      if (role === 'receiving') setKept(id, false);
    });
  }

  /** The value is unknown until checked: an older version of the app may have written it. */
  setting(key: string): Promise<unknown> {
    return this.#read(undefined, async (connection) => (await connection.get('settings', key))?.value);
  }

  putSetting(key: string, value: unknown): Promise<void> {
    return this.#change((connection) => connection.put('settings', { key, value }));
  }

  async #read<Value>(nothing: Value, run: (connection: IDBPDatabase<Schema>) => Promise<Value>): Promise<Value> {
    if (this.#connection === null) return nothing;
    try {
      return await run(this.#connection);
    } catch (thrown) {
      if (isLost(thrown)) return nothing;
      throw thrown;
    }
  }

  async #change(run: (connection: IDBPDatabase<Schema>) => Promise<unknown>): Promise<void> {
    if (this.#connection === null) return;
    try {
      await run(this.#connection);
    } catch (thrown) {
      if (!isLost(thrown)) throw thrown;
    }
  }
}

/** True for what the browser throws when storage is gone or full, not for a mistake of ours. */
function isLost(thrown: unknown): boolean {
  return thrown instanceof DOMException && LOST.has(thrown.name);
}
const LOST = new Set(['InvalidStateError', 'AbortError', 'QuotaExceededError', 'UnknownError']);

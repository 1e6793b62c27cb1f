/** What outlives a reload: the shares this browser offers, what it has received of others, and settings. */
import { openDB } from 'idb';
import type { DBSchema, IDBPDatabase } from 'idb';
import type { Bytes } from '../core/bytes.ts';
import type { Entry, PlannedEntry } from '../core/manifest.ts';

/** A share this browser offers. */
export interface StoredShare {
  readonly shareId: string;
  /** ECDSA P-256; the private key cannot be exported. The link's secret is a hash of the public one. */
  readonly keyPair: CryptoKeyPair;
  /** This sender's own PeerJS token. */
  readonly token: string;
  readonly entries: readonly Entry[];
  /** For each entry its file, where the browser gives handles; null elsewhere. */
  readonly handles: readonly (FileSystemFileHandle | null)[] | null;
  /** Milliseconds since the epoch. */
  readonly createdAt: number;
}

/** What has been received of a share. */
export interface StoredReceipt {
  readonly shareId: string;
  /** The link's fragment: the secret, which finds the sender again. */
  readonly fragment: string;
  /** The accepted entries, in the order of the transfer's file. */
  readonly entries: readonly PlannedEntry[];
  /** Name of the transfer's file in OPFS. */
  readonly fileName: string;
  /** Bitmap of the verified pieces. */
  readonly haveMap: Bytes;
  /** Milliseconds since the epoch. */
  readonly updatedAt: number;
  readonly state: 'receiving' | 'received';
}

interface Schema extends DBSchema {
  shares: { key: string; value: StoredShare };
  receipts: { key: string; value: StoredReceipt };
  settings: { key: string; value: { readonly key: string; readonly value: unknown } };
}

type StoreName = 'shares' | 'receipts' | 'settings';

/** Whether something was kept: `no-storage` where the browser has no database for this page, or not any more. */
export type Kept = 'kept' | 'no-storage';

export const DATABASE_NAME = 'beeline';

/** Raise by one for each change of the schema, and add a case to {@link migrate}. */
export const DATABASE_VERSION = 1;

/** Brings a database from any older version to the present one: each case changes one version and falls to the next. */
export function migrate(database: IDBPDatabase<Schema>, oldVersion: number): void {
  switch (oldVersion) {
    case 0:
      database.createObjectStore('shares', { keyPath: 'shareId' });
      database.createObjectStore('receipts', { keyPath: 'shareId' });
      database.createObjectStore('settings', { keyPath: 'key' });
  }
}

/**
 * One connection to the database. Nothing here throws for want of storage: reading finds nothing and writing answers
 * `no-storage` in private windows, when the database cannot be opened, and once a newer version of the app in another
 * tab has taken it over.
 */
export class Database {
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

  putShare(share: StoredShare): Promise<Kept> {
    return this.#change((connection) => connection.put('shares', share));
  }

  async share(shareId: string): Promise<StoredShare | null> {
    return this.#read(null, async (connection) => (await connection.get('shares', shareId)) ?? null);
  }

  shares(): Promise<StoredShare[]> {
    return this.#read([], (connection) => connection.getAll('shares'));
  }

  deleteShare(shareId: string): Promise<Kept> {
    return this.#delete('shares', shareId);
  }

  putReceipt(receipt: StoredReceipt): Promise<Kept> {
    return this.#change((connection) => connection.put('receipts', receipt));
  }

  receipt(shareId: string): Promise<StoredReceipt | null> {
    return this.#read(null, async (connection) => (await connection.get('receipts', shareId)) ?? null);
  }

  receipts(): Promise<StoredReceipt[]> {
    return this.#read([], (connection) => connection.getAll('receipts'));
  }

  deleteReceipt(shareId: string): Promise<Kept> {
    return this.#delete('receipts', shareId);
  }

  /** The value is unknown until checked: an older version of the app may have written it. */
  setting(key: string): Promise<unknown> {
    return this.#read(undefined, async (connection) => (await connection.get('settings', key))?.value);
  }

  putSetting(key: string, value: unknown): Promise<Kept> {
    return this.#change((connection) => connection.put('settings', { key, value }));
  }

  #delete(store: StoreName, key: string): Promise<Kept> {
    return this.#change((connection) => connection.delete(store, key));
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

  async #change(run: (connection: IDBPDatabase<Schema>) => Promise<unknown>): Promise<Kept> {
    if (this.#connection === null) return 'no-storage';
    try {
      await run(this.#connection);
      return 'kept';
    } catch (thrown) {
      if (isLost(thrown)) return 'no-storage';
      throw thrown;
    }
  }
}

/** True for what the browser throws when storage is gone or full, not for a mistake of ours. */
function isLost(thrown: unknown): boolean {
  return thrown instanceof DOMException && LOST.has(thrown.name);
}
const LOST = new Set(['InvalidStateError', 'AbortError', 'QuotaExceededError', 'UnknownError']);

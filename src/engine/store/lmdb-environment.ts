// LMDB as the store needs it: a transaction per call, a view that stays. Nobody else speaks to the
// library; docs/internals/dependencies.md says what it must be protected from.

import { mkdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { open, type RootDatabase, type Transaction } from 'lmdb';
import { LIMITS } from '../../base/limits.ts';
import { damageOf, syncFile } from './lmdb-file.ts';
import type { StorePair, StoreView } from './types.ts';

/** Stands where a key was deleted; no value that a caller puts is this object. */
export const REMOVED = new Uint8Array(0);

/** Address space, not memory: the file grows with what is in it. */
const MAP_BYTES = 64 * 1024 ** 3;

/** What was durable is not what is there. */
export class DamageError extends Error {
  override readonly name = 'DamageError';
}

const { keyBytesMax } = LIMITS.store;

type Database = RootDatabase<Uint8Array, Uint8Array>;

export interface EnvironmentView extends StoreView {
  close(): void;
}

export class LmdbEnvironment implements StoreView {
  readonly #database: Database;

  /** Throws when LMDB cannot use what is at `path`, a directory; `DamageError` if it is damaged. */
  constructor(path: string, mapBytes: number = MAP_BYTES) {
    mkdirSync(path, { recursive: true, mode: 0o700 });
    const damage = damageOf(path);
    if (damage !== undefined) throw new DamageError(damage);
    this.#database = open<Uint8Array, Uint8Array>({
      path,
      noSubdir: false,
      encoding: 'binary',
      keyEncoding: 'binary',
      pageSize: 4_096,
      mapSize: mapBytes,
      // With it a commit is visible before it is durable, and after a crash LMDB trusts what it
      // finds unless the system was booted since. A file system that went down alone fools it.
      overlappingSync: false,
    });
    // LMDB syncs what it commits. That there is a file, and that it is LMDB's, is left to us.
    for (const part of [join(path, 'data.mdb'), path, dirname(path)]) syncFile(part);
  }

  get(key: Uint8Array): Uint8Array | undefined {
    return key.length > keyBytesMax ? undefined : this.#database.get(key);
  }

  range(low: Uint8Array, high: Uint8Array | undefined): Iterable<StorePair> {
    return this.#database.getRange(bounds(low, high));
  }

  /** All that is committed by now, whatever follows. To be closed. */
  view(): EnvironmentView {
    const transaction: Transaction = this.#database.useReadTransaction();
    return {
      get: (key) => {
        return key.length > keyBytesMax ? undefined : this.#database.get(key, { transaction });
      },
      range: (low, high) => this.#database.getRange({ ...bounds(low, high), transaction }),
      close: () => transaction.done(),
    };
  }

  /**
   * Writes all pairs in one transaction, in their order, which should be that of the keys. Durable
   * once this answers; rejects with LMDB's reason if it is not.
   */
  async commit(pairs: Iterable<StorePair>): Promise<void> {
    const database = this.#database;
    try {
      await database.batch(() => {
        for (const { key, value } of pairs) {
          if (value === REMOVED) void database.remove(key);
          else void database.put(key, value);
        }
      });
    } catch (error) {
      throw await reasonOf(error);
    }
    // A read transaction of this turn may be older than the commit.
    database.resetReadTxn();
  }

  close(): Promise<void> {
    return this.#database.close();
  }
}

interface Bounds {
  start?: Uint8Array;
  end?: Uint8Array;
  exclusiveStart?: boolean;
  inclusiveEnd?: boolean;
}

/**
 * An empty bound would be refused as a key; none at all is the beginning. One that is longer than
 * any key lies right behind the longest key that it begins with: LMDB takes that one in its place.
 */
function bounds(low: Uint8Array, high: Uint8Array | undefined): Bounds {
  const within: Bounds = {};
  if (low.length > 0) within.start = low.subarray(0, keyBytesMax);
  if (low.length > keyBytesMax) within.exclusiveStart = true;
  if (high !== undefined) within.end = high.subarray(0, keyBytesMax);
  if (high !== undefined && high.length > keyBytesMax) within.inclusiveEnd = true;
  return within;
}

/** A failed commit says only that it failed; why is what its `commitError` rejects with. */
async function reasonOf(error: unknown): Promise<unknown> {
  if (!(error instanceof Error) || !('commitError' in error)) return error;
  try {
    await error.commitError;
    return error;
  } catch (reason) {
    return reason;
  }
}

// A lock that the system takes back when its process ends, by kill -9 as well as by power loss.
//
// Node has no call for the file locks of the system. SQLite, which is part of Node, takes them for
// its transactions: a transaction that writes nothing and never ends is a lock. No byte is written,
// so that a full disk is no hindrance, and it works wherever the system can lock a file: between
// containers that share a directory, on macOS, on Windows.

import { chmod } from 'node:fs/promises';
import type { DatabaseSync } from 'node:sqlite';
import { DiskError, type DiskLock } from '../../base/capabilities.ts';

/** Low byte of SQLite's answer when somebody else has the lock. */
const BUSY = 5;

/**
 * The locks of this process. A database that nobody refers to is closed sooner or later, and its
 * lock with it: a lock must last even if its holder forgets about it.
 */
const held = new Set<DatabaseSync>();

/** `path` is for people, `place` is where the file lies. */
export async function lockFile(path: string, place: string): Promise<DiskLock> {
  let database: DatabaseSync | undefined;
  try {
    const { DatabaseSync } = await import('node:sqlite');
    database = new DatabaseSync(place);
    // IMMEDIATE, not EXCLUSIVE: that one would wait until nobody reads. A and B start at once and
    // both look at the file, which is to read; neither would get it, and both would give up.
    // The journal would be a second file, in which SQLite writes at once.
    database.exec('PRAGMA journal_mode=MEMORY; BEGIN IMMEDIATE');
    // Through its name: opening and closing the file would let go of the lock.
    await chmod(place, 0o600);
  } catch (error) {
    database?.close();
    throw asDiskError(path, error);
  }
  const holder = database;
  held.add(holder);
  return {
    release: async () => {
      if (held.delete(holder)) holder.close();
    },
  };
}

function asDiskError(path: string, error: unknown): DiskError {
  const { errcode, message } = error as Error & { readonly errcode?: number };
  if (errcode !== undefined && (errcode & 0xff) === BUSY) {
    return new DiskError('held', `${path} is held by a process that runs`);
  }
  return new DiskError('io', `${path} cannot be locked: ${message}`);
}

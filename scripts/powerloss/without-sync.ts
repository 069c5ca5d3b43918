// Preloaded (`node --import`) into the processes of the control: a disk that lies about syncing.
// The product has no such switch. If the drill does not notice these lies, it proves nothing.
//
// `never` does not sync at all. `late` answers first and syncs up to 50 ms later: what is lost is
// only what was acknowledged in the last moments before the cut.

import { constants } from 'node:fs';
import promises, { type FileHandle, open } from 'node:fs/promises';
import { syncBuiltinESMExports } from 'node:module';
import { fileURLToPath } from 'node:url';

const LATE_MS = 50;

interface Syncing {
  sync(this: unknown): Promise<void>;
  datasync(this: unknown): Promise<void>;
}

const lie = process.env['PARLEY_SYNC'];
if (lie !== 'never' && lie !== 'late')
  throw new Error(`PARLEY_SYNC=${lie} is neither never nor late`);

// The class of open files has no name outside of Node: one of its objects leads there.
const honestOpen = open;
const file = await honestOpen(fileURLToPath(import.meta.url));
const syncing = Object.getPrototypeOf(file) as Syncing;
await file.close();

for (const name of ['sync', 'datasync'] as const) {
  const honest = syncing[name];
  /** Files whose sync is on its way: one sync of a file covers all that was written before. */
  const waiting = new Set<unknown>();
  syncing[name] = function syncLater() {
    if (lie === 'late' && !waiting.has(this)) {
      waiting.add(this);
      setTimeout(() => {
        waiting.delete(this);
        // Closed meanwhile, or on a disk that is gone: it was a lie anyway.
        void honest.call(this).catch(() => {});
      }, LATE_MS);
    }
    return Promise.resolve();
  };
}

// A file that is opened for durable writes is opened for others. What `late` owes follows each.
promises.open = async (path, flags, mode): Promise<FileHandle> => {
  const { O_DSYNC } = constants;
  const isDurable = typeof flags === 'number' && (flags & O_DSYNC) === O_DSYNC;
  const opened = await honestOpen(path, isDurable ? flags & ~O_DSYNC : flags, mode);
  if (!isDurable || lie !== 'late') return opened;
  const write = opened.write.bind(opened) as (...of: unknown[]) => Promise<unknown>;
  return Object.assign(opened, {
    write: async (...of: unknown[]): Promise<unknown> => {
      const written = await write(...of);
      await opened.datasync();
      return written;
    },
  });
};
syncBuiltinESMExports();

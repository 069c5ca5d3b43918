// Preloaded (`node --import`) into the processes of the control: a disk that lies about syncing.
// The product has no such switch. If the drill does not notice these lies, it proves nothing.
//
// `never` does not sync at all. `late` answers first and syncs up to 50 ms later: what is lost is
// only what was acknowledged in the last moments before the cut.

import { open } from 'node:fs/promises';
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
const file = await open(fileURLToPath(import.meta.url));
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

// Takes a lock and keeps it until it is killed: the other process in tests of locks. With
// --expose-gc it first collects all that nobody refers to.
//
//   node [--expose-gc] test/support/lock-holder.ts DIRECTORY

import { setTimeout as sleep } from 'node:timers/promises';
import { must } from '../../src/base/assert.ts';
import { DiskError } from '../../src/base/capabilities.ts';
import { SystemDisk } from '../../src/engine/disk/index.ts';

process.stdout.write(`${await take(must(process.argv[2], 'a directory is given'))}\n`);
setInterval(() => {}, 60_000);

/** Keeps nothing of it: a lock lasts without its holder's memory. */
async function take(root: string): Promise<string> {
  try {
    await new SystemDisk(root).lock('lock');
  } catch (error) {
    if (!(error instanceof DiskError)) throw error;
    return `refused: ${error.code}`;
  }
  for (let round = 0; round < 3; round++) {
    globalThis.gc?.();
    await sleep(10);
  }
  return 'held';
}

// The log on disk and the log in memory are the same log to a core.

import { realBench } from '../../../test/contracts/benches.ts';
import { logSourceContract, type WritableLog } from '../../../test/contracts/log-source.ts';
import { CrashDisk } from '../../../test/support/wal-crash-disk.ts';
import { appendDurably, ManualClock, mustOpen } from '../../../test/support/wal-scenario.ts';
import { MemoryLog } from '../../core/raft/index.ts';
import type { Wal } from './index.ts';

const SHARD = 3;

function inMemory(log: MemoryLog): WritableLog {
  return {
    source: log,
    append: async (entries) => log.append(entries),
    setHardState: async (term, vote, commit) => log.setHardState({ term, vote, commit }),
    install: async (snapshot) => void log.applySnapshot(snapshot),
    save: async (snapshot) => log.saveSnapshot(snapshot),
    compact: async (index) => log.compact(index),
    load: async (low, high, bytesMax) =>
      log.load({ purpose: 'apply', peer: 0, low, high, bytesMax }),
    evict: async () => log.evictBelow(100),
  };
}

function onDisk(wal: Wal): WritableLog {
  return {
    source: wal.shard(SHARD),
    append: async (entries) => appendDurably(wal, [{ shard: SHARD, entries }]),
    setHardState: async (term, vote, commit) => {
      await appendDurably(wal, [{ shard: SHARD, hardState: { term, vote, commit } }]);
    },
    install: async (install) => appendDurably(wal, [{ shard: SHARD, install }]),
    save: async (save) => appendDurably(wal, [{ shard: SHARD, save }]),
    compact: async (index) => wal.purge(SHARD, index),
    load: async (low, high, bytesMax) => void (await wal.fetch(SHARD, { low, high, bytesMax })),
    evict: async () => wal.shard(SHARD).cache.clear(),
  };
}

logSourceContract('MemoryLog', async () => realBench(inMemory(new MemoryLog())));

logSourceContract('Wal', async () => {
  const wal = await mustOpen(new CrashDisk(), new ManualClock());
  return realBench(onDisk(wal), () => wal.close());
});

// What a replica takes along when it stops to begin anew.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CrashDisk } from '../../../test/support/wal-crash-disk.ts';
import {
  appendDurably,
  entriesFrom,
  ManualClock,
  mustOpen,
  snapshotAt,
  turn,
} from '../../../test/support/wal-scenario.ts';
import { Prng } from '../../base/prng.ts';
import { APPEND_THREAD, draftMessage, RaftCore } from '../../core/raft/index.ts';
import type { Wal } from '../../engine/wal/index.ts';
import { HardStateMemory, LogWriter } from './log-writer.ts';
import { type TakeStateParts, takeState } from './lost-entries.ts';
import type { Replica } from './replica.ts';

const APPLIED = { index: 2, term: 2 };

/** Follower 1 of term 2 with entries 1 to 8, committed up to 5; 4 is lost, and 2 is applied. */
async function followerWithHole(wal: Wal): Promise<RaftCore> {
  const { confState } = snapshotAt(1, 1);
  const entries = entriesFrom(1, 2, '1', '2', '3', '4', '5', '6', '7', '8');
  const hardState = { term: 2, vote: 0, commit: 5 };
  await appendDurably(wal, [{ shard: 1, hardState, entries }]);
  const log = wal.shard(1);
  log.holes.set(4, 2);
  const core = new RaftCore({
    id: 1,
    log: {
      initialState: () => ({ hardState, confState }),
      firstIndex: () => log.firstIndex(),
      lastIndex: () => log.lastIndex(),
      term: (index) => log.term(index),
      entries: (low, high, bytesMax) => log.entries(low, high, bytesMax),
      snapshot: () => 'pending',
    },
    random: Prng.from(1, 'core'),
    electionTicks: 10,
    heartbeatTicks: 1,
    appliedIndex: APPLIED.index,
    asyncStorageWrites: true,
  });
  while (core.hasReady()) core.ready();
  return core;
}

interface Scene {
  readonly parts: TakeStateParts;
  readonly shards: Parameters<typeof takeState>[2];
  readonly replica: Replica;
}

/** What `takeState` uses of a replica and of its host. */
function makeReplica(wal: Wal, core: RaftCore): Scene {
  const nothing = (): void => {};
  const writer = new LogWriter(wal, nothing, nothing, nothing);
  const memory = new HardStateMemory(wal.shard(1).initialState().hardState);
  const replica = {
    shard: 1,
    core,
    isLeader: false,
    isRunning: true,
    log: { wal: wal.shard(1), term: (index: number) => wal.shard(1).term(index) },
    data: { applied: () => APPLIED, install: () => true },
    work: () => {
      while (core.hasReady()) {
        for (const message of core.ready().messages) {
          if (message.to !== APPEND_THREAD) continue;
          writer.add({ shard: 1, stored: nothing }, message, memory);
        }
      }
    },
  } as unknown as Replica;
  const shards = { mayReopen: () => true, retire: () => writer.flush(0), reopen: nothing };
  return { parts: { wal, clock: new ManualClock() }, shards, replica };
}

test('[H65] a replica that begins anew has the entries its commit index speaks of', async () => {
  const disk = new CrashDisk();
  const wal = await mustOpen(disk, new ManualClock());
  const core = await followerWithHole(wal);
  const { parts, shards, replica } = makeReplica(wal, core);
  const append = draftMessage('append', 2, 1, 3);
  append.index = 5;
  append.logTerm = 2;
  append.commit = 10;
  append.entries = entriesFrom(6, 3, "6'", "7'", "8'", "9'", "10'");
  core.step(append);
  assert.equal(takeState(parts, { isClosed: false }, shards, replica, snapshotAt(5, 2)), true);
  await turn();
  const { commit } = wal.shard(1).initialState().hardState;
  const last = Math.min(commit, wal.shard(1).lastIndex());
  assert.equal(last, 10, 'what the core knew of is not forgotten');
  for (let index = 6; index <= last; index++) assert.equal(wal.shard(1).term(index), 3);
});

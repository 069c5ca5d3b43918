// Which prepared states keep their place when there are more shards than places.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ManualClock, turn } from '../../../test/support/wal-scenario.ts';
import type { Snapshot } from '../../core/raft/index.ts';
import { PreparedSnapshots } from './prepared-snapshots.ts';

const CONFIG = {
  voters: [1],
  votersOutgoing: [],
  learners: [],
  learnersNext: [],
  autoLeave: false,
};

function preparedOf(preparedMax: number) {
  const clock = new ManualClock();
  const snapshotOf = (shard: number): Snapshot => {
    return { index: 5, term: 1, confState: CONFIG, data: Uint8Array.of(shard) };
  };
  const state = (shard: number) => ({
    prepareSnapshot: () => Promise.resolve({ shard, snapshot: snapshotOf(shard), close: () => {} }),
  });
  const parts = { clock, states: { state } };
  const limits = { preparedMax, preparedMs: 30_000 };
  // Only what prepared states need.
  type Arguments = ConstructorParameters<typeof PreparedSnapshots>;
  const prepared = new PreparedSnapshots(parts as unknown as Arguments[0], limits as Arguments[1]);
  return { prepared, clock };
}

test('[N11] a hundred shards that ask in rounds all get theirs, a few at a time', async () => {
  const { prepared } = preparedOf(8);
  const served = new Set<number>();
  for (let round = 1; round <= 26; round++) {
    for (let shard = 1; shard <= 100; shard++) {
      if (!served.has(shard) && prepared.latest(shard, 5) !== 'pending') served.add(shard);
    }
    await turn();
  }
  assert.equal(served.size, 100);
});

test('[N11] a state that nobody fetches makes room after a while', async () => {
  const { clock, prepared } = preparedOf(1);
  assert.equal(prepared.latest(1, 5), 'pending');
  await turn();
  assert.equal(prepared.latest(2, 5), 'pending');
  await turn();
  assert.equal(prepared.latest(2, 5), 'pending');
  await clock.pass(1_000);
  assert.equal(prepared.latest(2, 5), 'pending');
  await turn();
  assert.notEqual(prepared.latest(2, 5), 'pending');
});

// What a core is told of the log that it starts with.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ReplicaState } from '../state/index.ts';
import { ReplicaLog, type ShardLog } from './replica-log.ts';

function logOf(stored: { commit: number; last: number; applied: number }): ReplicaLog {
  const hardState = { term: 3, vote: 1, commit: stored.commit };
  const wal = { initialState: () => ({ hardState }), lastIndex: () => stored.last };
  const confState = { voters: [1, 2, 3] };
  const data = { applied: () => ({ term: 3, index: stored.applied }), confState: () => confState };
  return new ReplicaLog(wal as unknown as ShardLog, data as unknown as ReplicaState, {
    latest: () => 'pending',
  });
}

test('[H50] the commit index lies between what is applied and what the log holds', () => {
  const commitOf = (stored: { commit: number; last: number; applied: number }): number =>
    logOf(stored).initialState().hardState.commit;
  assert.equal(commitOf({ commit: 4, last: 9, applied: 7 }), 7, 'it is not synced');
  assert.equal(commitOf({ commit: 9, last: 8, applied: 7 }), 8, 'its entries came too late');
  assert.equal(commitOf({ commit: 8, last: 9, applied: 7 }), 8);
});

test('the config and the vote are told as they are', () => {
  const { confState, hardState } = logOf({ commit: 4, last: 9, applied: 7 }).initialState();
  assert.deepEqual(confState.voters, [1, 2, 3]);
  assert.deepEqual([hardState.term, hardState.vote], [3, 1]);
});

test('a snapshot asked for has the present config, or closes the gap before the log', () => {
  const asked: number[] = [];
  const wal = { firstIndex: () => 6 } as unknown as ShardLog;
  const data = { shard: 1, applied: () => ({ term: 3, index: 9 }) } as unknown as ReplicaState;
  const log = new ReplicaLog(wal, data, {
    latest: (_, minIndex) => {
      asked.push(minIndex);
      return 'pending';
    },
  });
  for (const configIndex of [8, 2]) {
    log.configIndex = configIndex;
    log.snapshot();
  }
  assert.deepEqual(asked, [8, 5]);
});

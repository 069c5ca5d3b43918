// Leaders on a disk that does not answer.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { silentLog } from '../../../test/support/silent-log.ts';
import { ReplicaCondition } from './condition.ts';
import type { Replica } from './replica.ts';
import { settle } from './settings.ts';
import { SlowDisk } from './slow-disk.ts';

interface Leader {
  readonly replica: Replica;
  readonly condition: ReplicaCondition;
  readonly transfers: number[];
}

/** A leader of voters 1 (itself), 2 and 3, of which 3 has the most. */
function leaderOf(voters: readonly number[]): Leader {
  const transfers: number[] = [];
  const peers = voters.map((id) => ({ id, match: id * 10, isRecentlyActive: true }));
  const condition = new ReplicaCondition('whole');
  condition.becomeRole('leader', 1);
  const replica = {
    condition,
    core: { status: () => ({ config: { voters }, id: 1, peers }) },
    leave: (to: number) => transfers.push(to),
    wake: () => {},
  };
  return { replica: replica as unknown as Replica, condition, transfers };
}

function watchOver(...leaders: Leader[]): SlowDisk {
  const replicas = leaders.map(({ replica }) => replica);
  const settings = settle({ slowDiskMs: 1_000, tickMs: 30, electionTicks: 10 });
  const parts = { log: silentLog, events: undefined };
  return new SlowDisk(parts, settings, { all: () => replicas, leaders: () => replicas });
}

test('[H70] [H71] a leader hands over, then is muted, then recovers', () => {
  const leader = leaderOf([1, 2, 3]);
  const watch = watchOver(leader);
  watch.step(999);
  assert.deepEqual(leader.transfers, []);
  watch.step(1_000);
  watch.step(1_010);
  assert.deepEqual(
    [leader.transfers, leader.condition.isMutedFor('slowDisk')],
    [[3], false],
    'asked once',
  );
  watch.step(1_300);
  assert.equal(leader.condition.isMutedFor('slowDisk'), true);
  watch.step(0);
  assert.equal(leader.condition.isMutedFor('slowDisk'), false);
});

test('[H61] [H71] a mute for a hole in the log outlives that for the disk', () => {
  const leader = leaderOf([1, 2, 3]);
  leader.condition.becomeRepairing();
  leader.condition.becomeUnrepairable();
  leader.condition.becomeMuted('lostEntries');
  const watch = watchOver(leader);
  watch.step(2_000);
  assert.equal(leader.condition.isMutedFor('slowDisk'), true);
  watch.step(0);
  assert.equal(leader.condition.isMutedFor('slowDisk'), false);
  assert.equal(leader.condition.isMutedFor('lostEntries'), true);
});

test('[H71] a leader that has nobody to leave the shard to does neither', () => {
  const alone = leaderOf([1]);
  const watch = watchOver(alone);
  watch.step(5_000);
  assert.deepEqual([alone.transfers, alone.condition.isMuted], [[], false]);
});

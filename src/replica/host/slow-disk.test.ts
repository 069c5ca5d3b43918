// Leaders on a disk that does not answer.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { silentLog } from '../../../test/support/silent-log.ts';
import type { Replica } from './replica.ts';
import { settle } from './settings.ts';
import { SlowDisk } from './slow-disk.ts';

interface Stub {
  isLeader: boolean;
  isMutedForDisk: boolean;
  isMutedForHole: boolean;
  readonly transfers: number[];
}

/** A leader of voters 1 (itself), 2 and 3, of which 3 has the most. */
function leaderStub(voters: readonly number[]): Stub & { core: unknown; stopped: undefined } {
  const transfers: number[] = [];
  const peers = voters.map((id) => ({ id, match: id * 10, isRecentlyActive: true }));
  const core = {
    status: () => ({ config: { voters }, peers }),
    transferLeader: (to: number) => transfers.push(to),
  };
  return {
    isLeader: true,
    isMutedForDisk: false,
    isMutedForHole: false,
    stopped: undefined,
    transfers,
    core,
  };
}

function watchOver(...replicas: Stub[]): SlowDisk {
  return new SlowDisk({
    member: 1,
    log: silentLog,
    settings: settle({ slowDiskMs: 1_000, tickMs: 30, electionTicks: 10 }),
    replicas: () => replicas as unknown as Replica[],
    wake: () => {},
  });
}

test('[H70] [H71] a leader hands over, then is muted, then recovers', () => {
  const leader = leaderStub([1, 2, 3]);
  const watch = watchOver(leader);
  watch.step(999);
  assert.deepEqual(leader.transfers, []);
  watch.step(1_000);
  watch.step(1_010);
  assert.deepEqual([leader.transfers, leader.isMutedForDisk], [[3], false], 'asked once');
  watch.step(1_300);
  assert.equal(leader.isMutedForDisk, true);
  watch.step(0);
  assert.equal(leader.isMutedForDisk, false);
});

test('[H61] [H71] who is silent for a hole in its log stays so when the disk answers', () => {
  const leader = leaderStub([1, 2, 3]);
  leader.isMutedForHole = true;
  const watch = watchOver(leader);
  watch.step(2_000);
  watch.step(0);
  assert.deepEqual([leader.isMutedForDisk, leader.isMutedForHole], [false, true]);
});

test('[H71] who does not lead, or has nobody to leave it to, does neither', () => {
  const follower = { ...leaderStub([1, 2, 3]), isLeader: false };
  const alone = leaderStub([1]);
  const watch = watchOver(follower, alone);
  watch.step(5_000);
  for (const replica of [follower, alone]) {
    assert.deepEqual([replica.transfers, replica.isMutedForDisk], [[], false]);
  }
});

// Who is at the door of a shard, and when it opens.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { HostCluster } from '../../../test/support/host-cluster.ts';
import { LIMITS } from '../../base/limits.ts';
import type { WriteOutcome } from '../types.ts';
import { RoundGate } from './round-gate.ts';

class Door {
  readonly proposals = { isHeld: false, isWaiting: false };
  readonly timers: { delayMs: number; callback: () => void; isCancelled: boolean }[] = [];
  opened = 0;
  readonly gate = new RoundGate(
    {
      setTimer: (delayMs, callback) => {
        const timer = { delayMs, callback, isCancelled: false };
        this.timers.push(timer);
        return { cancel: () => void (timer.isCancelled = true) };
      },
    },
    this.proposals,
    () => void (this.opened += 1),
  );

  comes(isHeld: boolean): void {
    Object.assign(this.proposals, { isHeld, isWaiting: true });
  }
}

test('[H17] the door is open while nobody has to wait, and always where nobody leads', () => {
  const { gate, proposals, timers } = new Door();
  assert.equal(gate.isOpen(true), false, 'nobody comes');
  gate.watch();
  assert.equal(timers.length, 0);
  const door = new Door();
  door.comes(false);
  assert.ok(door.gate.isOpen(true));
  door.comes(true);
  assert.equal(door.gate.isOpen(true), false);
  assert.ok(door.gate.isOpen(false), 'they are refused');
  assert.equal(proposals.isWaiting, false);
});

test('[H17] whoever waited for some milliseconds goes, and the next one waits anew', () => {
  const door = new Door();
  door.comes(true);
  door.gate.watch();
  door.gate.watch();
  assert.deepEqual(
    door.timers.map(({ delayMs }) => delayMs),
    [LIMITS.replica.roundWaitMs],
  );
  door.timers[0]?.callback();
  assert.equal(door.opened, 1);
  assert.ok(door.gate.isOpen(true));
  door.gate.clear();
  assert.equal(door.gate.isOpen(true), false);
  door.gate.watch();
  door.gate.clear();
  assert.ok(door.timers[1]?.isCancelled, 'it went before its time was over');
});

test('[H17] a third command gathers while two are under way, and is not forgotten', async () => {
  const cluster = await HostCluster.start({ seed: 1 });
  const leader = await cluster.elect();
  await cluster.put(leader, 'a=0');
  await cluster.world.runFor(20);
  const begun = cluster.status(leader)?.lastIndex ?? 0;
  const added: number[] = [];
  const pending: Promise<WriteOutcome>[] = [];
  for (const pair of ['a=1', 'a=2', 'a=3', 'a=4']) {
    pending.push(cluster.write(leader, pair));
    await cluster.world.runFor(0.02);
    const { applied, lastIndex } = cluster.status(leader) ?? assert.fail('it leads');
    assert.equal(applied.index, begun, 'all of them are under way');
    added.push(lastIndex - begun);
  }
  assert.deepEqual(added, [1, 2, 2, 2]);
  const outcomes = await cluster.world.settle(Promise.all(pending));
  assert.deepEqual(
    outcomes.map(({ kind }) => kind),
    ['applied', 'applied', 'applied', 'applied'],
  );
  await cluster.close();
});

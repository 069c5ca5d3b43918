// What the wall clock tells about time that the monotonic one missed.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { HostCluster } from '../../../test/support/host-cluster.ts';
import { SuspendDetector } from './suspend-detector.ts';

/** Both clocks, each moved as the test says. */
class Clocks {
  monotonic = 1_000;
  wall = 1_700_000_000_000;
  readonly time: SuspendDetector;

  constructor() {
    const clock = {
      monotonicMs: () => this.monotonic,
      wallMs: () => this.wall,
    };
    this.time = new SuspendDetector(clock as never, 15, 300);
  }

  /** Whether leases count after `monotonicMs` and `wallMs` more. */
  isCounted(monotonicMs: number, wallMs: number): boolean {
    this.monotonic += monotonicMs;
    this.wall += wallMs;
    this.time.look(this.monotonic);
    return !this.time.isInDoubt(this.monotonic);
  }
}

test('[H32] after a sleep time is in doubt for an election timeout', () => {
  const clocks = new Clocks();
  assert.ok(clocks.isCounted(10_000, 10_000));
  assert.ok(!clocks.isCounted(0, 60_000));
  assert.ok(!clocks.isCounted(299, 299));
  assert.ok(clocks.isCounted(1, 1));
});

test('[H32] a wall clock that is set back says nothing, a sleep after that is seen', () => {
  const clocks = new Clocks();
  assert.ok(clocks.isCounted(10, -3_600_000));
  assert.ok(clocks.isCounted(1_000, 1_000));
  assert.ok(!clocks.isCounted(10, 500));
});

test('[H32] rounding is no gain, many short naps are one', () => {
  const clocks = new Clocks();
  for (let i = 0; i < 1_000; i++) assert.ok(clocks.isCounted(10, i % 2 === 0 ? 9 : 11));
  for (let i = 0; i < 4; i++) assert.ok(clocks.isCounted(10, 13));
  assert.ok(!clocks.isCounted(10, 14));
});

/** The machine of `id` sleeps, and hears nothing of what the others do meanwhile. */
function sleep(cluster: HostCluster, id: number): () => void {
  const { world } = cluster;
  const sleeper = cluster.machine(id);
  const others = [1, 2, 3].filter((other) => other !== id);
  world.network.partition(
    [id - 1],
    others.map((other) => other - 1),
  );
  const fromMs = world.nowMs;
  sleeper.pause();
  // As good as none of its time passes, until its wall clock is set anew.
  sleeper.drift(-999_999);
  return () => {
    sleeper.drift(0);
    sleeper.jumpWall(world.nowMs - fromMs);
    sleeper.resume();
  };
}

for (const hibernation of [false, true]) {
  const who = hibernation ? 'a hibernating leader' : 'a leader';
  test(`[H32] ${who} that slept with its machine has no lease when it wakes`, async () => {
    const cluster = await HostCluster.start({ seed: 3, host: { hibernation } });
    const old = await cluster.elect();
    assert.match(await cluster.put(old, 'a=before'), /^applied/);
    await cluster.world.runFor(200);
    assert.equal(await cluster.get(old, 'lease', 'a'), 'lease "before"');
    const isReady = () => !hibernation || cluster.status(old)?.isHibernating === true;
    assert.ok(await cluster.world.runUntil(isReady, 3_000));
    const wakeUp = sleep(cluster, old);
    assert.ok(await cluster.world.runUntil(() => ![0, old].includes(cluster.leader()), 5_000));
    const young = await cluster.elect();
    assert.match(await cluster.put(young, 'a=after'), /^applied/);
    wakeUp();
    for (let i = 0; i < 20; i++) {
      const answer = await Promise.race([
        cluster.get(old, 'lease', 'a'),
        cluster.world.runFor(50).then(() => 'none'),
      ]);
      assert.ok(!answer.includes('before'), answer);
    }
    await cluster.close();
  });
}

test('[H32] a wall clock that is set ahead costs reads a round, and nobody the lead', async () => {
  const cluster = await HostCluster.start({ seed: 5 });
  const leader = await cluster.elect();
  assert.match(await cluster.put(leader, 'a=1'), /^applied/);
  assert.equal(await cluster.get(leader, 'lease', 'a'), 'lease "1"');
  const { term } = cluster.status(leader) ?? { term: 0 };
  for (const id of [1, 2, 3]) cluster.machine(id).jumpWall(3_600_000);
  assert.equal(await cluster.get(leader, 'lease', 'a'), 'strong "1"');
  await cluster.world.runFor(400);
  assert.equal(await cluster.get(leader, 'lease', 'a'), 'lease "1"');
  assert.deepEqual([cluster.leader(), cluster.status(leader)?.term], [leader, term]);
  await cluster.close();
});

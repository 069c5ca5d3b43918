// Callers that propose the same bytes more than once.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { bytes, HostCluster } from '../../../test/support/host-cluster.ts';
import { answered, PLAIN_EDITIONS, type ShardMachine } from '../../core/machine.ts';
import { encodeCommand } from '../state/index.ts';
import type { WriteOutcome } from '../types.ts';

/** Its state shows the time of each command. */
const timesMachine: ShardMachine = {
  kind: 'times',
  editions: PLAIN_EDITIONS,
  apply({ index, timeMs }, state) {
    state.put(bytes(String(index)), bytes(String(timeMs)));
    return new Uint8Array(0);
  },
  query: ({ body }, view) => answered(view.get(body) ?? new Uint8Array(0)),
};

test('[H20] a command that is proposed again leaves its first entry as it was', async () => {
  // 1. A leads, C is down. A stamps the command, which becomes entry 4 on A and B.
  // 2. The caller proposes the same bytes again, as one of a session does that is in doubt.
  // 3. C comes back, and gets 4 from A's memory. It must be the 4 that A and B have applied.
  const host = { hibernation: false };
  const cluster = await HostCluster.start({ seed: 3, host, machineOf: () => timesMachine });
  await cluster.world.runFor(2_000);
  const leader = await cluster.elect();
  const late = (leader % 3) + 1;
  cluster.kill(late);
  const payload = encodeCommand({ kind: 'plain', body: bytes('x') });
  for (let i = 0; i < 2; i++) {
    const outcome = await cluster.world.settle(
      new Promise<WriteOutcome>((done) => cluster.plane(leader).host.propose(1, payload, done)),
    );
    assert.equal(outcome.kind, 'applied');
    await cluster.world.runFor(5_000);
  }
  await cluster.restart(late);
  assert.ok(await cluster.converge());
  assert.equal(new Set([1, 2, 3].map((id) => cluster.plane(id).digest(1))).size, 1);
  await cluster.close();
});

// Commands of one turn in one entry, in whole members of different releases.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { bytes, HostCluster } from '../../../test/support/host-cluster.ts';
import { must } from '../../base/assert.ts';
import { decodeResult, encodeCommand, packCommands, shardRules } from '../state/index.ts';
import type { WriteOutcome } from '../types.ts';

/** The shard is raised a second after its members have met. */
const RAISE_MS = 2_000;

function oldRules(): ReturnType<typeof shardRules> {
  const { editions, kind } = shardRules({});
  return { kind, editions: editions.slice(0, 1) };
}

async function turnOf(cluster: HostCluster, payloads: readonly Uint8Array[]) {
  const { host } = cluster.plane(await cluster.elect());
  const outcomes = payloads.map(
    (payload) => new Promise<WriteOutcome>((resolve) => host.propose(1, payload, resolve)),
  );
  return cluster.world.settle(Promise.all(outcomes));
}

function puts(...pairs: string[]): Uint8Array[] {
  return pairs.map((pair) => encodeCommand({ kind: 'plain', body: bytes(pair) }));
}

function indexesOf(outcomes: readonly WriteOutcome[]): number[] {
  return outcomes.map((outcome) => {
    assert.ok(outcome.kind === 'applied', outcome.kind);
    return outcome.index;
  });
}

test('[H98] commands of one turn share an entry, and every member has their effect', async () => {
  const cluster = await HostCluster.start({ seed: 3 });
  await cluster.world.runFor(RAISE_MS);
  const session = encodeCommand({ kind: 'session', client: 99, sequence: 1, body: bytes('x=1') });
  const outcomes = await turnOf(cluster, [
    ...puts('a=1', 'b=2'),
    session,
    encodeCommand({ kind: 'open' }),
    ...puts('c=3', 'a=4'),
  ]);
  const [first = 0] = indexesOf(outcomes);
  assert.deepEqual(indexesOf(outcomes), [first, first, first, first + 1, first + 2, first + 2]);
  const kinds = outcomes.map((outcome) => {
    return outcome.kind === 'applied' ? decodeResult(outcome.result)?.kind : outcome.kind;
  });
  assert.deepEqual(kinds, ['done', 'done', 'expired', 'opened', 'done', 'done']);
  assert.ok(await cluster.converge());
  for (const id of [1, 2, 3]) {
    assert.equal(await cluster.get(id, 'local', 'a'), 'local "4"');
    assert.equal(await cluster.get(id, 'local', 'c'), 'local "3"');
  }
  assert.equal(new Set([1, 2, 3].map((id) => cluster.plane(id).digest(1))).size, 1);
  await cluster.close();
});

test('[D25, H98] while one member is of an older release, every command is alone', async () => {
  const old = new Set([3]);
  const rulesOf = (id: number) => (old.has(id) ? oldRules() : undefined);
  const cluster = await HostCluster.start({ seed: 4, rulesOf });
  await cluster.world.runFor(RAISE_MS);
  const indexes = indexesOf(await turnOf(cluster, puts('a=1', 'b=2', 'c=3')));
  assert.equal(new Set(indexes).size, 3);
  assert.ok(await cluster.converge());
  old.delete(3);
  cluster.kill(3);
  await cluster.restart(3);
  await cluster.world.runFor(RAISE_MS);
  const later = indexesOf(await turnOf(cluster, puts('a=2', 'b=3', 'c=4')));
  assert.equal(new Set(later).size, 1);
  assert.ok(await cluster.converge());
  assert.equal(new Set([1, 2, 3].map((id) => cluster.plane(id).digest(1))).size, 1);
  assert.deepEqual(cluster.fatal, []);
  await cluster.close();
});

test('[D24] an entry of several from outside is refused, as all that is of the host', async () => {
  const cluster = await HostCluster.start({ seed: 5 });
  await cluster.world.runFor(RAISE_MS);
  const [outcome] = await turnOf(cluster, [packCommands(puts('a=1', 'b=2'), 0, 2)]);
  const { kind, reason } = must(outcome, 'an outcome') as { kind: string; reason?: string };
  assert.deepEqual([kind, reason], ['refused', 'malformed']);
  await cluster.close();
});

test('[H98] entries of several outlive the loss of power, and are whole', async () => {
  const cluster = await HostCluster.start({ seed: 6 });
  await cluster.world.runFor(RAISE_MS);
  const pairs = Array.from({ length: 40 }, (_, i) => `k${i}=${i}`);
  assert.equal(new Set(indexesOf(await turnOf(cluster, puts(...pairs)))).size, 1);
  for (const id of [1, 2, 3]) {
    cluster.losePower(id);
    await cluster.restart(id);
  }
  assert.match(await cluster.put(await cluster.elect(), 'after=1'), /^applied/);
  assert.ok(await cluster.converge());
  for (const id of [1, 2, 3]) assert.equal(await cluster.get(id, 'local', 'k39'), 'local "39"');
  assert.equal(new Set([1, 2, 3].map((id) => cluster.plane(id).digest(1))).size, 1);
  await cluster.close();
});

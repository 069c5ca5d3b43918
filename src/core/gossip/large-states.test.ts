// States far larger than a datagram, some of which compress to next to nothing: what one node
// writes another one reads, and whoever is behind catches up, in rounds that can be counted.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { GossipCluster } from '../../../test/support/gossip-cluster.ts';
import { decodeWire, encodeOperations, encodeWire } from '../../../test/support/gossip-wire.ts';
import { must } from '../../base/assert.ts';
import { LIMITS } from '../../base/limits.ts';
import { Prng } from '../../base/prng.ts';
import { type Gossip, LEAVING_KEY } from './index.ts';

const NAMES = ['a', 'b', 'c', 'd', 'e'];

function createCluster(): GossipCluster {
  const cluster = new GossipCluster();
  for (const name of NAMES) cluster.start(name, { gossipIntervalMs: 500, initialIntervalMs: 500 });
  cluster.onDelivered = (_, outcome) => assert.equal(outcome.kind, 'handled');
  for (let round = 0; round < 5; round++) cluster.roundOfAll(500, ['a']);
  return cluster;
}

/** Text that hardly compresses. */
function noise(random: Prng, length: number): string {
  return String.fromCharCode(...Array.from({ length }, () => 33 + random.below(94)));
}

function isEqual(one: Gossip, other: Gossip): boolean {
  const known = other.node(one.config.self);
  if (known?.maxVersion !== one.self.maxVersion) return false;
  assert.deepEqual(known.keyValues(), one.self.keyValues());
  return true;
}

/** Rounds until all know the state of `owner`. */
function spread(cluster: GossipCluster, owner: string, roundsMax: number): number {
  const one = cluster.node(owner);
  for (let round = 1; round <= roundsMax; round++) {
    cluster.roundOfAll(500, ['a']);
    if ([...cluster.nodes.values()].every((other) => isEqual(one, other))) return round;
  }
  assert.fail(`not all know the state of ${owner} after ${roundsMax} rounds`);
}

const json = JSON.stringify({ list: Array.from({ length: 480 }, () => ({ port: 10_001 })) });
const COMPRESSIBLE: readonly (readonly [name: string, count: number, value: string])[] = [
  ['300 keys of 15,000 times the same letter', 300, 'x'.repeat(15_000)],
  ['1,000 keys of one JSON text', 1_000, json],
  ['1,500 keys of 4,000 times the same letter', 1_500, 'x'.repeat(4_000)],
];

for (const [name, count, value] of COMPRESSIBLE) {
  test(`[G6][G15] ${name} reach all, a newcomer too, and then a goodbye does`, () => {
    const cluster = createCluster();
    const owner = cluster.node('b');
    for (let i = 0; i < count; i++) owner.set(`k${i}`, value, cluster.nowMs);
    spread(cluster, 'b', 8);
    cluster.start('newcomer');
    spread(cluster, 'b', 8);
    cluster.send('b', owner.leave('stopped', cluster.nowMs));
    cluster.deliverAll();
    cluster.nodes.delete('b');
    const hearers = [...cluster.nodes.values()].filter((other) =>
      other.node(owner.config.self)?.contains(LEAVING_KEY),
    );
    assert.equal(hearers.length, 3, 'a goodbye goes to as many as a round does');
    spread(cluster, 'a', 3);
    for (const other of cluster.nodes.values()) {
      assert.equal(other.node(owner.config.self)?.get(LEAVING_KEY), 'stopped');
    }
  });
}

test('[G36] the goodbye of a large state needs no answer where the rest is known', () => {
  const cluster = createCluster();
  const random = Prng.from(1, 'noise');
  const owner = cluster.node('b');
  for (let i = 0; i < 200; i++) owner.set(`k${i}`, noise(random, 1_000), cluster.nowMs);
  spread(cluster, 'b', 5);
  const acks = owner.leave('stopped', cluster.nowMs).filter(({ bytes }) => bytes[3] === 2);
  assert.equal(acks.length, 3);
  cluster.send('b', acks);
  for (const datagram of cluster.queue) cluster.deliver(datagram);
  for (const { to } of cluster.queue) {
    assert.equal(cluster.node(to).node(owner.config.self)?.state, 'dead');
  }
});

test('[G15] no datagram unpacks to more than its reader takes, whatever the values are', () => {
  const value = fc.oneof(
    fc.record({ repeat: fc.nat(LIMITS.gossip.valueBytesMax) }),
    fc.record({ noise: fc.nat(2_000) }),
  );
  const writes = fc.array(fc.record({ value, copies: fc.integer({ min: 1, max: 400 }) }), {
    minLength: 1,
    maxLength: 4,
  });
  fc.assert(
    fc.property(writes, fc.nat(), (list, seed) => {
      const random = Prng.from(seed, 'values');
      const cluster = new GossipCluster(seed);
      const owner = cluster.start('a');
      cluster.start('b');
      for (const [at, write] of list.entries()) {
        const text =
          'repeat' in write.value
            ? 'x'.repeat(write.value.repeat)
            : noise(random, write.value.noise);
        for (let i = 0; i < write.copies; i++) owner.set(`k${at}/${i}`, text, 0);
      }
      cluster.onDelivered = ({ bytes }, outcome) => {
        assert.equal(outcome.kind, 'handled');
        const { delta = [] } = decodeWire(bytes);
        assert(encodeOperations(delta).length <= LIMITS.gossip.deltaWrittenBytesMax);
      };
      let exchanges = 0;
      while (!isEqual(owner, cluster.node('b'))) {
        cluster.roundOfAll(1_000, ['a']);
        exchanges += 1;
        assert(exchanges < 20, 'the newcomer gets all there is');
      }
      for (const node of cluster.nodes.values()) assert.equal(node.metrics().deltasCut, 0);
    }),
    { numRuns: 25 },
  );
});

test('[G38] a state of 320 datagrams reaches four members within 24 rounds, that is 12 s', () => {
  const cluster = createCluster();
  const random = Prng.from(2, 'noise');
  const owner = cluster.node('c');
  for (let i = 0; i < 20_000; i++) owner.set(`key-${i}`, noise(random, 1_000), cluster.nowMs);
  const rounds = spread(cluster, 'c', 24);
  assert(rounds > 5, 'the limit per round holds too');
  for (const [name, node] of cluster.nodes) {
    const { pulls } = node.metrics();
    assert(pulls <= rounds * LIMITS.gossip.pullsPerRoundMax, `${name} asked ${pulls} times`);
  }
});

test('[G38] a pull shows no heartbeat that the round has not shown', () => {
  const cluster = createCluster();
  const random = Prng.from(3, 'noise');
  for (let i = 0; i < 1_000; i++) {
    cluster.node('a').set(`k${i}`, noise(random, 1_000), cluster.nowMs);
  }
  const shown: bigint[] = [];
  cluster.onDelivered = ({ from, bytes }) => {
    const { type, digest = [] } = decodeWire(bytes);
    const own = digest.find(({ id }) => id.nodeId === 'b');
    if (from === 'b' && type === 'synAck') shown.push(must(own, 'all list themselves').heartbeat);
  };
  cluster.exchange('b', 'a');
  assert(shown.length > 10, 'b asked again and again');
  assert.equal(new Set(shown).size, 1);
});

test('[G38] one who promises much and tells little is not asked for ever', () => {
  const cluster = createCluster();
  const owner = cluster.node('b');
  const stranger = cluster.addressOf('x');
  const id = { ...owner.config.self };
  const target = cluster.node('a');
  let asked = 0;
  for (let version = 1n; version < 200n; version++) {
    const delta = [
      { op: 'node', id, lastGc: 0n, fromExcluded: version - 1n },
      { op: 'keyValue', key: 'k', value: 'v', version, status: 0 },
    ] as const;
    const digest = [{ id, heartbeat: 1n, lastGc: 0n, max: 1_000n }];
    const bytes = encodeWire({ version: 0, type: 'synAck', digest, delta });
    const outcome = target.receive(bytes, stranger, cluster.nowMs);
    assert(outcome.kind === 'handled' && outcome.reply !== undefined);
    if (decodeWire(outcome.reply).type === 'synAck') asked += 1;
  }
  assert.equal(asked, LIMITS.gossip.pullsPerRoundMax);
});

test('[G14] news of a live node passes the large state of a dead one that a peer forgot', () => {
  const cluster = new GossipCluster();
  const timing = { gossipIntervalMs: 500, initialIntervalMs: 500 };
  cluster.start('a', { ...timing, deadNodeGraceMs: 1_000 });
  for (const name of ['b', 'c']) cluster.start(name, { ...timing, deadNodeGraceMs: 3_600_000 });
  for (let round = 0; round < 5; round++) cluster.roundOfAll(500, ['a']);
  const [a, b, c] = [cluster.node('a'), cluster.node('b'), cluster.node('c')];
  for (let i = 0; i < 100; i++) b.set(`k${i}`, 'x'.repeat(15_000), cluster.nowMs);
  c.set('old', 'of c', cluster.nowMs);
  spread(cluster, 'b', 8);
  spread(cluster, 'c', 8);
  cluster.nodes.delete('b');
  const isForgotten = (): boolean =>
    a.node(b.config.self) === undefined && c.node(b.config.self)?.state === 'dead';
  for (let round = 0; round < 60 && !isForgotten(); round++) cluster.roundOfAll(500, ['a']);
  assert.ok(isForgotten(), 'one has forgotten what the other one still speaks of');
  c.set('news', 'of c', cluster.nowMs);
  spread(cluster, 'c', 4);
});

// What the oracle of gossip must notice, on real cores whose datagrams this test carries.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Gossip } from '../../src/core/gossip/index.ts';
import { GossipCluster } from '../../test/support/gossip-cluster.ts';
import { encodeWire } from '../../test/support/gossip-wire.ts';
import { noClusterCounts } from './counters.ts';
import {
  GossipOracle,
  type GossipProcess,
  gossipDisagreement,
  knownOfThePast,
  wrongView,
} from './gossip-oracle.ts';

function processOf(name: string, cluster: GossipCluster, gossip: Gossip): GossipProcess {
  return {
    name,
    gossip: {
      self: gossip.config.self,
      view: () => ({
        clusterId: gossip.config.clusterId,
        nodes: gossip.nodes(),
        seedAddresses: [],
        live: gossip.liveNodes(),
        dead: gossip.deadNodes(),
      }),
      winnersPage: (prefix, after, count) => gossip.winnersPage(prefix, after, count),
      set: (key, value) => void gossip.set(key, value, cluster.nowMs),
      delete: (key) => void gossip.delete(key, cluster.nowMs),
    },
  };
}

function started() {
  const cluster = new GossipCluster();
  const found: string[] = [];
  const oracle = new GossipOracle(noClusterCounts(), (what) => found.push(what));
  const [a, b] = ['a', 'b'].map((name) => processOf(name, cluster, cluster.start(name)));
  assert.ok(a !== undefined && b !== undefined);
  const rounds = (count: number): void => {
    for (let i = 0; i < count; i++) cluster.roundOfAll(1_000, ['a']);
  };
  return { a, b, cluster, found, oracle, rounds };
}

test('members that know nothing of each other disagree, and agree after some rounds', () => {
  const { a, b, rounds } = started();
  assert.match(gossipDisagreement([a, b]) ?? '', /^a takes a\/.* for live/);
  rounds(8);
  assert.equal(gossipDisagreement([a, b]), undefined);
});

test('a live member that all others take for gone is noticed', () => {
  const { a, b, rounds } = started();
  rounds(8);
  assert.match(gossipDisagreement([a]) ?? '', /^a takes a\/.* b\/.* for live/);
  assert.equal(gossipDisagreement([a, b]), undefined);
});

test('a process that ended and is still known is noticed', () => {
  const { a, b, rounds } = started();
  rounds(8);
  assert.match(knownOfThePast([a]) ?? '', /^a still knows b\/.*, which is gone/);
  assert.equal(knownOfThePast([a, b]), undefined);
});

test('a value, a deletion and a value that came back are told from what the owners have', () => {
  const { a, b, oracle, rounds } = started();
  rounds(8);
  oracle.set(a, 'k', 'red');
  assert.equal(gossipDisagreement([a, b]), 'b shows k as not there');
  rounds(3);
  assert.equal(gossipDisagreement([a, b]), undefined);
  oracle.delete(b, 'k');
  assert.equal(gossipDisagreement([a, b]), 'a shows k as red (3), which nobody has');
  rounds(3);
  assert.equal(gossipDisagreement([a, b]), undefined);
});

test('a process without its own key is noticed, unless somebody deleted it', () => {
  const { a, b, found, oracle, rounds } = started();
  rounds(8);
  oracle.set(a, 'k', 'red');
  oracle.set(a, 'l', 'blue');
  oracle.observe([a, b]);
  assert.deepEqual(found, []);
  a.gossip.delete('k');
  oracle.observe([a, b]);
  assert.deepEqual(found.splice(0), ['a has k as undefined, where it was set to red']);
  oracle.delete(b, 'k');
  a.gossip.delete('l');
  oracle.delete(b, 'l');
  oracle.observe([a, b]);
  assert.deepEqual(found, []);
  oracle.delete(a, 'l');
  a.gossip.set('l', 'blue');
  oracle.observe([a, b]);
  assert.deepEqual(found, ['a has l as blue, where it was deleted']);
});

test('keys that a process has of another one and that one has not are noticed', () => {
  const { a, b, cluster, rounds } = started();
  rounds(8);
  a.gossip.set('k', 'red');
  assert.match(wrongView([a, b]) ?? '', /^b has not of a what it has: k@/);
  rounds(3);
  assert.equal(wrongView([a, b]), undefined);
  const id = a.gossip.self;
  const known = BigInt(cluster.node('b').node(id)?.maxVersion ?? 0);
  const bytes = encodeWire({
    version: 0,
    type: 'ack',
    delta: [
      { op: 'node', id, lastGc: 0n, fromExcluded: known },
      { op: 'keyValue', key: 'k', value: 'evil', version: known + 5n, status: 0 },
    ],
  });
  cluster.node('b').receive(bytes, cluster.addressOf('x'), cluster.nowMs);
  assert.match(wrongView([a, b]) ?? '', /^b has not of a what it has: k@1=red/);
  rounds(3);
  assert.equal(wrongView([a, b]), undefined);
});

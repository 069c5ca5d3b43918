// Deletions of keys that other members set, in clusters of more than a handful.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { GossipCluster } from '../../../test/support/gossip-cluster.ts';
import { encodeWire, type WireOperation } from '../../../test/support/gossip-wire.ts';
import type { SocketAddress } from '../../base/ids.ts';

const NOW_MS = Date.UTC(2026, 6, 1);
const KEY_GRACE_MS = 60_000;

class Crowd {
  readonly cluster: GossipCluster;
  readonly names: readonly string[];
  readonly stopped = new Set<string>();

  constructor(seed: number, count: number) {
    this.cluster = new GossipCluster(seed);
    this.names = Array.from({ length: count }, (_, i) => `n${i}`);
    const graces = { keyGraceMs: KEY_GRACE_MS, deadNodeGraceMs: 86_400_000 };
    for (const name of this.names)
      this.cluster.start(name, { initial: [['role', name]], ...graces });
    this.rounds(15);
  }

  rounds(count: number): void {
    const { cluster } = this;
    for (let i = 0; i < count; i++) {
      cluster.nowMs += 1_000;
      for (const name of this.names) {
        if (this.stopped.has(name)) continue;
        cluster.node(name).noteWallTime(NOW_MS + cluster.nowMs, cluster.nowMs);
        cluster.round(name, ['n0']);
        for (let next = cluster.queue.shift(); next !== undefined; next = cluster.queue.shift()) {
          if (!this.stopped.has(next.to)) cluster.deliver(next);
        }
      }
    }
  }

  shown(at: string, count: number): string[] {
    const keys = Array.from({ length: count }, (_, i) => `key${i + 1}`);
    return keys.filter((key) => this.cluster.node(at).winners().get(key) !== undefined);
  }
}

test('[G39] what ten of twenty members deleted at once stays deleted', () => {
  const crowd = new Crowd(1, 20);
  const { cluster } = crowd;
  for (let i = 1; i <= 10; i++) cluster.node('n0').set(`key${i}`, 'v', cluster.nowMs);
  crowd.rounds(10);
  for (let i = 1; i <= 10; i++) cluster.node(`n${i}`).delete(`key${i}`, cluster.nowMs);
  crowd.rounds(10);
  assert.deepEqual(crowd.shown('n11', 10), []);
  crowd.rounds(KEY_GRACE_MS / 1_000 + 20);
  assert.deepEqual(crowd.shown('n11', 10), []);
});

test('[G39] of twenty members one deletes a key and stops after twelve rounds', () => {
  for (let seed = 1; seed <= 4; seed++) {
    const crowd = new Crowd(seed, 20);
    const { cluster } = crowd;
    cluster.node('n0').set('key1', 'v', cluster.nowMs);
    crowd.rounds(10);
    cluster.node('n2').delete('key1', cluster.nowMs);
    crowd.rounds(12);
    crowd.stopped.add('n2');
    crowd.rounds(45);
    assert.deepEqual(crowd.shown('n1', 1), [], `seed ${seed}`);
  }
});

test('[G39] deletions in the name of nodes that nobody saw alive are not kept', () => {
  const [keys, nodes] = [2_000, 100];
  const cluster = new GossipCluster(5);
  const node = cluster.start('a', { keyGraceMs: KEY_GRACE_MS, deadNodeGraceMs: 86_400_000 });
  node.noteWallTime(NOW_MS, cluster.nowMs);
  for (let i = 0; i < keys; i++) node.set(`key${i}`, 'v', cluster.nowMs);
  const first = BigInt((NOW_MS - Date.UTC(2020) + 600_000) * 256);
  for (let n = 0; n < nodes; n++) {
    const id = { nodeId: `x${n}`, generation: 1n, address: `10.1.0.${n}:7` as SocketAddress };
    const delta: WireOperation[] = [{ op: 'node', id, lastGc: 0n, fromExcluded: 0n }];
    for (let i = 0; i < keys; i++) {
      const version = first + BigInt(i);
      delta.push({ op: 'keyValue', key: `key${i}`, value: '', version, status: 1 });
    }
    const digest = [{ id, heartbeat: 2n, lastGc: 0n, max: first + BigInt(keys) }];
    const bytes = encodeWire({ version: 0, type: 'synAck', digest, delta });
    node.receive(bytes, '10.9.9.9:1' as SocketAddress, cluster.nowMs);
  }
  // Work per round is bounded by what lives, not by what was said. Best of ten, on a busy machine.
  let bestMs = Number.POSITIVE_INFINITY;
  for (let i = 0; i < 10; i++) {
    cluster.nowMs += 1_000;
    const beganMs = performance.now();
    node.round(cluster.nowMs, []);
    bestMs = Math.min(bestMs, performance.now() - beganMs);
  }
  assert.ok(bestMs < 5, `a round takes ${bestMs.toFixed(1)} ms`);
});

test('[G44] writes over a lie cost no more with thousands of nodes that nobody saw alive', () => {
  const [keys, nodes] = [1_000, 9_000];
  const cluster = new GossipCluster(5);
  const graces = { keyGraceMs: KEY_GRACE_MS, deadNodeGraceMs: 86_400_000 };
  for (const name of ['a', 'b']) cluster.start(name, { initial: [['role', name]], ...graces });
  const node = cluster.node('a');
  for (let i = 0; i < 10; i++) {
    cluster.nowMs += 1_000;
    node.noteWallTime(NOW_MS + cluster.nowMs, cluster.nowMs);
    cluster.round('b', ['a']);
    for (let next = cluster.queue.shift(); next !== undefined; next = cluster.queue.shift()) {
      cluster.deliver(next);
    }
    cluster.node('a').round(cluster.nowMs, []);
  }
  for (let from = 0; from < nodes; from += 900) {
    const digest = Array.from({ length: 900 }, (_, i) => {
      const n = from + i;
      const address = `10.1.${n >> 8}.${n & 255}:7` as SocketAddress;
      const id = { nodeId: `x${n}`, generation: 1n, address };
      return { id, heartbeat: 2n, lastGc: 0n, max: 0n };
    });
    const bytes = encodeWire({ version: 0, type: 'synAck', digest, delta: [] });
    node.receive(bytes, '10.9.9.9:1' as SocketAddress, cluster.nowMs);
  }
  const id = cluster.node('b').config.self;
  const first = BigInt((NOW_MS + 86_400_000 - Date.UTC(2020)) * 256);
  const fromExcluded = BigInt(node.node(id)?.maxVersion ?? 0);
  const delta: WireOperation[] = [{ op: 'node', id, lastGc: 0n, fromExcluded }];
  for (let i = 0; i < keys; i++) {
    delta.push({
      op: 'keyValue',
      key: `key${i}`,
      value: 'e',
      version: first + BigInt(i),
      status: 0,
    });
  }
  const lie = encodeWire({ version: 0, type: 'ack', delta });
  node.receive(lie, '10.9.9.9:1' as SocketAddress, cluster.nowMs);
  assert.equal(node.node(id)?.get('key1'), 'e');
  const beganMs = performance.now();
  for (let i = 0; i < keys; i++) node.set(`key${i}`, 'v', cluster.nowMs);
  const tookMs = performance.now() - beganMs;
  assert.ok(tookMs < 200, `${keys} writes take ${tookMs.toFixed(0)} ms`);
});

test('[G39] thousands of nodes with two runs each take little time of a round', () => {
  const cluster = new GossipCluster(5);
  const node = cluster.start('a', { keyGraceMs: KEY_GRACE_MS, deadNodeGraceMs: 86_400_000 });
  node.noteWallTime(NOW_MS, cluster.nowMs);
  node.set('key', 'v', cluster.nowMs);
  const version = BigInt((NOW_MS + 600_000 - Date.UTC(2020)) * 256);
  const say = (heartbeat: bigint): void => {
    for (let from = 0; from < 4_000; from += 400) {
      const ids = Array.from({ length: 800 }, (_, i) => {
        const n = from + (i >> 1);
        const address = `10.1.${n >> 8}.${n & 255}:7` as SocketAddress;
        return { nodeId: `x${n}`, generation: BigInt(1 + (i & 1)), address };
      });
      const delta = ids.flatMap((id): WireOperation[] => [
        { op: 'node', id, lastGc: 0n, fromExcluded: 0n },
        { op: 'keyValue', key: 'key', value: '', version, status: 1 },
      ]);
      const digest = ids.map((id) => ({ id, heartbeat, lastGc: 0n, max: version }));
      const bytes = encodeWire({ version: 0, type: 'synAck', digest, delta });
      node.receive(bytes, '10.9.9.9:1' as SocketAddress, cluster.nowMs);
    }
  };
  let bestMs = Number.POSITIVE_INFINITY;
  for (let i = 0; i < 8; i++) {
    say(BigInt(i + 2));
    cluster.nowMs += 1_000;
    const beganMs = performance.now();
    node.round(cluster.nowMs, []);
    if (i >= 3) bestMs = Math.min(bestMs, performance.now() - beganMs);
  }
  assert.equal(node.liveNodes().length, 8_001);
  assert.ok(bestMs < 60, `a round takes ${bestMs.toFixed(1)} ms`);
});

test('[G39] a later run that somebody made up holds up questions for a while only', () => {
  const crowd = new Crowd(1, 4);
  const { cluster } = crowd;
  cluster.node('n0').set('key1', 'v', cluster.nowMs);
  crowd.rounds(4);
  const id = { ...cluster.node('n2').config.self, generation: 2n };
  const digest = [{ id, heartbeat: 2n, lastGc: 0n, max: 0n }];
  const bytes = encodeWire({ version: 0, type: 'synAck', digest, delta: [] });
  cluster.node('n0').receive(bytes, '10.9.9.9:1' as SocketAddress, cluster.nowMs);
  crowd.rounds(1);
  cluster.node('n2').delete('key1', cluster.nowMs);
  crowd.rounds(KEY_GRACE_MS / 1_000 + 20);
  assert.equal(cluster.node('n0').node(id)?.maxVersion, 0, 'still known');
  assert.deepEqual(crowd.shown('n1', 1), []);
});

test('[G44] thousands of writes that come back among thousands of nodes hold up no round', () => {
  const [keys, nodes] = [2_000, 8_000];
  const cluster = new GossipCluster(5);
  const graces = { keyGraceMs: KEY_GRACE_MS, deadNodeGraceMs: 86_400_000 };
  const [a, b] = [cluster.start('a', graces), cluster.start('b', graces)];
  const stranger = '10.9.9.9:1' as SocketAddress;
  const round = (): number => {
    cluster.nowMs += 1_000;
    for (const node of [a, b]) node.noteWallTime(NOW_MS + cluster.nowMs, cluster.nowMs);
    cluster.round('b', ['a']);
    cluster.deliverAll();
    const beganMs = performance.now();
    a.round(cluster.nowMs, []);
    return performance.now() - beganMs;
  };
  for (let heartbeat = 2n; heartbeat < 6n; heartbeat++) {
    for (let from = 0; from < nodes; from += 800) {
      const digest = Array.from({ length: 800 }, (_, i) => {
        const n = from + i;
        const address = `10.1.${n >> 8}.${n & 255}:7` as SocketAddress;
        const id = { nodeId: `x${n}`, generation: 1n, address };
        return { id, heartbeat, lastGc: 0n, max: 0n };
      });
      const bytes = encodeWire({ version: 0, type: 'synAck', digest, delta: [] });
      a.receive(bytes, stranger, cluster.nowMs);
    }
    round();
  }
  assert.ok(a.liveNodes().length > nodes);
  const id = b.config.self;
  const first = BigInt((NOW_MS + 86_400_000 - Date.UTC(2020)) * 256);
  const fromExcluded = BigInt(a.node(id)?.maxVersion ?? 0);
  const delta: WireOperation[] = [{ op: 'node', id, lastGc: 0n, fromExcluded }];
  for (let i = 0; i < keys; i++) {
    const version = first + BigInt(i);
    delta.push({ op: 'keyValue', key: `key${i}`, value: 'e', version, status: 0 });
  }
  a.receive(encodeWire({ version: 0, type: 'ack', delta }), stranger, cluster.nowMs);
  for (let i = 0; i < keys; i++) a.set(`key${i}`, 'v', cluster.nowMs);
  let tookMs = 0;
  for (let i = 0; i < 1_500 && a.metrics().selfReturns === 0; i++) tookMs = round();
  assert.equal(a.metrics().selfReturns, 1);
  assert.ok(tookMs < 80, `the round takes ${tookMs.toFixed(0)} ms`);
});

// Whatever the network does, states only move forward, and once it heals they become equal.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { GossipCluster } from '../../../test/support/gossip-cluster.ts';
import { must } from '../../base/assert.ts';
import { Prng } from '../../base/prng.ts';

const NAMES = ['a', 'b', 'c', 'd'];
const KEYS = ['k1', 'k2', 'k3', 'only', 'parley.other'];

type Step =
  | { readonly kind: 'write'; readonly node: number; readonly key: number; readonly value: number }
  | { readonly kind: 'delete' | 'ttl'; readonly node: number; readonly key: number }
  | { readonly kind: 'round'; readonly node: number }
  | { readonly kind: 'pass'; readonly ms: number }
  | { readonly kind: 'deliver' | 'lose' | 'double'; readonly pick: number };

const nodeIndex = fc.nat(NAMES.length - 1);
const keyIndex = fc.nat(KEYS.length - 1);
const pick = fc.nat(50);

const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constant('write' as const),
      node: nodeIndex,
      key: keyIndex,
      value: fc.nat(3),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constantFrom('delete' as const, 'ttl' as const),
      node: nodeIndex,
      key: keyIndex,
    }),
  },
  { weight: 4, arbitrary: fc.record({ kind: fc.constant('round' as const), node: nodeIndex }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('pass' as const), ms: fc.nat(6_000) }) },
  { weight: 8, arbitrary: fc.record({ kind: fc.constant('deliver' as const), pick }) },
  {
    weight: 2,
    arbitrary: fc.record({ kind: fc.constantFrom('lose' as const, 'double' as const), pick }),
  },
);

class Schedule {
  readonly cluster = new GossipCluster();
  readonly #watermarks = new Map<string, readonly [number, number]>();

  constructor(protocolVersions: readonly number[]) {
    for (const [i, name] of NAMES.entries()) {
      this.cluster.start(name, {
        protocolVersion: protocolVersions[i] === 1 ? 1 : 0,
        deadNodeGraceMs: 3_600_000,
        keyGraceMs: 4_000,
      });
    }
  }

  take(taken: Step): void {
    const { cluster } = this;
    if (taken.kind === 'pass') cluster.nowMs += taken.ms;
    else if ('pick' in taken) this.#network(taken.kind, taken.pick);
    else {
      const name = must(NAMES[taken.node], 'a name');
      const node = cluster.node(name);
      if (taken.kind === 'round') cluster.round(name, ['a', 'b']);
      else {
        const key = must(KEYS[taken.key], 'a key');
        if (taken.kind === 'write') node.set(key, `${name}${taken.value}`, cluster.nowMs);
        else if (taken.kind === 'delete') node.delete(key, cluster.nowMs);
        else node.deleteAfterTtl(key, cluster.nowMs);
      }
    }
    this.#checkPairs();
  }

  /** Picks any datagram of the queue, so that order means nothing. */
  #network(kind: 'deliver' | 'lose' | 'double', pickedIndex: number): void {
    const { queue } = this.cluster;
    if (queue.length === 0) return;
    const [datagram] = queue.splice(pickedIndex % queue.length, 1);
    if (kind === 'lose') return;
    const known = must(datagram, 'the queue was not empty');
    this.cluster.deliver(known);
    if (kind === 'double') this.cluster.deliver(known);
  }

  #checkPairs(): void {
    for (const [name, node] of this.cluster.nodes) {
      for (const { id } of node.nodes()) {
        const pair = must(node.watermark(id), 'a known node');
        const place = `${name} about ${id.nodeId}`;
        const before = this.#watermarks.get(place) ?? [0, 0];
        const forward = pair[0] > before[0] || (pair[0] === before[0] && pair[1] >= before[1]);
        assert(forward, `[G12] ${place} went from ${before.join()} to ${pair.join()}`);
        this.#watermarks.set(place, [pair[0], pair[1]]);
      }
    }
  }

  heal(): void {
    this.cluster.queue.length = 0;
    // Long enough for each clock to purge what was marked for deletion.
    for (let round = 0; round < 22; round++) {
      this.cluster.roundOfAll(round < 12 ? 100 : 500, ['a']);
      this.#checkPairs();
    }
  }

  checkEqual(): void {
    for (const observer of this.cluster.nodes.values()) {
      for (const [name, owner] of this.cluster.nodes) {
        const view = must(observer.node(owner.config.self), `everyone knows ${name}`);
        assert.deepEqual(view.entries(), owner.self.entries(), `the state of ${name}`);
        assert.equal(view.maxVersion, owner.self.maxVersion);
      }
      assert.equal(observer.liveNodes().length, NAMES.length);
    }
    const [first, ...others] = [...this.cluster.nodes.values()].map((node) => node.winners());
    for (const winners of others) {
      assert.deepEqual([...winners].toSorted(byKey), [...must(first, 'a node')].toSorted(byKey));
    }
  }
}

function byKey([a]: readonly [string, unknown], [b]: readonly [string, unknown]): number {
  return a < b ? -1 : 1;
}

test('[G12][G16] pairs never go back and states converge under loss, doubling and disorder', () => {
  const versions = fc.array(fc.nat(1), { minLength: NAMES.length, maxLength: NAMES.length });
  const steps = fc.array(step, { minLength: 20, maxLength: 150 });
  fc.assert(
    fc.property(versions, steps, (protocolVersions, taken) => {
      const schedule = new Schedule(protocolVersions);
      for (const one of taken) schedule.take(one);
      schedule.heal();
      schedule.checkEqual();
    }),
    { numRuns: 60 },
  );
});

test('[G33] thirty nodes with one seed all find each other, half of them restarted once', () => {
  const cluster = new GossipCluster();
  const names = Array.from({ length: 30 }, (_, i) => `n${String(i).padStart(2, '0')}`);
  for (const name of names) cluster.start(name, { initial: [['role', name]] });
  for (let round = 0; round < 8; round++) cluster.roundOfAll(1_000, ['n00']);
  for (const name of names) assert.equal(cluster.node(name).liveNodes().length, 30);
  for (const name of names.slice(15)) {
    cluster.nodes.delete(name);
    cluster.start(name, { generation: 2n, initial: [['role', `${name} again`]] });
  }
  for (let round = 0; round < 20; round++) cluster.roundOfAll(1_000, ['n00']);
  for (const name of names) {
    const live = cluster.node(name).liveNodes();
    assert.equal(live.length, 30);
    assert.equal(live.filter(({ generation }) => generation === 2n).length, 15);
  }
});

test('[G10] nodes with more members than a digest holds still learn of all of them', () => {
  const cluster = new GossipCluster();
  const long = 'x'.repeat(250);
  const names = Array.from({ length: 240 }, (_, i) => `${long}${i}`);
  const random = Prng.from(7);
  for (const name of names) cluster.start(name, { initial: [['k', name]] });
  const seed = must(names[0], 'a name');
  for (let round = 0; round < 8; round++) cluster.roundOfAll(1_000, [seed]);
  const sample = must(names[random.below(names.length)], 'a name');
  const node = cluster.node(sample);
  assert.equal(node.nodes().length, 240);
  assert(node.metrics().digestEntriesCapped > 0);
  assert.equal(node.nodes().filter((view) => view.contains('k')).length, 240);
  assert.equal(node.liveNodes().length, 240);
});

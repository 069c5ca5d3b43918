// Nothing in a datagram proves who wrote it. A lie is not taken, or its subject sees it in the
// digests of those who took it and goes beyond: one datagram must not poison a member for good.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { GossipCluster } from '../../../test/support/gossip-cluster.ts';
import {
  encodeWire,
  type WireMessage,
  type WireOperation,
} from '../../../test/support/gossip-wire.ts';
import { must } from '../../base/assert.ts';
import type { Gossip, NodeView } from './index.ts';
import { OUTBID_KEY, VersionClock } from './versions.ts';

const NAMES = ['a', 'b', 'c', 'd'];
/** From a lie until all are well again, whatever it was. */
const HEALING_ROUNDS = 12;

function createCluster(seed = 1): GossipCluster {
  const cluster = new GossipCluster(seed);
  for (const name of NAMES) {
    cluster.start(name, {
      initial: [
        ['role', name],
        ['zone', 'east'],
        [`only-${name}`, '1'],
      ],
    });
  }
  for (let round = 0; round < 6; round++) cluster.roundOfAll(1_000, ['a']);
  for (const name of NAMES) cluster.node(name).set('later', name, cluster.nowMs);
  for (let round = 0; round < 3; round++) cluster.roundOfAll(1_000, ['a']);
  assert.equal(findFault(cluster), undefined);
  return cluster;
}

/** What somebody believes that is not so. */
function findFault(cluster: GossipCluster): string | undefined {
  const winners = describeWinners(cluster.node('a'));
  for (const [name, node] of cluster.nodes) {
    const live = node.liveNodes().length;
    if (live !== cluster.nodes.size) return `${name} sees ${live} live`;
    for (const [ownerName, owner] of cluster.nodes) {
      const known = must(node.node(owner.config.self), 'live nodes are known');
      const [theirs, own] = [describeEntries(known), describeEntries(owner.self)];
      if (theirs !== own) return `${name} has of ${ownerName} ${theirs}, not ${own}`;
    }
    if (describeWinners(node) !== winners) return `${name} has winners ${describeWinners(node)}`;
  }
  return undefined;
}

function describeEntries(view: NodeView): string {
  return view
    .keyValues()
    .map(({ key, value, version, status }) => `${key}=${value}@${version} ${status}`)
    .join(', ');
}

/** What was written there: not how far it had to go beyond lies. */
function describeWritten(cluster: GossipCluster): string[] {
  return [...cluster.nodes.values()].map(({ self }) =>
    self
      .keyValues()
      .filter(({ key }) => key !== OUTBID_KEY)
      .map(({ key, value, version }) => `${key}=${value}@${version}`)
      .join(', '),
  );
}

function describeWinners(node: Gossip): string {
  const texts = [...node.winners()].map(
    ([key, { value, owner }]) => `${key}=${value}/${owner.nodeId}`,
  );
  return texts.toSorted().join(' ');
}

const KEYS = ['role', 'zone', 'later', 'evil', 'parley.leaving', 'only-a'];

/** Around what members have reached, around powers of two, and the last there is. */
const counter = fc.oneof(
  { weight: 4, arbitrary: fc.bigInt({ min: 0n, max: 8n }) },
  { weight: 1, arbitrary: fc.bigInt({ min: 9n, max: 120n }) },
  {
    weight: 3,
    arbitrary: fc
      .tuple(fc.integer({ min: 3, max: 63 }), fc.bigInt({ min: -3n, max: 3n }))
      .map(([power, away]) => 2n ** BigInt(power) + away),
  },
  { weight: 1, arbitrary: fc.constantFrom(2n ** 52n + 7n, 2n ** 53n - 2n, 2n ** 64n - 1n) },
);
/** Where a section begins: mostly where it is looked at. */
const beginning = fc.oneof(
  { weight: 3, arbitrary: fc.constantFrom(0n, 4n) },
  { weight: 1, arbitrary: counter },
);

/** A message that says things of members which they did not say. */
const lie = fc.record({
  to: fc.nat(NAMES.length - 1),
  from: fc.nat(NAMES.length),
  type: fc.constantFrom('syn' as const, 'synAck' as const, 'ack' as const),
  version: fc.constantFrom(0, 1),
  digest: fc.array(
    fc.record({ of: fc.nat(NAMES.length), heartbeat: counter, lastGc: counter, max: counter }),
    { maxLength: 4 },
  ),
  delta: fc.uniqueArray(
    fc.record({
      of: fc.nat(NAMES.length),
      lastGc: counter,
      fromExcluded: beginning,
      entries: fc.uniqueArray(
        fc.record({ key: fc.constantFrom(...KEYS), version: counter, status: fc.nat(2) }),
        { maxLength: 4, selector: ({ version }) => version },
      ),
      max: fc.option(counter),
    }),
    { maxLength: 3, selector: ({ of }) => of },
  ),
});

type Lie = typeof lie extends fc.Arbitrary<infer Told> ? Told : never;

function encodeLie(cluster: GossipCluster, told: Lie) {
  const idOf = (of: number) =>
    NAMES[of] === undefined
      ? { nodeId: 'nobody', generation: 1n, address: cluster.addressOf('nobody') }
      : cluster.node(NAMES[of]).config.self;
  const delta = told.delta.flatMap(({ of, lastGc, fromExcluded, entries, max }) => {
    const operations: WireOperation[] = [{ op: 'node', id: idOf(of), lastGc, fromExcluded }];
    for (const entry of entries.toSorted((x, y) => (x.version < y.version ? -1 : 1))) {
      operations.push({ op: 'keyValue', value: 'forged', ...entry });
    }
    if (max !== null && entries.length === 0) operations.push({ op: 'setMax', max });
    return operations;
  });
  const digest = told.digest.map(({ of, ...counters }) => ({ id: idOf(of), ...counters }));
  const { type, version } = told;
  const message: WireMessage = {
    type,
    version,
    ...(type === 'ack' ? {} : { digest }),
    ...(type === 'syn' ? { clusterId: 'testing' } : { delta }),
  };
  return encodeWire(message);
}

function checkHealing(cluster: GossipCluster, told: Lie, to: string): void {
  const before = describeWritten(cluster);
  const from = cluster.addressOf(NAMES[told.from] ?? 'nobody');
  cluster.node(to).receive(encodeLie(cluster, told), from, cluster.nowMs);
  let fault: string | undefined = 'not looked yet';
  for (let round = 0; round < HEALING_ROUNDS && fault !== undefined; round++) {
    cluster.roundOfAll(1_000, ['a']);
    fault = findFault(cluster);
  }
  assert.equal(fault, undefined);
  const after = describeWritten(cluster);
  assert.deepEqual(after, before, 'no owner has lost or gained anything');
  for (let round = 0; round < HEALING_ROUNDS; round++) cluster.roundOfAll(1_000, ['a']);
  assert.equal(findFault(cluster), undefined, 'and nothing comes after');
}

const numRuns = Number(process.env['LIES'] ?? 150);

test('[G4][G9][G19] after any single lie all hold what the owners hold, within some rounds', () => {
  fc.assert(
    fc.property(lie, (told) => {
      checkHealing(createCluster(), told, must(NAMES[told.to], 'a member'));
    }),
    { numRuns },
  );
});

test('[G4] a lie at the very bound is healed: it moves on, and the owner with it', () => {
  const cluster = createCluster();
  const wallMs = Date.UTC(2026);
  for (const node of cluster.nodes.values()) node.noteWallTime(wallMs, cluster.nowMs);
  const { bound } = createClock(wallMs);
  const entry = { key: 'role', version: BigInt(bound), status: 0 };
  const section = { of: 0, lastGc: 0n, fromExcluded: 0n, entries: [entry], max: null };
  const told: Lie = { to: 1, from: 4, type: 'ack', version: 0, digest: [], delta: [section] };
  cluster.node('b').receive(encodeLie(cluster, told), cluster.addressOf('x'), cluster.nowMs);
  assert.equal(cluster.node('b').node(cluster.node('a').config.self)?.get('role'), 'forged');
  for (let round = 0; round < HEALING_ROUNDS; round++) cluster.roundOfAll(1_000, ['a']);
  assert.equal(findFault(cluster), undefined);
  assert(cluster.node('a').self.maxVersion > bound);
});

function createClock(wallMs: number): VersionClock {
  const clock = new VersionClock();
  clock.noteWall(wallMs);
  return clock;
}

test('[G40] the same when a newcomer is lied to before it knows anybody', () => {
  fc.assert(
    fc.property(lie, (told) => {
      const cluster = createCluster();
      cluster.start('newcomer', { initial: [['role', 'new']] });
      checkHealing(cluster, told, 'newcomer');
    }),
    { numRuns },
  );
});

test('[G40] a newcomer that is told of a node that it leaves finds out that it does not', () => {
  // The rest of the node's state, told by others, lies behind the lie, and is taken.
  const cluster = createCluster();
  cluster.start('newcomer', { initial: [['role', 'new']] });
  const entries = [{ key: 'parley.leaving', version: 1n, status: 0 }];
  const told: Lie = {
    to: 0,
    from: 0,
    type: 'synAck',
    version: 0,
    digest: [{ of: 2, heartbeat: 0n, lastGc: 8n, max: 8n }],
    delta: [{ of: 2, lastGc: 0n, fromExcluded: 0n, entries, max: null }],
  };
  checkHealing(cluster, told, 'newcomer');
});

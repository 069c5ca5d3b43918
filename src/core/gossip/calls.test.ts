// The calls of the core, as its users make them. The protocol itself is in testdata.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type ClusterSettings, GossipCluster } from '../../../test/support/gossip-cluster.ts';
import { encodeWire } from '../../../test/support/gossip-wire.ts';
import { zstdBlocks } from '../../../test/support/zstd-blocks.ts';
import { must } from '../../base/assert.ts';
import type { SocketAddress } from '../../base/ids.ts';
import { LIMITS } from '../../base/limits.ts';
import { Prng } from '../../base/prng.ts';
import {
  Gossip,
  type GossipSettings,
  type KeyChange,
  type NodeReset,
  parseGossipConfig,
} from './index.ts';

/** Two nodes that see each other live. */
function createPair(settings: ClusterSettings = {}): {
  cluster: GossipCluster;
  a: Gossip;
  b: Gossip;
} {
  const cluster = new GossipCluster();
  const a = cluster.start('a', settings);
  const b = cluster.start('b');
  for (let round = 0; round < 5; round++) cluster.roundOfAll(1_000, ['a']);
  assert.equal(a.liveNodes().length, 2);
  return { cluster, a, b };
}

const SETTINGS: GossipSettings = {
  self: { nodeId: 'a', generation: 1n, address: '127.0.0.1:1' as SocketAddress },
  clusterId: 'c',
  gossipIntervalMs: 1_000,
  keyGraceMs: 1_000,
};

const BAD_SETTINGS: readonly (readonly [field: string, settings: Partial<GossipSettings>])[] = [
  ['self.nodeId', { self: { ...SETTINGS.self, nodeId: '' } }],
  ['self.nodeId', { self: { ...SETTINGS.self, nodeId: '\ud800' } }],
  ['self.nodeId', { self: { ...SETTINGS.self, nodeId: 'n'.repeat(256) } }],
  ['self.generation', { self: { ...SETTINGS.self, generation: -1n } }],
  ['self.generation', { self: { ...SETTINGS.self, generation: 2n ** 64n } }],
  ['self.address', { self: { ...SETTINGS.self, address: 'localhost:1' as SocketAddress } }],
  ['self.address', { self: { ...SETTINGS.self, address: '0.0.0.0:1' as SocketAddress } }],
  ['self.address', { self: { ...SETTINGS.self, address: '127.0.0.1:0' as SocketAddress } }],
  ['clusterId', { clusterId: 'c'.repeat(256) }],
  ['clusterId', { clusterId: '\udc00' }],
  ['gossipIntervalMs', { gossipIntervalMs: 0 }],
  ['keyGraceMs', { keyGraceMs: Number.NaN }],
  ['deadNodeGraceMs', { deadNodeGraceMs: Number.POSITIVE_INFINITY }],
  ['samplingWindowSize', { samplingWindowSize: 0 }],
  ['samplingWindowSize', { samplingWindowSize: 1.5 }],
  ['fanOut', { fanOut: 0 }],
  ['protocolVersion', { protocolVersion: 2 as 1 }],
];

test('a bad setting is named', () => {
  for (const [field, settings] of BAD_SETTINGS) {
    const outcome = parseGossipConfig({ ...SETTINGS, ...settings });
    assert.equal(outcome.kind === 'refused' ? outcome.field : outcome.kind, field);
  }
});

test('what is not said in the settings has a default', () => {
  const outcome = parseGossipConfig(SETTINGS);
  assert(outcome.kind === 'config');
  const { deadNodeGraceMs, phiThreshold, samplingWindowSize, fanOut } = outcome.config;
  assert.deepEqual(
    [deadNodeGraceMs, phiThreshold, samplingWindowSize, fanOut],
    [86_400_000, 8, 1_000, 3],
  );
});

test('[G23] a write says what is wrong with it', () => {
  const core = new GossipCluster().start('a');
  const { keyBytesMax, valueBytesMax } = LIMITS.gossip;
  assert.deepEqual(core.set('a\ud800', 'v', 0), { kind: 'refused', reason: 'keyNotWellFormed' });
  assert.deepEqual(core.set('k', '\udc00', 0), { kind: 'refused', reason: 'valueNotWellFormed' });
  assert.deepEqual(core.set('é', 'v', 0), { kind: 'refused', reason: 'keyStartsNonAscii' });
  assert.deepEqual(core.set('k'.repeat(keyBytesMax + 1), 'v', 0), {
    kind: 'refused',
    reason: 'keyTooLong',
    limit: keyBytesMax,
  });
  // The limit counts bytes, not characters.
  assert.deepEqual(core.setWithTtl('k', 'é'.repeat(valueBytesMax / 2 + 1), 0), {
    kind: 'refused',
    reason: 'valueTooLong',
    limit: valueBytesMax,
  });
  assert.deepEqual(core.set('', '', 0), { kind: 'written', version: 1 });
});

test('[G27] a table that is full takes no new key and still changes old ones', () => {
  const core = new GossipCluster().start('a');
  const { entriesPerNodeMax } = LIMITS.gossip;
  for (let i = 0; i < entriesPerNodeMax; i++) core.set(`k${i}`, '', 0);
  assert.deepEqual(core.set('one more', '', 0), {
    kind: 'refused',
    reason: 'tooManyKeys',
    limit: entriesPerNodeMax,
  });
  assert.equal(core.set('k7', 'new', 0).kind, 'written');
});

test('[G22] deleting again is a write, and so is deleting the unknown: others may know it', () => {
  const core = new GossipCluster().start('a', { initial: [['k', 'v']] });
  assert.deepEqual(core.deleteAfterTtl('unknown', 0), { kind: 'unknownKey' });
  assert.deepEqual(core.delete('k', 0), { kind: 'written', version: 2 });
  assert.deepEqual(core.deleteAfterTtl('k', 0), { kind: 'unknownKey' });
  assert.deepEqual(core.delete('k', 0), { kind: 'written', version: 3 });
  assert.deepEqual(core.delete('unknown', 0), { kind: 'written', version: 4 });
  assert.deepEqual(core.delete('é', 0), { kind: 'refused', reason: 'keyStartsNonAscii' });
  assert.equal(core.get('k'), undefined);
  assert.deepEqual(core.self.getVersioned('k'), {
    key: 'k',
    value: '',
    version: 3,
    status: 'deleted',
  });
  assert.equal(core.self.contains('k'), false);
  assert.deepEqual([core.self.countKeys(), core.self.entries().length], [0, 2]);
});

test('reads go by the order of UTF-8, not of UTF-16', () => {
  const core = new GossipCluster().start('a');
  const keys = ['a\u{10000}', 'a\uffff', 'b', 'a', 'aé'];
  for (const key of keys) core.set(key, '', 0);
  const read = core.self.keyValues().map(({ key }) => key);
  assert.deepEqual(read, ['a', 'aé', 'a\uffff', 'a\u{10000}', 'b']);
  assert.deepEqual(
    core.self.iterPrefix('aé').map(({ key }) => key),
    ['aé'],
  );
});

test('[G20] equal versions: the lesser id has to outbid, the greater id has not', () => {
  const { cluster, a, b } = createPair();
  a.set('k', 'same', cluster.nowMs);
  b.set('k', 'same', cluster.nowMs);
  cluster.roundOfAll(1_000);
  assert.deepEqual(b.set('k', 'same', cluster.nowMs), { kind: 'unchanged', version: 1 });
  assert.deepEqual(a.set('k', 'same', cluster.nowMs), { kind: 'written', version: 2 });
});

test('[G39] a deletion is followed also by one that was cut off when it happened', () => {
  const settings = { keyGraceMs: 60_000, deadNodeGraceMs: 600_000 };
  const cluster = new GossipCluster();
  const a = cluster.start('a', settings);
  const b = cluster.start('b', settings);
  for (let round = 0; round < 5; round++) cluster.roundOfAll(1_000, ['a']);
  a.set('k', 'old', cluster.nowMs);
  cluster.roundOfAll(1_000);
  b.delete('k', cluster.nowMs);
  for (let round = 0; round < 30; round++) {
    cluster.nowMs += 1_000;
    for (const name of ['a', 'b']) cluster.round(name);
    cluster.queue.length = 0;
  }
  assert.equal(a.liveNodes().length, 1);
  for (let round = 0; round < 14; round++) cluster.roundOfAll(1_000, ['a']);
  assert.equal(a.self.getVersioned('k')?.status, 'deleted');
  cluster.nodes.delete('b');
  for (let round = 0; round < 90; round++) cluster.roundOfAll(1_000, ['a']);
  assert.equal(a.winners().size, 0);
});

test('[G39] a deletion that its node is not there to deny is not followed', () => {
  const { cluster, a, b } = createPair();
  a.set('k', 'kept', cluster.nowMs);
  cluster.roundOfAll(1_000);
  cluster.nodes.delete('b');
  for (let round = 0; round < 12; round++) cluster.roundOfAll(1_000, ['a']);
  assert.equal(a.liveNodes().length, 1);
  const delta = [
    { op: 'node', id: b.config.self, lastGc: 0n, fromExcluded: 0n },
    { op: 'keyValue', key: 'k', value: '', version: 900n, status: 1 },
  ] as const;
  const bytes = encodeWire({ version: 0, type: 'ack', delta });
  a.receive(bytes, cluster.addressOf('x'), cluster.nowMs);
  for (let round = 0; round < 30; round++) cluster.roundOfAll(1_000, ['a']);
  assert.equal(a.get('k'), 'kept');
});

test('[G34] listeners hear of stored visible entries by the rest of their key', () => {
  const { cluster, a, b } = createPair();
  const heard: string[] = [];
  const note = (change: KeyChange): void => {
    heard.push(`${change.owner.nodeId} ${change.key}=${change.value}@${change.version}`);
  };
  const subscription = b.subscribe('svc/', note);
  b.subscribe('other', () => heard.push('wrong'));
  a.set('svc/db', '1', cluster.nowMs);
  b.set('svc/web', '2', cluster.nowMs);
  b.set('svc/web', '2', cluster.nowMs);
  b.deleteAfterTtl('svc/web', cluster.nowMs);
  cluster.exchange('b', 'a');
  a.delete('svc/db', cluster.nowMs);
  cluster.exchange('b', 'a');
  assert.deepEqual(heard, ['b web=2@1', 'a db=1@1']);
  subscription.unsubscribe();
  a.set('svc/db', '3', cluster.nowMs);
  cluster.exchange('b', 'a');
  assert.equal(heard.length, 2);
});

test('[G25] a listener may write, and what it causes is delivered after', () => {
  const core = new GossipCluster().start('a');
  const heard: string[] = [];
  core.subscribe('', ({ key, value }) => {
    heard.push(`${key}=${value}`);
    if (key === 'ping') core.set('pong', value, 0);
  });
  core.subscribe('', ({ key }) => heard.push(`second ${key}`));
  core.set('ping', '1', 0);
  assert.deepEqual(heard, ['ping=1', 'second ping', 'pong=1', 'second pong']);
});

test('[G35] watchers hear of life and versions, not of heartbeats and purges', () => {
  const { cluster, a, b } = createPair({
    extraLivenessPredicate: (view) => view.get('hidden') === undefined,
  });
  const seen: string[] = [];
  const subscription = a.watchLive(({ nodes }) => {
    seen.push(nodes.map(({ id }) => id.nodeId).join(' '));
  });
  assert.deepEqual(seen, ['a b']);
  cluster.roundOfAll(1_000);
  assert.equal(seen.length, 1);
  b.set('k', 'v', cluster.nowMs);
  cluster.exchange('a', 'b');
  cluster.roundOfAll(1_000);
  assert.deepEqual(seen, ['a b', 'a b']);
  b.delete('k', cluster.nowMs);
  cluster.roundOfAll(1_000);
  cluster.roundOfAll(1_000);
  assert.equal(seen.length, 3);
  for (let round = 0; round < 12; round++) cluster.roundOfAll(1_000);
  assert.deepEqual(a.watermark(b.config.self), [2, 2]);
  assert.equal(seen.length, 3);
  b.set('hidden', 'yes', cluster.nowMs);
  cluster.roundOfAll(1_000);
  cluster.roundOfAll(1_000);
  assert.deepEqual(seen.slice(3), ['a']);
  // Only snapshots are narrowed: the node is as alive as before.
  assert.equal(a.liveNodes().length, 2);
  subscription.unsubscribe();
  b.set('k', 'w', cluster.nowMs);
  cluster.roundOfAll(1_000);
  assert.equal(seen.length, 4);
});

test('[G17][G25] a state sent whole calls for the catch-up, once, after the answer is made', () => {
  const cluster = new GossipCluster();
  let calls = 0;
  cluster.start('a', {
    initial: [
      ['gone', '1'],
      ['kept', '2'],
    ],
  });
  cluster.start('b', { onCatchUp: () => (calls += 1) });
  cluster.exchange('b', 'a');
  assert.equal(calls, 0);
  cluster.node('a').delete('gone', 0);
  cluster.nowMs += 10_000;
  cluster.round('a');
  cluster.queue.length = 0;
  cluster.exchange('b', 'a');
  assert.equal(calls, 1);
  const view = must(cluster.node('b').node(cluster.node('a').config.self), 'b knows a');
  assert.deepEqual([view.get('gone'), view.get('kept')], [undefined, '2']);
});

function resetOf(core: Gossip, overrides: Partial<NodeReset>): NodeReset {
  return {
    id: core.config.self,
    entries: [{ key: 'new', value: 'n', version: 9, status: 'set' }],
    maxVersion: 9,
    lastGcVersion: 0,
    ...overrides,
  };
}

test('[G21] an external state replaces an older one, entry by entry', () => {
  const { cluster, a, b } = createPair({
    initial: [
      ['old', 'o'],
      ['both', 'v2'],
    ],
  });
  const heard: string[] = [];
  b.subscribe('', ({ key, value }) => heard.push(`${key}=${value}`));
  const entries = [
    { key: 'both', value: 'v1', version: 1, status: 'set' },
    { key: 'new', value: 'n', version: 9, status: 'set' },
    { key: 'dead', value: '', version: 8, status: 'deleted' },
  ] as const;
  const outcome = b.resetNodeStateIfUpdate(resetOf(a, { entries, maxVersion: 12 }), cluster.nowMs);
  assert.deepEqual(outcome, { kind: 'replaced' });
  const view = must(b.node(a.config.self), 'b knows a');
  assert.deepEqual(
    view.entries().map(({ key, value, version }) => `${key}=${value}@${version}`),
    ['both=v2@2', 'dead=@8', 'new=n@9'],
  );
  assert.deepEqual(b.watermark(a.config.self), [0, 12]);
  assert.deepEqual(heard, ['new=n']);
  const again = b.resetNodeStateIfUpdate(resetOf(a, { maxVersion: 12 }), cluster.nowMs);
  assert.deepEqual(again, { kind: 'skipped', reason: 'notNewer' });
  // A greater gc counts before the max version.
  const newGc = resetOf(a, { entries: [], maxVersion: 3, lastGcVersion: 3 });
  assert.deepEqual(b.resetNodeStateIfUpdate(newGc, cluster.nowMs), { kind: 'replaced' });
  assert.deepEqual(b.watermark(a.config.self), [3, 3]);
});

test('[G21] an external state that cannot be is not taken', () => {
  const { cluster, a, b } = createPair();
  const reasonOf = (core: Gossip, reset: NodeReset): string => {
    const outcome = core.resetNodeStateIfUpdate(reset, cluster.nowMs);
    return outcome.kind === 'skipped' ? outcome.reason : outcome.kind;
  };
  const entry = { key: 'k', value: 'v', version: 5, status: 'set' } as const;
  const sameVersion = [entry, { ...entry, key: 'l' }];
  const sameKey = [entry, { ...entry, version: 6 }];
  assert.equal(reasonOf(a, resetOf(a, {})), 'ownNode');
  assert.equal(reasonOf(b, resetOf(a, { maxVersion: 8 })), 'inconsistent');
  assert.equal(reasonOf(b, resetOf(a, { maxVersion: 2 ** 60 })), 'inconsistent');
  assert.equal(reasonOf(b, resetOf(a, { entries: sameVersion })), 'inconsistent');
  assert.equal(reasonOf(b, resetOf(a, { entries: sameKey })), 'inconsistent');
  const stranger = { ...a.config.self, nodeId: 'stranger' };
  assert.equal(reasonOf(b, resetOf(a, { id: stranger, entries: [], maxVersion: 0 })), 'notNewer');
  assert.equal(reasonOf(b, resetOf(a, { id: stranger })), 'replaced');
  assert.equal(b.node(stranger)?.get('new'), 'n');
});

test('[G21][G28][G32] a node purged is not brought back by an external state', () => {
  const { cluster, a, b } = createPair();
  const reset = resetOf(a, {});
  const view = must(b.node(a.config.self), 'b knows a');
  cluster.nodes.delete('a');
  for (let round = 0; round < 45; round++) cluster.roundOfAll(1_000);
  assert.equal(b.node(a.config.self), undefined);
  assert.deepEqual(b.resetNodeStateIfUpdate(reset, cluster.nowMs), {
    kind: 'skipped',
    reason: 'purged',
  });
  // The view that was handed out keeps its last values.
  assert.deepEqual([view.state, view.id.nodeId, view.maxVersion], ['scheduled', 'a', 0]);
  assert(view.heartbeat > 0);
});

test('[G32] a scheduled node is neither in digests nor in deltas, and can come back', () => {
  const { cluster, a, b } = createPair({ initial: [['k', 'v']] });
  cluster.nodes.delete('a');
  for (let round = 0; round < 18; round++) cluster.roundOfAll(1_000);
  assert.deepEqual(b.scheduledForDeletion(), [a.config.self]);
  assert.deepEqual(b.deadNodes(), [a.config.self]);
  const c = cluster.start('c');
  cluster.exchange('c', 'b');
  assert.equal(c.node(a.config.self), undefined);
  cluster.nodes.set('a', a);
  for (let round = 0; round < 3; round++) cluster.roundOfAll(1_000, ['a']);
  assert.deepEqual(b.deadNodes(), []);
  assert.equal(b.metrics().revivals, 1);
});

test('[G29] two runs of a node are two nodes', () => {
  const { cluster, a, b } = createPair();
  const again = cluster.start('a', { generation: 2n });
  cluster.exchange('a', 'b');
  assert.notEqual(b.node(a.config.self), undefined);
  assert.notEqual(b.node(again.config.self), undefined);
  assert.notEqual(b.node(a.config.self), b.node(again.config.self));
});

test('[G36] a node too large for one datagram still leaves, by an exchange', () => {
  const { cluster, a, b } = createPair();
  for (let i = 0; i < 90; i++) {
    const value = Array.from({ length: 1_000 }, (_, at) =>
      String.fromCharCode(33 + ((at * i) % 89)),
    );
    a.set(`k${i}`, `${i}${value.join('')}`, cluster.nowMs);
  }
  for (let round = 0; round < 3; round++) cluster.roundOfAll(100);
  cluster.send('a', a.leave('', cluster.nowMs));
  cluster.deliverAll();
  assert.deepEqual(b.deadNodes(), [a.config.self]);
  assert.equal(b.winners().has('parley.leaving'), false);
  assert.equal(b.node(a.config.self)?.get('parley.leaving'), 'true');
  // It thought better of it.
  a.delete('parley.leaving', cluster.nowMs);
  for (let round = 0; round < 3; round++) cluster.roundOfAll(100);
  assert.deepEqual(b.deadNodes(), []);
});

test('[G37] a clock that goes back stands still', () => {
  const { cluster, a, b } = createPair();
  const timeout = must(a.detectionTimeoutMs(b.config.self), 'b is alive');
  a.round(cluster.nowMs + timeout - 1, []);
  a.round(0, []);
  assert.equal(a.liveNodes().length, 2);
  a.round(cluster.nowMs + timeout + 10, []);
  assert.equal(a.liveNodes().length, 1);
});

test('[G33] a round sends to distinct others, and to the seed while nobody is live', () => {
  const cluster = new GossipCluster();
  const a = cluster.start('a');
  const own = a.config.self.address;
  assert.deepEqual(a.round(0, []), []);
  assert.deepEqual(a.round(0, [own]), []);
  const seeds = [own, cluster.addressOf('s1'), cluster.addressOf('s2')];
  const [syn, ...others] = a.round(0, seeds);
  assert(others.length === 0 && syn !== undefined && syn.to !== own);
  const counts = new Map<string, number>();
  for (const name of ['b', 'c', 'd', 'e', 'f']) cluster.start(name);
  for (let round = 0; round < 6; round++) cluster.roundOfAll(1_000, ['a']);
  for (let round = 0; round < 2_000; round++) {
    const targets = a.round(cluster.nowMs, [cluster.addressOf('b')]).map(({ to }) => to);
    assert.equal(new Set(targets).size, targets.length);
    assert(targets.length >= 3 && targets.length <= 4 && !targets.includes(own));
    for (const to of targets) counts.set(to, (counts.get(to) ?? 0) + 1);
  }
  // Three of five, and the seed b in a fifth of the rounds that did not draw it.
  for (const name of ['c', 'd', 'e', 'f']) {
    const share = must(counts.get(cluster.addressOf(name)), 'drawn') / 2_000;
    assert(share > 0.54 && share < 0.66, `${name} ${share}`);
  }
  const share = must(counts.get(cluster.addressOf('b')), 'drawn') / 2_000;
  assert(share > 0.62 && share < 0.74, `b ${share}`);
});

test('datagrams are put where the caller wants them', () => {
  const lengths: number[] = [];
  const allocate = (bytes: number): Uint8Array => {
    lengths.push(bytes);
    return new Uint8Array(bytes);
  };
  const outcome = parseGossipConfig(SETTINGS);
  assert(outcome.kind === 'config');
  const core = new Gossip(
    outcome.config,
    { random: Prng.from(1), blocks: zstdBlocks, allocate },
    0,
  );
  const seed = '127.0.0.1:2' as SocketAddress;
  assert.equal(core.round(0, [seed])[0]?.bytes.length, lengths[0]);
  assert.equal(lengths.length, 1);
});

test('[G13] answers come in the version of the question', () => {
  const cluster = new GossipCluster();
  cluster.start('a', { protocolVersion: 1, clusterId: 'red' });
  const b = cluster.start('b', { clusterId: 'blue' });
  const syn = cluster.node('a').gossipTo(b.config.self.address, 0).bytes;
  const outcome = b.receive(syn, cluster.addressOf('a'), 0);
  assert(outcome.kind === 'handled' && outcome.reply !== undefined);
  assert.deepEqual([...outcome.reply], [0x53, 0xb0, 1, 3]);
});

// What strangers can send. Nothing throws, nothing half happens, nothing grows without bound.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { zstdCompressSync } from 'node:zlib';
import fc from 'fast-check';
import { GossipCluster } from '../../../test/support/gossip-cluster.ts';
import {
  decodeWire,
  encodeOperations,
  encodeWire,
  type WireEntry,
  type WireOperation,
} from '../../../test/support/gossip-wire.ts';
import { must } from '../../base/assert.ts';
import type { SocketAddress } from '../../base/ids.ts';
import { LIMITS } from '../../base/limits.ts';
import type { Gossip, GossipId, RefusalReason } from './index.ts';

const X: GossipId = { nodeId: 'x', generation: 1n, address: '10.9.9.9:1' as SocketAddress };
const NODE = { op: 'node', id: X, lastGc: 0n, fromExcluded: 0n } as const;

function keyValue(key: string, version: bigint, status = 0): WireOperation {
  return { op: 'keyValue', key, value: 'v', version, status };
}

function ackOf(delta: readonly WireOperation[]): Uint8Array {
  return encodeWire({ version: 0, type: 'ack', delta });
}

function synOf(digest: readonly WireEntry[]): Uint8Array {
  return encodeWire({ version: 0, type: 'syn', digest, clusterId: 'testing' });
}

/** An ACK whose delta is one block of this type and content. */
function blockOf(type: number, content: Uint8Array): Uint8Array {
  const length = [content.length & 255, content.length >> 8];
  return Uint8Array.from([0x53, 0xb0, 0, 2, type, ...length, ...content, 0]);
}

/** A core that knows of X. */
function createTarget(): Gossip {
  const core = new GossipCluster().start('target');
  core.receive(synOf([{ id: X, heartbeat: 1n, lastGc: 0n, max: 0n }]), X.address, 0);
  return core;
}

/** Bytes of one valid operation list with `at` replaced. */
function patched(operations: readonly WireOperation[], at: number, byte: number): Uint8Array {
  const bytes = encodeOperations(operations);
  bytes[at < 0 ? bytes.length + at : at] = byte;
  return blockOf(2, bytes);
}

const ENTRY: WireEntry = { id: X, heartbeat: 1n, lastGc: 0n, max: 0n };
const FRAME = new Uint8Array(zstdCompressSync(new Uint8Array(300)));

function patchedFrame(at: number, byte: number): Uint8Array {
  const frame = FRAME.slice();
  frame[at] = byte;
  return blockOf(1, frame);
}

const REFUSED: readonly (readonly [name: string, bytes: Uint8Array, reason: RefusalReason])[] = [
  ['an entry before any node', ackOf([keyValue('k', 1n)]), 'badOperation'],
  ['a max version before any node', ackOf([{ op: 'setMax', max: 1n }]), 'badOperation'],
  ['a node twice', ackOf([NODE, NODE]), 'repeatedNode'],
  ['version 0', ackOf([NODE, keyValue('k', 0n)]), 'badVersionOrder'],
  ['versions that fall', ackOf([NODE, keyValue('k', 2n), keyValue('l', 1n)]), 'badVersionOrder'],
  ['a version twice', ackOf([NODE, keyValue('k', 2n), keyValue('l', 2n)]), 'badVersionOrder'],
  [
    'an entry below the max version before it',
    ackOf([NODE, { op: 'setMax', max: 5n }, keyValue('k', 5n)]),
    'badVersionOrder',
  ],
  [
    'an entry below one before a max version',
    ackOf([NODE, keyValue('k', 5n), { op: 'setMax', max: 2n }, keyValue('l', 3n)]),
    'badVersionOrder',
  ],
  ['an unknown status', ackOf([NODE, keyValue('k', 1n, 3)]), 'badOperation'],
  ['an unknown operation', patched([NODE], 0, 9), 'badOperation'],
  ['an address of no family', patched([NODE], 1 + 2 + 1 + 8, 5), 'badAddress'],
  ['a name that is not UTF-8', patched([NODE], 3, 0xff), 'badText'],
  ['a key that is not UTF-8', patched([NODE, keyValue('k', 1n)], -13, 0xff), 'badText'],
  ['half an operation', blockOf(2, encodeOperations([NODE]).slice(0, -1)), 'truncated'],
  ['a block of no type', blockOf(3, new Uint8Array(2)), 'badBlock'],
  ['a stream without end', blockOf(2, new Uint8Array(2)).slice(0, -1), 'truncated'],
  ['a frame that is none', blockOf(1, new Uint8Array(20)), 'badBlock'],
  ['a frame with a reserved bit', patchedFrame(4, must(FRAME[4], 'a byte') | 8), 'badBlock'],
  ['a frame that wants a dictionary', patchedFrame(4, must(FRAME[4], 'a byte') | 1), 'badBlock'],
  ['a frame that says too little', patchedFrame(5, 0), 'badBlock'],
  ['a frame that does not say its size', patchedFrame(4, 0), 'badBlock'],
  [
    'a frame of more than a block may hold',
    blockOf(1, zstdCompressSync(new Uint8Array(65_536))),
    'badBlock',
  ],
  [
    'a frame that claims gigabytes',
    blockOf(1, Uint8Array.of(0x28, 0xb5, 0x2f, 0xfd, 0xe0, 0, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0)),
    'badBlock',
  ],
  ['a digest shorter than its count', synOf([ENTRY]).slice(0, 20), 'truncated'],
  ['bad magic', Uint8Array.of(0x53, 0xb1, 0, 3), 'badMagic'],
];

for (const [name, bytes, reason] of REFUSED) {
  test(`[G1][G6][G11] refused without effect: ${name}`, () => {
    const core = createTarget();
    const before = describe(core);
    assert.deepEqual(core.receive(bytes, X.address, 0), { kind: 'refused', reason });
    assert.equal(describe(core), before);
    assert.equal(core.metrics().refused[reason], 1);
  });
}

function describe(core: Gossip): string {
  return core
    .nodes()
    .map((view) => `${view.id.nodeId} ${view.heartbeat} ${view.maxVersion} ${view.countKeys()}`)
    .join();
}

/** An ACK of blocks that unpack to `count` times 65,535 bytes, which begin with operations. */
function bombOf(operations: readonly WireOperation[], count: number): Uint8Array {
  const raw = new Uint8Array(count * 65_535);
  let length = 0;
  for (const operation of operations) {
    const bytes = encodeOperations([operation]);
    raw.set(bytes, length);
    length += bytes.length;
  }
  const blocks = Array.from({ length: count }, (_, i) => {
    const block = zstdCompressSync(raw.subarray(i * 65_535, (i + 1) * 65_535));
    return [1, block.length & 255, block.length >> 8, ...block];
  });
  return Uint8Array.from([0x53, 0xb0, 0, 2, ...blocks.flat(), 0]);
}

test('[G6] of a delta no more than four mebibytes is unpacked: its beginning is a delta', () => {
  const core = createTarget();
  const value = 'x'.repeat(60_000);
  const entries: WireOperation[] = Array.from({ length: 200 }, (_, i) => ({
    ...(keyValue(`k${i}`, BigInt(i + 1)) as WireOperation & { op: 'keyValue' }),
    value,
  }));
  const outcome = core.receive(bombOf([NODE, ...entries], 200), X.address, 0);
  assert.equal(outcome.kind, 'handled');
  const taken = Math.floor((LIMITS.gossip.deltaUnpackedBytesMax - 60) / 60_018);
  assert.deepEqual([core.node(X)?.countKeys(), core.watermark(X)], [taken, [0, taken]]);
  assert.deepEqual([core.metrics().deltasCut, core.metrics().trailingBytes], [1, 0]);
});

test('[G6] a digest of more than four mebibytes is refused, there is no such honest one', () => {
  const bytes = bombOf([], 65);
  // As a SYN of version 1 the same blocks are a digest.
  bytes.set([1, 0], 2);
  const outcome = createTarget().receive(bytes, X.address, 0);
  assert.deepEqual(outcome, { kind: 'refused', reason: 'unpackedTooLarge' });
});

test('[G8] a bad delta takes the digest before it down too', () => {
  const core = createTarget();
  const id = { ...X, nodeId: 'newcomer' };
  const digest = [{ id, heartbeat: 1n, lastGc: 0n, max: 0n }];
  const delta = [NODE, NODE];
  core.receive(encodeWire({ version: 0, type: 'synAck', digest, delta }), X.address, 0);
  assert.equal(core.node(id), undefined);
});

test('[G8] a repeated id in a digest keeps the last entry', () => {
  const core = createTarget();
  const entries = [7n, 9n, 8n].map((heartbeat) => ({ ...ENTRY, heartbeat }));
  core.receive(synOf(entries), X.address, 0);
  assert.equal(core.node(X)?.heartbeat, 8);
});

test('[G4] of two sections only the one with an impossible version is dropped', () => {
  const core = createTarget();
  const y = { ...X, nodeId: 'y' };
  core.receive(synOf([{ ...ENTRY, id: y }]), X.address, 0);
  const huge = 2n ** 64n - 1n;
  const delta = [
    NODE,
    keyValue('k', huge - 1n),
    keyValue('l', huge),
    { ...NODE, id: y },
    keyValue('k', 1n),
  ];
  assert.equal(core.receive(ackOf(delta), X.address, 0).kind, 'handled');
  assert.deepEqual([core.node(X)?.maxVersion, core.node(y)?.maxVersion], [0, 1]);
  assert.equal(core.metrics().sectionsImplausible, 1);
});

test('[G18] a max version below the entries before it does not undo them', () => {
  const core = createTarget();
  core.receive(ackOf([NODE, keyValue('k', 7n), { op: 'setMax', max: 3n }]), X.address, 0);
  assert.deepEqual(core.watermark(X), [0, 7]);
});

test('[G16][G17] a section with a gap in what it knows to be purged is not taken', () => {
  const core = createTarget();
  const tell = (lastGc: bigint, fromExcluded: bigint, ...operations: WireOperation[]): void => {
    core.receive(ackOf([{ ...NODE, lastGc, fromExcluded }, ...operations]), X.address, 0);
  };
  tell(0n, 0n, keyValue('k', 60n));
  // Purged up to 80, told from 50: what was deleted between 60 and 80 nobody can say.
  tell(80n, 50n, keyValue('l', 90n));
  assert.deepEqual(core.watermark(X), [0, 60]);
  // Purged up to what is known: nothing is missing.
  tell(60n, 60n, keyValue('l', 90n));
  assert.deepEqual(core.watermark(X), [0, 90]);
  // Told from 0 it is all there is, even if that is less.
  tell(91n, 0n, keyValue('m', 7n));
  assert.deepEqual(core.watermark(X), [91, 7]);
  assert.deepEqual(
    core
      .node(X)
      ?.entries()
      .map(({ key }) => key),
    ['m'],
  );
  assert.equal(core.metrics().resets, 1);
  // Tombstones at or below the gc are news of what was purged before.
  tell(91n, 7n, keyValue('gone', 8n, 1), keyValue('kept', 9n));
  assert.deepEqual(
    core
      .node(X)
      ?.entries()
      .map(({ key }) => key),
    ['kept', 'm'],
  );
});

test('[G23] a key that begins beyond ASCII is not stored and so not passed on', () => {
  const core = createTarget();
  core.receive(
    ackOf([NODE, keyValue('é', 1n), keyValue('aé', 2n), keyValue('', 3n)]),
    X.address,
    0,
  );
  assert.deepEqual(
    core
      .node(X)
      ?.keyValues()
      .map(({ key }) => key),
    ['', 'aé'],
  );
  assert.equal(core.metrics().keysRefused, 1);
});

test('[G26] beyond the limit of nodes newcomers are refused, those known go on', () => {
  const core = createTarget();
  const { nodesMax } = LIMITS.gossip;
  for (let first = 0; first < nodesMax + 1_000; first += 1_000) {
    const ids = Array.from({ length: 1_000 }, (_, i) => ({ ...X, nodeId: `s${first + i}` }));
    core.receive(synOf(ids.map((id) => ({ ...ENTRY, id }))), X.address, 0);
  }
  assert.equal(core.nodes().length, nodesMax);
  assert(core.metrics().nodesRefused > 0);
  core.receive(synOf([{ ...ENTRY, heartbeat: 5n }]), X.address, 0);
  assert.equal(core.node(X)?.heartbeat, 5);
});

test('[G26] an id with a name beyond its limit is refused, the rest of the digest is not', () => {
  const core = createTarget();
  const long = { ...X, nodeId: 'n'.repeat(LIMITS.gossip.nodeIdBytesMax + 1) };
  const fine = { ...X, nodeId: 'n'.repeat(LIMITS.gossip.nodeIdBytesMax) };
  core.receive(
    synOf([
      { ...ENTRY, id: long },
      { ...ENTRY, id: fine },
    ]),
    X.address,
    0,
  );
  assert.equal(core.node(long), undefined);
  assert.equal(core.node(fine)?.heartbeat, 1);
});

/** Sends entries `first..last` of X, many to a datagram. */
function flood(core: Gossip, first: number, last: number, status = 0): void {
  for (let from = first - 1; from < last; from += 2_000) {
    const entries: WireOperation[] = [];
    for (let version = from + 1; version <= Math.min(from + 2_000, last); version++) {
      entries.push(keyValue(`k${version}`, BigInt(version), status));
    }
    core.receive(ackOf([{ ...NODE, fromExcluded: BigInt(from) }, ...entries]), X.address, 0);
  }
}

test('[G27] a state that could not be held whole is not offered to others', () => {
  const core = createTarget();
  const peer = new GossipCluster().start('peer');
  const { entriesPerNodeMax } = LIMITS.gossip;
  flood(core, 1, entriesPerNodeMax);
  const offersX = (): boolean => {
    const outcome = core.receive(peer.gossipTo(X.address, 0).bytes, X.address, 0);
    assert(outcome.kind === 'handled' && outcome.reply !== undefined);
    const operations = must(decodeWire(outcome.reply).delta, 'a SYN-ACK has a delta');
    return operations.some(({ op }) => op === 'keyValue');
  };
  assert.equal(core.metrics().keysOverLimit, 0);
  assert.equal(offersX(), true);
  flood(core, entriesPerNodeMax + 1, entriesPerNodeMax + 5);
  assert.equal(core.metrics().keysOverLimit, 5);
  assert.equal(core.node(X)?.countKeys(), entriesPerNodeMax);
  assert.equal(core.node(X)?.maxVersion, entriesPerNodeMax + 5);
  assert.equal(offersX(), false);
});

test('[G42] a state that could not be held whole is told anew once there is room', () => {
  const core = createTarget();
  const { entriesPerNodeMax } = LIMITS.gossip;
  const [first, last] = [entriesPerNodeMax + 1, entriesPerNodeMax + 5];
  flood(core, 1, entriesPerNodeMax, 1);
  flood(core, first, last);
  core.round(1_000, []);
  assert.equal(core.node(X)?.maxVersion, last, 'there is no room yet');
  core.round(core.config.keyGraceMs, []);
  assert.equal(core.node(X)?.maxVersion, 0, 'the tombstones are gone: all of it is wanted again');
  const entries = Array.from({ length: 5 }, (_, i) => keyValue(`k${first + i}`, BigInt(first + i)));
  core.receive(ackOf([NODE, ...entries]), X.address, core.config.keyGraceMs);
  assert.equal(core.node(X)?.countKeys(), 5);
  const peer = new GossipCluster().start('peer');
  const outcome = core.receive(peer.gossipTo(X.address, 0).bytes, X.address, 0);
  assert(outcome.kind === 'handled' && outcome.reply !== undefined);
  const told = must(decodeWire(outcome.reply).delta, 'a SYN-ACK has a delta');
  assert.equal(told.filter(({ op }) => op === 'keyValue').length, 5);
});

test('[G1] no mutation of honest datagrams makes a core throw', () => {
  const cluster = new GossipCluster();
  const one = cluster.start('one', { initial: [['k', 'v'.repeat(200)]], protocolVersion: 1 });
  const two = cluster.start('two', { initial: [['é'.replace('é', 'e'), 'ü']] });
  const samples: Uint8Array[] = [];
  cluster.onDelivered = ({ bytes }) => samples.push(bytes);
  cluster.exchange('one', 'two');
  cluster.exchange('two', 'one');
  const mutation = fc.record({
    sample: fc.nat(samples.length - 1),
    cut: fc.nat(400),
    writes: fc.array(fc.tuple(fc.nat(400), fc.nat(255)), { maxLength: 6 }),
  });
  fc.assert(
    fc.property(mutation, ({ sample, cut, writes }) => {
      const bytes = must(samples[sample], 'a sample').slice(0, 4 + cut);
      for (const [at, byte] of writes) bytes[at % bytes.length] = byte;
      for (const core of [one, two]) core.receive(bytes, X.address, 0);
    }),
    { numRuns: 2_000 },
  );
});

// Datagrams as other implementations print them, byte for byte: what this core writes for the same
// state, and what it makes of theirs.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  decodeWire,
  encodeOperations,
  encodeWire,
  type WireEntry,
  type WireMessage,
} from '../../../test/support/gossip-wire.ts';
import { storedBlocks, zstdBlocks } from '../../../test/support/zstd-blocks.ts';
import { must } from '../../base/assert.ts';
import type { SocketAddress } from '../../base/ids.ts';
import { Prng } from '../../base/prng.ts';
import { Gossip, type GossipId, type NodeView, parseGossipConfig } from './index.ts';

function bytesOf(hex: string): Uint8Array {
  return new Uint8Array(Buffer.from(hex.replaceAll(/[\s|]/g, ''), 'hex'));
}

function hexOf(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex');
}

function idOf(nodeId: string, generation: bigint, address: string): GossipId {
  return { nodeId, generation, address: address as SocketAddress };
}

const NODE_10001 = idOf('node-10001', 0n, '127.0.0.1:10001');
const NODE_10002 = idOf('node-10002', 0n, '127.0.0.1:10002');

/** A core that knows nobody yet. It stores its blocks, as the examples do. */
function createCore(self: GossipId, clusterId = 'cluster-a', protocolVersion: 0 | 1 = 0): Gossip {
  const outcome = parseGossipConfig({
    self,
    clusterId,
    gossipIntervalMs: 1_000,
    keyGraceMs: 10_000,
    protocolVersion,
  });
  if (outcome.kind === 'refused') throw new Error(`${outcome.field} ${outcome.why}`);
  return new Gossip(outcome.config, { random: Prng.from(1), blocks: storedBlocks }, 0);
}

function entryOf(id: GossipId, heartbeat: bigint, lastGc: bigint, max: bigint): WireEntry {
  return { id, heartbeat, lastGc, max };
}

const EXAMPLES: readonly (readonly [name: string, hex: string, message: WireMessage])[] = [
  ['BAD-CLUSTER', '53b00003', { version: 0, type: 'badCluster' }],
  [
    'SYN with an empty digest',
    '53b0 00 00 | 0000 | 0900 636c75737465722d61',
    { version: 0, type: 'syn', digest: [], clusterId: 'cluster-a' },
  ],
  [
    'SYN with one node',
    `53b00000 0100 0a00 6e6f64652d3130303031 0000000000000000 04 7f000001 1127
     0000000000000000 0000000000000000 0000000000000000 0900 636c75737465722d61`,
    {
      version: 0,
      type: 'syn',
      digest: [entryOf(NODE_10001, 0n, 0n, 0n)],
      clusterId: 'cluster-a',
    },
  ],
  [
    'SYN of an IPv6 node with a name beyond ASCII',
    `53b00000 0100 0300 6ec3a9 15cd853dfe9c9717 06 20010db8000000000000000000000001 721c
     0201000000000000 0700000000000000 2c01000000000000 0100 63`,
    {
      version: 0,
      type: 'syn',
      digest: [entryOf(idOf('né', 1700000000123456789n, '[2001:db8::1]:7282'), 258n, 7n, 300n)],
      clusterId: 'c',
    },
  ],
  ['ACK with an empty delta', '53b0000200', { version: 0, type: 'ack', delta: [] }],
  [
    'SYN-ACK with nothing',
    '53b00001 0000 00',
    { version: 0, type: 'synAck', digest: [], delta: [] },
  ],
  [
    'ACK with a tombstone',
    `53b00002 02 4200 00 0a006e6f64652d3130303031 0000000000000000 047f0000011127
     0000000000000000 0000000000000000
     01 0300 6b6579 0500 76616c7565 0100000000000000 01 00`,
    {
      version: 0,
      type: 'ack',
      delta: [
        { op: 'node', id: NODE_10001, lastGc: 0n, fromExcluded: 0n },
        { op: 'keyValue', key: 'key', value: 'value', version: 1n, status: 1 },
      ],
    },
  ],
  [
    'ACK with SetMax',
    `53b00002 02 3500 00 0a006e6f64652d3130303031 0000000000000000 047f0000011127
     5000000000000000 3200000000000000 02 6400000000000000 00`,
    {
      version: 0,
      type: 'ack',
      delta: [
        { op: 'node', id: NODE_10001, lastGc: 80n, fromExcluded: 50n },
        { op: 'setMax', max: 100n },
      ],
    },
  ],
  [
    'V1 SYN with an empty digest',
    '53b00100 00 0900636c75737465722d61',
    { version: 1, type: 'syn', digest: [], clusterId: 'cluster-a' },
  ],
  [
    'V1 SYN with one node',
    `53b0010002 3300 0a006e6f64652d3130303031 0000000000000000 047f0000011127
     ${'00'.repeat(24)} 00 0900636c75737465722d61`,
    {
      version: 1,
      type: 'syn',
      digest: [entryOf(NODE_10001, 0n, 0n, 0n)],
      clusterId: 'cluster-a',
    },
  ],
];

for (const [name, hex, message] of EXAMPLES) {
  test(`[G2] the second codec reads and writes the example: ${name}`, () => {
    assert.equal(hexOf(encodeWire(message)), hexOf(bytesOf(hex)));
    assert.deepEqual(decodeWire(bytesOf(hex)), message);
  });

  test(`[G1] a core takes the example and its beginnings only whole: ${name}`, () => {
    const bytes = bytesOf(hex);
    const core = createCore(NODE_10002);
    assert.equal(core.receive(bytes, NODE_10001.address, 0).kind, 'handled');
    for (let length = 0; length < bytes.length; length++) {
      const outcome = core.receive(bytes.slice(0, length), NODE_10001.address, 0);
      assert.equal(outcome.kind, 'refused', `the first ${length} bytes`);
    }
  });
}

test('[G2][G13] a core writes SYN, SYN-ACK and ACK as the reference prints them', () => {
  const one = createCore(NODE_10001);
  const two = createCore(NODE_10002);
  one.set('key', 'value', 0);
  const syn = two.gossipTo(NODE_10001.address, 0).bytes;
  const twoAtStart = `0a00 6e6f64652d3130303032 0000000000000000 04 7f000001 1227
    0100000000000000 0000000000000000 0000000000000000`;
  const cluster = '0900 636c75737465722d61';
  assert.equal(hexOf(syn), hexOf(bytesOf(`53b00000 0100 ${twoAtStart} ${cluster}`)));

  const synAck = one.receive(syn, NODE_10002.address, 0);
  assert(synAck.kind === 'handled' && synAck.reply !== undefined);
  const oneId = '0a00 6e6f64652d3130303031 0000000000000000 04 7f000001 1127';
  const digest = `0200 ${oneId} 0200000000000000 0000000000000000 0100000000000000 ${twoAtStart}`;
  const delta = `02 4200 00 ${oneId} 0000000000000000 0000000000000000
    01 0300 6b6579 0500 76616c7565 0100000000000000 00 00`;
  assert.equal(hexOf(synAck.reply), hexOf(bytesOf(`53b00001 ${digest} ${delta}`)));

  const ack = two.receive(synAck.reply, NODE_10001.address, 0);
  assert(ack.kind === 'handled' && ack.reply !== undefined);
  assert.equal(hexOf(ack.reply), '53b0000200');
});

test('[G2] a V1 SYN of a core stores a short digest in one block', () => {
  const core = createCore(NODE_10001, 'cluster-a', 1);
  const syn = core.gossipTo(NODE_10002.address, 0).bytes;
  const expected = `53b0010002 3300 0a006e6f64652d3130303031 0000000000000000 047f0000011127
    01 ${'00'.repeat(23)} 00 0900636c75737465722d61`;
  assert.equal(hexOf(syn), hexOf(bytesOf(expected)));
});

const COMPRESSED_ACK = bytesOf(`
  53b00002015e0028b52ffd20b3ad02007403000a006e6f64652d313030303100047f0000011127000105006b65
  793131050076616c31310100320000020001321232323102323232030c0080e09d0306720076a06670082d704c
  73d0ce0c826c81ce65400900
`);

const OPERATIONS_OF_ACK = bytesOf(`
  000a006e6f64652d31303030310000000000000000047f00000111270000000000000000000000000000000001
  05006b65793131050076616c31310100000000000000000105006b657931320000020000000000000001000a00
  6e6f64652d31303030320000000000000000047f0000011227000000000000000000000000000000000105006b
  65793231050076616c32310200000000000000000105006b65793232050076616c3232030000000000000000
`);

const COMPRESSED_TTL_ACK = bytesOf(`
  53b00002013b0028b52ffd20439501008402000100620200040a010203ffff0500010100610100780600010100
  74010079090000000000000002031000d991072b0200
`);

const OPERATIONS_OF_TTL_ACK = bytesOf(`
  000100620200000000000000040a010203ffff0500000000000000000000000000000001010061010078060000
  00000000000001010074010079090000000000000002
`);

const COMPRESSED_V1_SYN = bytesOf(`
  53b00100014f0028b52ffd2099350200c4020a006e6f64652d313030303100047f00000111276400e803003212
  276501e93313276602ea030000000000000b00200b900d380e7806b200d98073565900d700f270c11700090063
  6c75737465722d61
`);

function learn(core: Gossip, ...ids: readonly GossipId[]): void {
  const digest = ids.map((id) => entryOf(id, 1n, 0n, 0n));
  core.receive(
    encodeWire({ version: 0, type: 'synAck', digest, delta: [] }),
    NODE_10001.address,
    0,
  );
}

function viewOf(core: Gossip, id: GossipId): NodeView {
  return must(core.node(id), 'a node that was learnt');
}

test('[G6] a compressed delta of two nodes is read as its operations', () => {
  const core = createCore(idOf('c', 1n, '127.0.0.1:1'));
  learn(core, NODE_10001, NODE_10002);
  const outcome = core.receive(COMPRESSED_ACK, NODE_10001.address, 0);
  assert.deepEqual(outcome, { kind: 'handled', type: 'ack', reply: undefined });
  assert.deepEqual(viewOf(core, NODE_10001).entries(), [
    { key: 'key11', value: 'val11', version: 1, status: 'set' },
    { key: 'key12', value: '', version: 2, status: 'deleted' },
  ]);
  assert.deepEqual(viewOf(core, NODE_10002).entries(), [
    { key: 'key21', value: 'val21', version: 2, status: 'set' },
    { key: 'key22', value: 'val22', version: 3, status: 'set' },
  ]);
});

test('[G5] the operations of the compressed example, stored, are the same message', () => {
  const { delta } = decodeWire(COMPRESSED_ACK);
  const operations = encodeOperations(must(delta, 'an ACK has a delta'));
  assert.equal(hexOf(operations), hexOf(OPERATIONS_OF_ACK));
  const stored = encodeWire(decodeWire(COMPRESSED_ACK));
  assert.equal(stored.length, 187);
  const core = createCore(idOf('c', 1n, '127.0.0.1:1'));
  learn(core, NODE_10001, NODE_10002);
  assert.equal(core.receive(stored, NODE_10001.address, 0).kind, 'handled');
  assert.equal(viewOf(core, NODE_10002).maxVersion, 3);
});

test('[G18] a compressed delta with an entry that expires is stored with its gc left alone', () => {
  const { delta } = decodeWire(COMPRESSED_TTL_ACK);
  const operations = encodeOperations(must(delta, 'an ACK has a delta'));
  assert.equal(hexOf(operations), hexOf(OPERATIONS_OF_TTL_ACK));
  const core = createCore(idOf('c', 1n, '127.0.0.1:1'));
  const id = idOf('b', 2n, '10.1.2.3:65535');
  learn(core, id);
  assert.equal(core.receive(COMPRESSED_TTL_ACK, id.address, 0).kind, 'handled');
  assert.deepEqual(viewOf(core, id).entries(), [
    { key: 'a', value: 'x', version: 6, status: 'set' },
    { key: 't', value: 'y', version: 9, status: 'deleteAfterTtl' },
  ]);
  // gc 5 lies beyond what was known (0, 0), so this was a reset, which takes the gc over.
  assert.deepEqual(core.watermark(id), [5, 9]);
});

test('[G2][G6] a compressed V1 SYN of three nodes is read and answered in V1', () => {
  const core = createCore(idOf('z', 1n, '127.0.0.1:1'));
  const outcome = core.receive(COMPRESSED_V1_SYN, NODE_10001.address, 0);
  assert(outcome.kind === 'handled' && outcome.reply !== undefined);
  const answer = decodeWire(outcome.reply);
  assert.equal(answer.version, 1);
  const known = must(answer.digest, 'a SYN-ACK has a digest');
  assert.deepEqual(
    known.slice(0, 3).map(({ id, heartbeat }) => [id.nodeId, id.address, heartbeat]),
    [
      ['node-10001', '127.0.0.1:10001', 100n],
      ['node-10002', '127.0.0.1:10002', 101n],
      ['node-10003', '127.0.0.1:10003', 102n],
    ],
  );
});

test('[G2] digests are ordered by name bytes, generation, then address', () => {
  const ordered = [
    idOf('B', 9n, '10.0.0.1:1'),
    idOf('a', 0n, '10.0.0.1:1'),
    idOf('a', 1n, '10.0.0.1:9'),
    idOf('a', 1n, '127.0.0.1:1'),
    idOf('a', 1n, '127.0.0.1:2'),
    idOf('a', 1n, '127.0.0.1:256'),
    idOf('a', 1n, '[::1]:1'),
    idOf('a', 256n, '127.0.0.1:1'),
    idOf('aa', 0n, '127.0.0.1:1'),
    idOf('b', 0n, '127.0.0.1:1'),
    idOf('\u{ffff}', 0n, '127.0.0.1:1'),
    idOf('\u{10000}', 0n, '127.0.0.1:1'),
  ];
  const self = must(ordered[3], 'the fourth');
  for (const arrival of [ordered, ordered.toReversed()]) {
    const core = createCore(self);
    learn(core, ...arrival);
    assert.deepEqual(
      core.nodes().map(({ id }) => id),
      ordered,
    );
    assert.deepEqual(
      decodeWire(core.gossipTo(self.address, 0).bytes).digest?.map(({ id }) => id),
      ordered,
    );
  }
});

test('[G5] compression and storing carry the same delta', () => {
  const texts = Array.from({ length: 20_000 }, (_, i) => `value number ${i}`);
  const ports = { random: Prng.from(1), blocks: zstdBlocks };
  const packing = new Gossip(createCore(NODE_10001).config, ports, 0);
  const storing = createCore(NODE_10001);
  const answers = [packing, storing].map((core) => {
    for (const [i, text] of texts.entries()) core.set(`key ${i}`, text, 0);
    const syn = createCore(NODE_10002).gossipTo(NODE_10001.address, 0).bytes;
    const outcome = core.receive(syn, NODE_10002.address, 0);
    assert(outcome.kind === 'handled' && outcome.reply !== undefined);
    return must(decodeWire(outcome.reply).delta, 'a SYN-ACK has a delta');
  });
  const [packed = [], stored = []] = answers;
  assert.deepEqual(packed.slice(0, stored.length), stored);
  assert(stored.length > 1_000 && packed.length > 2 * stored.length);
});

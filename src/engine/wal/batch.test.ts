// Golden bytes: what is on disks already must stay readable.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { Batch } from './batch.ts';
import {
  encodeSegmentHeader,
  parseSegmentHeader,
  RECORD,
  recordBytes,
  type SegmentHeader,
} from './format.ts';
import { BatchScanner } from './scan.ts';
import { decodeSnapshot, encodeSnapshot } from './snapshot-codec.ts';

const SALT = 0x5a17;
const HEADER: SegmentHeader = {
  number: 3,
  incarnation: 0x0123456789abcdefn,
  salt: SALT,
  previousBatch: 9,
  previousChain: 0xdeadbeef,
  previousEnd: 5000,
};

const GOLDEN_HEADER = [
  '5041524c4559574c0100000049683f25',
  '0300000000000000efcdab8967452301',
  '175a0000efbeadde0900000000000000',
  '88130000000000000000000000000000',
].join('\n');

const GOLDEN_BATCH = [
  '505742319d01f0052c00000001000000',
  '0a00000000000000efbeaddeadf96db1',
  'e66a2665814ee47f0500000001010000',
  '07000000020000000000000029000000',
  '000000000102030405000000',
].join('\n');

function sealedBatch(): Uint8Array {
  const batch = new Batch(SALT, 16);
  batch.begin(3, 4096, 10, 1_000);
  batch.add(RECORD.entry, 1, 7, 2, 41, Uint8Array.from([1, 2, 3, 4, 5]));
  batch.seal(0xdeadbeef);
  return batch.sealed();
}

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes)
    .toString('hex')
    .replaceAll(/(.{32})/g, '$1\n')
    .trim();
}

test('[W1] a segment header is these bytes', () => {
  assert.equal(hex(encodeSegmentHeader(HEADER)), GOLDEN_HEADER);
});

test('[W1] a batch of one entry is these bytes', () => {
  assert.equal(hex(sealedBatch()), GOLDEN_BATCH);
});

test('a segment header is read back; with any bit wrong it is none', () => {
  const bytes = encodeSegmentHeader(HEADER);
  assert.deepEqual(parseSegmentHeader(bytes), { kind: 'header', header: HEADER });
  for (let bit = 0; bit < bytes.length * 8; bit++) {
    const wrong = bytes.slice();
    wrong[bit >> 3] = (wrong[bit >> 3] as number) ^ (1 << (bit & 7));
    assert.equal(parseSegmentHeader(wrong).kind, 'invalid', `bit ${bit}`);
  }
  assert.equal(parseSegmentHeader(new Uint8Array(64)).kind, 'blank');
});

test('[W4] a batch with any bit wrong is not taken', () => {
  const batch = sealedBatch();
  const point = { offset: 0, number: 9, chain: 0xdeadbeef };
  const scan = (bytes: Uint8Array): number => {
    return new BatchScanner(bytes, SALT).scan(point, bytes.length, () => {}).batches;
  };
  assert.equal(scan(batch), 1);
  for (let bit = 0; bit < (batch.length - 3) * 8; bit++) {
    const wrong = batch.slice();
    wrong[bit >> 3] = (wrong[bit >> 3] as number) ^ (1 << (bit & 7));
    assert.equal(scan(wrong), 0, `bit ${bit}`);
  }
});

test('[W2] a batch takes no more than its room', () => {
  const batch = new Batch(SALT);
  batch.begin(1, 4096, 1, 32 + recordBytes(8));
  assert.equal(batch.hasRoomFor(recordBytes(9)), false);
  assert.throws(() => batch.add(RECORD.entry, 0, 1, 1, 1, new Uint8Array(9)), /\[W2\]/);
  batch.add(RECORD.entry, 0, 1, 1, 1, new Uint8Array(8));
  assert.equal(batch.hasRoomFor(recordBytes(0)), false);
});

test('snapshot marks are read back, and cut short they are none', () => {
  const nodes = fc.array(fc.maxSafeNat(), { maxLength: 4 });
  const confState = fc.record(
    {
      voters: nodes,
      votersOutgoing: nodes,
      learners: nodes,
      learnersNext: nodes,
      autoLeave: fc.boolean(),
    },
    { noNullPrototype: true },
  );
  fc.assert(
    fc.property(confState, fc.uint8Array({ maxLength: 9 }), (state, data) => {
      const snapshot = { index: 5, term: 2, confState: state, data };
      const bytes = encodeSnapshot(snapshot);
      assert.deepEqual(decodeSnapshot(5, 2, bytes), snapshot);
      const cut = bytes.slice(0, bytes.length - data.length - 1);
      assert.equal(decodeSnapshot(5, 2, cut), undefined);
    }),
  );
});

test('[W4] a batch that carries on from another one than was read is not of this log', () => {
  const batch = sealedBatch();
  const faultAfter = (number: number, chain: number): string | undefined =>
    new BatchScanner(batch, SALT).scan({ offset: 0, number, chain }, batch.length, () => {}).fault;
  assert.equal(faultAfter(9, 0xdeadbeef), undefined);
  assert.equal(faultAfter(9, 0xdeadbee0), 'header');
  assert.equal(faultAfter(8, 0xdeadbeef), 'header');
});

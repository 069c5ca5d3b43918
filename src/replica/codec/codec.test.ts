import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { LIMITS } from '../../base/limits.ts';
import { draftMessage, type Message } from '../../core/raft/index.ts';
import {
  decodeMessage,
  encodeMessage,
  PackedReader,
  PackedWriter,
  readRaftFrame,
} from './index.ts';
import { heartbeat, messages, shards } from './messages.support.ts';

function read(bytes: Uint8Array): { readonly whole: boolean; readonly found: unknown[] } {
  const found: unknown[] = [];
  const whole = readRaftFrame(bytes, 2, 1, (shard, message) => found.push({ shard, message }));
  return { whole, found };
}

test('[B2] integers of every size come back, the largest counter included', () => {
  const values = [0, 1, 127, 128, 16_383, 16_384, 2 ** 31 - 1, 2 ** 31, 2 ** 32, 2 ** 53 - 1];
  const writer = new PackedWriter(1);
  for (const value of values) writer.varint(value);
  const reader = new PackedReader(writer.copy());
  assert.deepEqual(
    values.map(() => reader.varint()),
    values,
  );
  assert.equal(reader.remaining, 0);
  assert.equal(reader.failed, false);
});

test('[B4] an integer of more than 53 bits, or without an end, is refused', () => {
  for (const bytes of [
    [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f],
    [0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x00],
    [0x80],
  ]) {
    const reader = new PackedReader(Uint8Array.from(bytes));
    assert.equal(reader.varint(), 0);
    assert.equal(reader.failed, true);
  }
});

test('[B2] messages of every kind come back field by field', () => {
  fc.assert(
    fc.property(messages, shards, (message, shard) => {
      assert.deepEqual(decodeMessage(encodeMessage(shard, message), 2, 1), { shard, message });
    }),
    { numRuns: 2_000 },
  );
});

test('[B2] a frame yields its messages in order', () => {
  fc.assert(
    fc.property(
      fc.array(fc.record({ shard: shards, message: messages }, { noNullPrototype: true })),
      (list) => {
        const parts = list.map(({ shard, message }) => encodeMessage(shard, message));
        assert.deepEqual(read(Buffer.concat(parts)), { whole: true, found: list });
      },
    ),
    { numRuns: 300 },
  );
});

test('[B5] a frame that is cut anywhere yields whole messages only', () => {
  fc.assert(
    fc.property(messages, messages, (a, b) => {
      const [first, second] = [encodeMessage(1, a), encodeMessage(2, b)];
      const bytes = Buffer.concat([first, second]);
      for (let end = 1; end < bytes.length; end++) {
        const { whole, found } = read(bytes.subarray(0, end));
        assert.equal(whole, end === first.length, `cut at ${end}`);
        assert.equal(found.length, end < first.length ? 0 : 1);
      }
    }),
    { numRuns: 100 },
  );
});

test('[B1] the message carries the ids of the connection, whatever the sender believed', () => {
  const claimed = { ...heartbeat({ term: 3 }), from: 9, to: 8 };
  const decoded = decodeMessage(encodeMessage(1, claimed), 2, 1);
  assert.equal(decoded?.message.from, 2);
  assert.equal(decoded.message.to, 1);
});

test('[B1] what a core says to its own disk is no message for a peer', () => {
  const message = draftMessage('storageAppend', 1, -1, 1);
  assert.throws(() => encodeMessage(1, message), /meant for a peer/);
});

test('[B3] entries with anything but an append are refused', () => {
  const payload = Uint8Array.of(1);
  const append: Message = {
    ...draftMessage('append', 2, 1, 1),
    entries: [{ term: 1, index: 1, kind: 'normal', payload }],
  };
  const bytes = encodeMessage(1, append);
  assert(decodeMessage(bytes, 2, 1) !== undefined);
  bytes[0] = 3;
  assert.equal(decodeMessage(bytes, 2, 1), undefined);
});

test('[B3] the kind of a snapshot without one is refused', () => {
  const bytes = encodeMessage(1, draftMessage('append', 2, 1, 1));
  bytes[0] = 9;
  assert.equal(decodeMessage(bytes, 2, 1), undefined);
});

test('[B4] a count of entries that the bytes cannot hold is refused', () => {
  const writer = new PackedWriter();
  for (const value of [1, 1 << 11, 1, LIMITS.wire.entriesPerMessageMax]) writer.varint(value);
  assert.equal(decodeMessage(writer.copy(), 2, 1), undefined);
});

test('[B6] messages outlive the frame that brought them', () => {
  const payload = Uint8Array.of(1, 2, 3);
  const append: Message = {
    ...draftMessage('append', 2, 1, 1),
    entries: [{ term: 1, index: 1, kind: 'normal', payload }],
  };
  const frame = Buffer.from(encodeMessage(1, append));
  let kept: Uint8Array | undefined;
  readRaftFrame(frame, 2, 1, (_, { entries }) => {
    kept = entries[0]?.payload;
  });
  frame.fill(0xee);
  assert.deepEqual(kept, payload);
});

test('[B2] a heartbeat has the bytes that FORMAT.md shows, seven and a shard', () => {
  const bytes = encodeMessage(3, heartbeat({ term: 7, commit: 70_000, context: 5 }));
  assert.equal(Buffer.from(bytes).toString('hex'), '0389010307f0a20405');
});

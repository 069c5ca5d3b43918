// Notes of hibernating shards and lost entries on the wire.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { PackedWriter } from '../codec/index.ts';
import {
  type HibernationNote,
  readHibernationNotes,
  writeHibernationNote,
} from './hibernation-codec.ts';
import {
  decodeEntries,
  decodeEntryRequest,
  encodeEntries,
  encodeEntryRequest,
} from './repair-codec.ts';

const counter = fc.maxSafeNat();
const shard = fc.nat(2 ** 32 - 1);

test('notes come back as they were written, and a cut frame is none', () => {
  const step = fc.constantFrom('ask', 'agree', 'hibernate');
  const fields = { step, shard, term: counter, index: counter };
  const note = fc.record(fields, { noNullPrototype: true });
  fc.assert(
    fc.property(fc.array(note as fc.Arbitrary<HibernationNote>, { minLength: 1 }), (notes) => {
      const writer = new PackedWriter();
      for (const one of notes) writeHibernationNote(writer, one);
      const whole = writer.copy();
      assert.deepEqual(readHibernationNotes(whole), notes);
      assert.equal(readHibernationNotes(whole.subarray(0, whole.length - 1)), undefined);
    }),
  );
});

test('requests for entries, and entries, come back as they were written', () => {
  const id = fc.record({ index: fc.integer({ min: 1, max: 2 ** 50 }), term: counter });
  const kind = fc.constantFrom('normal' as const, 'confChangeV2' as const);
  const rest = fc.record({ kind, payload: fc.uint8Array() });
  const entry = fc.tuple(id, rest).map(([a, b]) => ({ ...a, ...b }));
  fc.assert(
    fc.property(shard, fc.boolean(), fc.array(entry), (of, wantsState, entries) => {
      const ids = entries.map(({ index, term }) => ({ index, term }));
      const wanted = { shard: of, wantsState, ids };
      assert.deepEqual(decodeEntryRequest(encodeEntryRequest(wanted)), wanted);
      const found = decodeEntries(encodeEntries(entries));
      assert.deepEqual(
        found?.map(({ payload, ...others }) => ({ ...others, payload: [...payload] })),
        entries.map(({ payload, ...others }) => ({ ...others, payload: [...payload] })),
      );
    }),
  );
});

test('no bytes make a decoder throw or allocate without bound', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 40 }), (bytes) => {
      readHibernationNotes(bytes);
      decodeEntryRequest(bytes);
      decodeEntries(bytes);
    }),
    { numRuns: 2_000 },
  );
  assert.equal(decodeEntryRequest(Uint8Array.of(1, 0, 0xff, 0xff, 0xff, 0x7f)), undefined);
});

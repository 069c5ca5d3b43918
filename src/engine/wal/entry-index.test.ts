import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { EntryIndex } from './entry-index.ts';

/** The same with one object per entry. */
class PlainIndex {
  entries: { index: number; term: number; offset: number; length: number }[] = [];

  put(index: number, term: number, offset: number, length: number): void {
    const last = this.entries.at(-1)?.index ?? index - 1;
    const first = this.entries[0]?.index ?? index;
    const continues = index >= first && index <= last + 1;
    this.entries = continues ? this.entries.filter((entry) => entry.index < index) : [];
    this.entries.push({ index, term, offset, length });
  }
}

const STEP = fc.oneof(
  { weight: 6, arbitrary: fc.record({ kind: fc.constant('grow'), by: fc.nat(40) }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('cut'), by: fc.nat(30) }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('drop'), by: fc.nat(50) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('jump'), by: fc.nat(9) }) },
);

test('[W8] columns hold what a list of objects would', () => {
  fc.assert(
    fc.property(fc.array(STEP, { maxLength: 30 }), (steps) => {
      const index = new EntryIndex();
      const plain = new PlainIndex();
      let serial = 0;
      const put = (at: number): void => {
        serial += 1;
        index.put(at, serial % 5, serial % 3, serial, serial % 7);
        plain.put(at, serial % 5, serial, serial % 7);
      };
      for (const { kind, by } of steps) {
        const last = plain.entries.at(-1)?.index ?? 0;
        const first = plain.entries[0]?.index ?? 1;
        if (kind === 'grow') for (let i = 1; i <= by; i++) put(last + i);
        if (kind === 'jump') put(last + 2 + by);
        if (kind === 'cut') {
          index.truncateTo(last - by);
          plain.entries = plain.entries.filter((entry) => entry.index <= last - by);
        }
        if (kind === 'drop') {
          index.dropTo(first + by - 1);
          plain.entries = plain.entries.filter((entry) => entry.index >= first + by);
        }
        assert.equal(index.count, plain.entries.length);
        assert.equal(
          index.payloadBytes,
          plain.entries.reduce((sum, { length }) => sum + length, 0),
        );
        for (const entry of plain.entries) {
          const { index: at } = entry;
          const found = { index: at, term: index.termOf(at), offset: index.offsetOf(at) };
          assert.deepEqual({ ...found, length: index.lengthOf(at) }, entry);
          assert.equal(index.segmentOf(at), entry.offset % 3);
        }
      }
    }),
  );
});

test('an index takes at most 40 bytes an entry, and gives memory back', () => {
  const index = new EntryIndex();
  for (let at = 1; at <= 100_000; at++) {
    index.put(at, 1, 1, at, 100);
    if (at > 64) assert.ok(index.memoryBytes <= at * 40);
  }
  index.dropTo(99_990);
  assert.ok(index.memoryBytes < 1_000);
  assert.equal(index.offsetOf(100_000), 100_000);
  for (let at = 100_001; at <= 110_000; at++) index.put(at, 1, 1, at, 100);
  index.clear();
  assert.ok(index.memoryBytes < 1_000, 'after an installed state as well');
  index.put(200_000, 1, 1, 7, 100);
  assert.deepEqual([index.count, index.first, index.offsetOf(200_000)], [1, 200_000, 7]);
});

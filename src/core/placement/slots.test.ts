// Slots of keys, sets of slots, and the map of owners.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { crc32c } from '../../base/crc32c.ts';
import { Prng } from '../../base/prng.ts';
import { SLOT_COUNT, SlotMap, type SlotRun, SlotSet, slotOf, spreadSlots } from './slots.ts';

function bytesOf(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

function setOf(...slots: readonly number[]): SlotSet {
  return SlotSet.of(slots.map((slot) => ({ first: slot, last: slot })));
}

function members(set: SlotSet): number[] {
  return Array.from({ length: SLOT_COUNT }, (_, slot) => slot).filter((slot) => set.has(slot));
}

test('[P1] the slot of a key without a tag is its checksum', () => {
  // The check value of CRC-32C, e3069283, ends in 283.
  assert.equal(slotOf(bytesOf('123456789')), 0x283);
  assert.equal(slotOf(bytesOf('')), 0);
});

for (const [key, tag] of [
  ['{user7}:cart', 'user7'],
  ['cart:{user7}', 'user7'],
  ['{user7}{b}', 'user7'],
  ['{{user7}}', '{user7'],
  ['}{user7}', 'user7'],
  ['{é}x', 'é'],
  // An empty or open tag is none.
  ['{}user7', '{}user7'],
  ['{}{user7}', '{}{user7}'],
  ['user7{', 'user7{'],
  ['}user7{', '}user7{'],
] as const) {
  test(`[P1] the tag of ${key} is ${tag}`, () => {
    assert.equal(slotOf(bytesOf(key)), crc32c(bytesOf(tag)) % SLOT_COUNT);
  });
}

test('[P1] keys spread over the slots', () => {
  const slots = Array.from({ length: 8_000 }, (_, i) => slotOf(bytesOf(`user:${i}`)));
  for (const set of spreadSlots(8)) {
    const count = slots.filter((slot) => set.has(slot)).length;
    assert.ok(count > 850 && count < 1_150, `${count} of 8,000 in ${set.describe()}`);
  }
});

test('[P2] a set reads what it wrote, and runs are joined in whatever order they come', () => {
  const random = Prng.from(1, 'slots');
  for (let round = 0; round < 300; round++) {
    const runs: SlotRun[] = Array.from({ length: random.below(12) }, () => {
      const first = random.below(SLOT_COUNT);
      return { first, last: Math.min(SLOT_COUNT - 1, first + random.below(200)) };
    });
    const set = SlotSet.of(runs);
    const naive = new Set<number>();
    for (const { first, last } of runs) for (let s = first; s <= last; s++) naive.add(s);
    assert.deepEqual(
      members(set),
      [...naive].toSorted((a, b) => a - b),
    );
    assert.equal(set.size, naive.size);
    const bytes = set.encode();
    assert.deepEqual(SlotSet.decode(bytes), set);
    assert.deepEqual(SlotSet.of(runs.toReversed()).encode(), bytes);
    for (let cut = 0; cut < bytes.length; cut++) {
      assert.equal(SlotSet.decode(bytes.subarray(0, cut)), undefined, `${cut} bytes`);
    }
    assert.equal(SlotSet.decode(Uint8Array.of(...bytes, 0)), undefined, 'one byte more');
  }
});

for (const [why, bytes] of [
  ['a run that goes down', [1, 0, 5, 0, 4, 0]],
  ['a slot beyond the last', [1, 0, 0, 0, 0, 16]],
  ['runs that touch', [2, 0, 0, 0, 1, 0, 2, 0, 3, 0]],
  ['runs that overlap', [2, 0, 0, 0, 5, 0, 3, 0, 9, 0]],
  ['runs out of order', [2, 0, 9, 0, 9, 0, 1, 0, 1, 0]],
] as const) {
  test(`[P2] no set: ${why}`, () =>
    assert.equal(SlotSet.decode(Uint8Array.from(bytes)), undefined));
}

test('[P3] halves are disjoint, of equal size, and join again', () => {
  const random = Prng.from(2, 'slots');
  for (let round = 0; round < 200; round++) {
    const slots = Array.from({ length: 2 + random.below(40) }, () => random.below(SLOT_COUNT));
    const set = setOf(...slots, 4_000, 4_001);
    const [lower, upper] = set.halves();
    assert.ok(lower.size - upper.size === 0 || lower.size - upper.size === 1);
    assert.deepEqual([...members(lower), ...members(upper)], members(set));
    assert.deepEqual(upper.join(lower), set);
  }
  assert.throws(() => setOf(1).halves(), /cannot be halved/);
  assert.throws(() => setOf(1, 2).join(setOf(2, 3)), /share no slot/);
});

test('[P4] slots are spread evenly over any number of shards', () => {
  for (const count of [1, 2, 3, 7, 8, 1_000, 4_095, 4_096]) {
    const sets = spreadSlots(count);
    const sizes = sets.map(({ size }) => size);
    assert.ok(Math.max(...sizes) - Math.min(...sizes) <= 1);
    const shards = sets.map((slots, shard) => ({ shard, slots }));
    assert.equal(SlotMap.of(shards).kind, 'map');
    for (let i = 1; i < count; i++) assert.ok(sets[i - 1]?.meets(sets[i] as SlotSet));
  }
});

test('[P5] a map has one owner for each slot, or names the slot', () => {
  const [lower, upper] = SlotSet.all.halves();
  const outcome = SlotMap.of([
    { shard: 7, slots: upper },
    { shard: 3, slots: lower },
  ]);
  assert.ok(outcome.kind === 'map');
  assert.equal(outcome.map.ownerOf(2_047), 3);
  assert.equal(outcome.map.ownerOf(2_048), 7);
  assert.equal(outcome.map.shardOf(bytesOf('123456789')), 3);
  assert.deepEqual(SlotMap.of([{ shard: 3, slots: lower }]), {
    kind: 'refused',
    slot: 2_048,
    owners: [],
  });
  assert.deepEqual(
    SlotMap.of([
      { shard: 3, slots: SlotSet.all },
      { shard: 7, slots: setOf(9) },
    ]),
    { kind: 'refused', slot: 9, owners: [3, 7] },
  );
});

test('a set describes itself', () => {
  assert.equal(setOf(1, 2, 3, 9).describe(), '1-3,9');
  assert.equal(setOf().describe(), 'none');
});

// Hash slots: where a key of a hashed keyspace belongs, sets of slots, and who owns which slot.
//
//   slot set = count u16, then per run: first u16, last u16     little endian
//
// Runs ascend and do not touch, so equal sets have equal bytes.

import { assert, must } from '../../base/assert.ts';
import { ByteReader, ByteWriter } from '../../base/bytes.ts';
import { crc32c } from '../../base/crc32c.ts';

export const SLOT_COUNT = 4_096;

const OPEN = '{'.charCodeAt(0);
const CLOSE = '}'.charCodeAt(0);

/** [P1] The slot of `key`: its tag decides if it has one, and otherwise the whole key. */
export function slotOf(key: Uint8Array): number {
  const open = key.indexOf(OPEN);
  const close = open < 0 ? -1 : key.indexOf(CLOSE, open + 1);
  const tagged = close > open + 1;
  return (tagged ? crc32c(key, 0, open + 1, close) : crc32c(key)) % SLOT_COUNT;
}

/** Slots from `first` to `last`, both included. */
export interface SlotRun {
  readonly first: number;
  readonly last: number;
}

/** A set of slots as runs that ascend and do not touch [P2]. It never changes. */
export class SlotSet {
  readonly runs: readonly SlotRun[];
  /** How many slots it holds. */
  readonly size: number;

  private constructor(runs: readonly SlotRun[]) {
    this.runs = runs;
    this.size = runs.reduce((sum, { first, last }) => sum + last - first + 1, 0);
  }

  /** The set of all slots of `runs`, which may come in any order, touch and overlap. */
  static of(runs: readonly SlotRun[]): SlotSet {
    const joined: SlotRun[] = [];
    for (const run of runs.toSorted((a, b) => a.first - b.first)) {
      assert(
        Number.isInteger(run.first) && run.first >= 0 && run.first <= run.last,
        'a run goes up from a slot',
      );
      assert(Number.isInteger(run.last) && run.last < SLOT_COUNT, 'a run ends at a slot');
      const before = joined.at(-1);
      if (before === undefined || run.first > before.last + 1) joined.push(run);
      else {
        const last = Math.max(before.last, run.last);
        joined[joined.length - 1] = { first: before.first, last };
      }
    }
    return new SlotSet(joined);
  }

  static get all(): SlotSet {
    return SlotSet.of([{ first: 0, last: SLOT_COUNT - 1 }]);
  }

  /** [P2] What `encode` wrote, or nothing: hostile bytes are no set. */
  static decode(bytes: Uint8Array): SlotSet | undefined {
    const reader = new ByteReader(bytes);
    const count = reader.u16le();
    const runs: SlotRun[] = [];
    let free = 0;
    for (let i = 0; i < count && !reader.failed; i++) {
      const first = reader.u16le();
      const last = reader.u16le();
      if (first < free || last < first || last >= SLOT_COUNT) reader.fail();
      runs.push({ first, last });
      // The next run leaves one slot out at least, or the two would be one.
      free = last + 2;
    }
    if (reader.failed || reader.remaining > 0) return undefined;
    return new SlotSet(runs);
  }

  encode(): Uint8Array {
    const writer = new ByteWriter(2 + this.runs.length * 4);
    writer.u16le(this.runs.length);
    for (const { first, last } of this.runs) {
      writer.u16le(first);
      writer.u16le(last);
    }
    return writer.copy();
  }

  has(slot: number): boolean {
    return this.runs.some(({ first, last }) => first <= slot && slot <= last);
  }

  /** [P3] The lower and the upper half; the lower one gets the odd slot. */
  halves(): readonly [lower: SlotSet, upper: SlotSet] {
    assert(this.size >= 2, 'one slot cannot be halved');
    const lower: SlotRun[] = [];
    const upper: SlotRun[] = [];
    let wanted = Math.ceil(this.size / 2);
    for (const { first, last } of this.runs) {
      const taken = Math.min(wanted, last - first + 1);
      if (taken > 0) lower.push({ first, last: first + taken - 1 });
      if (first + taken <= last) upper.push({ first: first + taken, last });
      wanted -= taken;
    }
    return [new SlotSet(lower), new SlotSet(upper)];
  }

  /** [P3] This set and `other`, which share no slot. */
  join(other: SlotSet): SlotSet {
    const joined = SlotSet.of([...this.runs, ...other.runs]);
    assert(joined.size === this.size + other.size, 'sets that are joined share no slot [P3]');
    return joined;
  }

  /** Whether `other` begins right behind this set, so that the two make one run more or less. */
  meets(other: SlotSet): boolean {
    const last = this.runs.at(-1)?.last;
    return last !== undefined && last + 1 === other.runs[0]?.first;
  }

  /** `0-511,1024-2047`, for people. */
  describe(): string {
    if (this.runs.length === 0) return 'none';
    return this.runs
      .map(({ first, last }) => (first === last ? `${first}` : `${first}-${last}`))
      .join(',');
  }
}

/** [P4] Slots 0..4095 over `count` shards, in order, none with more than one slot above another. */
export function spreadSlots(count: number): SlotSet[] {
  assert(count >= 1 && count <= SLOT_COUNT, 'a hashed keyspace has 1..4096 shards');
  const sets: SlotSet[] = [];
  for (let i = 0; i < count; i++) {
    const first = Math.floor((i * SLOT_COUNT) / count);
    const last = Math.floor(((i + 1) * SLOT_COUNT) / count) - 1;
    sets.push(SlotSet.of([{ first, last }]));
  }
  return sets;
}

/** Who owns each slot of a keyspace. */
export class SlotMap {
  readonly #owners: Int32Array;

  private constructor(owners: Int32Array) {
    this.#owners = owners;
  }

  /** [P5] The map of `shards`, or the first slot that has no owner or two. */
  static of(
    shards: readonly { readonly shard: number; readonly slots: SlotSet }[],
  ): { kind: 'map'; map: SlotMap } | { kind: 'refused'; slot: number; owners: readonly number[] } {
    const owners = new Int32Array(SLOT_COUNT).fill(-1);
    for (const { shard, slots } of shards) {
      for (const { first, last } of slots.runs) {
        for (let slot = first; slot <= last; slot++) {
          const before = must(owners[slot], 'every slot has a place');
          if (before !== -1) return { kind: 'refused', slot, owners: [before, shard] };
          owners[slot] = shard;
        }
      }
    }
    const free = owners.indexOf(-1);
    if (free >= 0) return { kind: 'refused', slot: free, owners: [] };
    return { kind: 'map', map: new SlotMap(owners) };
  }

  ownerOf(slot: number): number {
    return must(this.#owners[slot], 'a slot is one of 0..4095');
  }

  shardOf(key: Uint8Array): number {
    return this.ownerOf(slotOf(key));
  }
}

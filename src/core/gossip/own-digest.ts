// The digest this node sends: what it knows of whom, as much of it as the datagram has room for.
// Layout and grammar are in peer-digest.ts.

import { assert } from '../../base/assert.ts';
import { LIMITS } from '../../base/limits.ts';
import type { BlockWriter } from './block-stream.ts';
import { LIFE } from './columns.ts';
import type { GossipMetrics } from './metrics.ts';
import { COUNTERS_BYTES, type NodeOrder } from './node-order.ts';
import { type Roster, SELF_SLOT } from './roster.ts';

const WORD = 2 ** 32;
const V0_COUNT_MAX = 65_535;

export interface DigestEntries {
  readonly count: number;
  /** A view that lasts until the next digest. */
  readonly bytes: Uint8Array;
}

export class OwnDigest {
  readonly #roster: Roster;
  readonly #metrics: GossipMetrics;
  /** 1 for the positions that go into the digest at hand. */
  #included = new Uint8Array();
  #gathered = new Uint8Array();
  /** Where the next capped digest goes on, among those not dead and among the dead. */
  #cursor = 0;
  #deadCursor = 0;
  /** The node of which the next digest claims to know less than is known, and how much. */
  #understated: { readonly slot: number; readonly max: number } | undefined;

  constructor(roster: Roster, metrics: GossipMetrics) {
    this.#roster = roster;
    this.#metrics = metrics;
  }

  /** For one digest, until `understate()` without a node: asks the reader to tell again [G40]. */
  understate(slot?: number, max = 0): void {
    this.#understated = slot === undefined ? undefined : { slot, max };
  }

  /** Entries in id order that take at most `bytesMax`. */
  entries(bytesMax: number): DigestEntries {
    const order = this.#roster.order();
    this.#refresh(order);
    const spoken = this.#include(order);
    if (spoken.bytes <= bytesMax && spoken.count <= V0_COUNT_MAX)
      return this.#gather(order, spoken);
    const chosen = this.#cap(order, bytesMax);
    this.#metrics.digestEntriesCapped += spoken.count - chosen.count;
    return this.#gather(order, chosen);
  }

  /**
   * The same as a block stream of at most `bytesMax`. What compression will save is known only
   * afterwards, so a stream that came out too long is made again from fewer entries.
   */
  stream(bytesMax: number, writer: BlockWriter): Uint8Array {
    let entriesMax = LIMITS.gossip.deltaUnpackedBytesMax;
    for (let attempt = 0; attempt < 6; attempt++) {
      const before = { cursor: this.#cursor, deadCursor: this.#deadCursor };
      const cappedBefore = this.#metrics.digestEntriesCapped;
      const { bytes } = this.entries(entriesMax);
      const stream = writer.encodeWhole(bytes);
      if (stream.length <= bytesMax) return stream;
      this.#metrics.digestEntriesCapped = cappedBefore;
      this.#cursor = before.cursor;
      this.#deadCursor = before.deadCursor;
      entriesMax = Math.floor(bytes.length * (bytesMax / stream.length) * 0.95);
    }
    const stored = writer.encodeWhole(this.entries(bytesMax - STORED_OVERHEAD_BYTES).bytes);
    assert(stored.length <= bytesMax, 'a digest never makes a datagram too large [G10]');
    return stored;
  }

  /** Writes the present counters into the gaps of the template. */
  #refresh(order: NodeOrder): void {
    const { heartbeat, lastGc, max } = this.#roster.columns;
    const { slots, starts, view } = order;
    for (let position = 0; position < slots.length; position++) {
      const slot = slots[position] as number;
      const at = (starts[position + 1] as number) - COUNTERS_BYTES;
      writeCounter(view, at, heartbeat[slot] as number);
      writeCounter(view, at + 8, lastGc[slot] as number);
      writeCounter(view, at + 16, max[slot] as number);
    }
    if (this.#understated === undefined) return;
    const position = order.positions[this.#understated.slot] as number;
    writeCounter(view, (starts[position + 1] as number) - 8, this.#understated.max);
  }

  /** Includes everyone but those scheduled for deletion. */
  #include(order: NodeOrder): { count: number; bytes: number } {
    if (this.#included.length < order.count) this.#included = new Uint8Array(order.count * 2);
    const { life } = this.#roster.columns;
    let count = order.count;
    let bytes = order.template.length;
    this.#included.fill(1, 0, order.count);
    for (let position = 0; position < order.count; position++) {
      const slot = order.slots[position] as number;
      if (life[slot] !== LIFE.dead || !this.#roster.isScheduled(slot)) continue;
      this.#included[position] = 0;
      count -= 1;
      bytes -= entryLength(order, position);
    }
    return { count, bytes };
  }

  /**
   * Chooses whom to leave out: the own node always goes in, then those not dead, then the dead;
   * each kind from where the last capped digest stopped, so that over some rounds all have their
   * turn [G10].
   */
  #cap(order: NodeOrder, bytesMax: number): { count: number; bytes: number } {
    const chosen = { count: 0, bytes: 0 };
    const wanted = this.#included.slice(0, order.count);
    this.#included.fill(0, 0, order.count);
    const self = order.positions[SELF_SLOT] as number;
    this.#choose(order, chosen, self);
    const { life } = this.#roster.columns;
    const walk = (from: number, dead: boolean): number => {
      for (let step = 0; step < order.count; step++) {
        const position = (from + step) % order.count;
        const slot = order.slots[position] as number;
        if (position === self || wanted[position] === 0) continue;
        if ((life[slot] === LIFE.dead) !== dead) continue;
        if (chosen.bytes + entryLength(order, position) > bytesMax) return position;
        this.#choose(order, chosen, position);
      }
      return from;
    };
    this.#cursor = walk(this.#cursor % order.count, false);
    this.#deadCursor = walk(this.#deadCursor % order.count, true);
    return chosen;
  }

  #choose(order: NodeOrder, chosen: { count: number; bytes: number }, position: number): void {
    this.#included[position] = 1;
    chosen.count += 1;
    chosen.bytes += entryLength(order, position);
  }

  /** Copies the included entries together, whole runs at a time. */
  #gather(order: NodeOrder, chosen: { count: number; bytes: number }): DigestEntries {
    const { template, starts } = order;
    if (chosen.count === order.count) return { count: chosen.count, bytes: template };
    if (this.#gathered.length < chosen.bytes) this.#gathered = new Uint8Array(template.length);
    let length = 0;
    for (let position = 0; position < order.count; position++) {
      if (this.#included[position] === 0) continue;
      const runStart = starts[position] as number;
      while (position < order.count && this.#included[position] === 1) position += 1;
      const run = template.subarray(runStart, starts[position]);
      this.#gathered.set(run, length);
      length += run.length;
    }
    assert(length === chosen.bytes, 'the runs are the entries that were chosen');
    return { count: chosen.count, bytes: this.#gathered.subarray(0, length) };
  }
}

/** Block headers and the end of a stream of stored blocks that fills a datagram. */
const STORED_OVERHEAD_BYTES =
  Math.ceil(LIMITS.gossip.datagramBytesMax / LIMITS.gossip.blockBytes) * 3 + 1;

function entryLength(order: NodeOrder, position: number): number {
  return (order.starts[position + 1] as number) - (order.starts[position] as number);
}

function writeCounter(view: DataView, at: number, value: number): void {
  view.setUint32(at, value >>> 0, true);
  view.setUint32(at + 4, value < WORD ? 0 : Math.floor(value / WORD), true);
}

// What a peer knows, as its digest says: parsed without effect first, taken in once the whole
// message has proved sound.
//
//   digest V0 = count u16le, entry * count         digest V1 = block stream of the entries
//   entry     = id, heartbeat u64le, lastGcVersion u64le, maxVersion u64le
//
// Peers list nodes in the order this node keeps them in. The reader therefore compares the input
// with the next id expected and searches only when they differ.

import { decodeText } from '../../base/bytes.ts';
import { LIMITS } from '../../base/limits.ts';
import { grown } from './columns.ts';
import type { GossipMetrics } from './metrics.ts';
import { decodeId, findIdEnd, nameLength, sameBytes } from './node-id.ts';
import { COUNTERS_BYTES } from './node-order.ts';
import { HEARTBEAT_REACH, judgeHeartbeat } from './pulse.ts';
import type { PurgedMemory } from './purged-memory.ts';
import { type Roster, SELF_SLOT } from './roster.ts';
import type { RefusalReason } from './types.ts';

const WORD = 2 ** 32;
/** High words from here up do not fit a number. */
const HIGH_MAX = 2 ** 21;

export type DigestParse =
  | { readonly kind: 'parsed'; readonly end: number }
  | { readonly kind: 'refused'; readonly reason: RefusalReason };

export class PeerDigest {
  readonly #roster: Roster;
  readonly #purged: PurgedMemory;
  readonly #metrics: GossipMetrics;
  /** By slot; an entry counts if its stamp is the present epoch. */
  #lastGc = new Float64Array();
  #max = new Float64Array();
  #heartbeat = new Float64Array();
  #stamp = new Uint32Array();
  #epoch = 0;
  /** Slots whose heartbeat in the digest is greater than the one known, or far below it. */
  #fresher = new Int32Array();
  #fresherCount = 0;
  /** By slot: the epoch in which it came among those. A digest can repeat an id 70,000 times. */
  #fresherStamp = new Uint32Array();
  /** Offsets of entries whose id is not known, and where those ids end. */
  readonly #strangerStarts: number[] = [];
  readonly #strangerIdEnds: number[] = [];
  #bytes: Uint8Array = new Uint8Array();
  #view: DataView = new DataView(this.#bytes.buffer);
  #implausible = 0;
  #isFull = false;
  /** What the peer has of the own heartbeat, if it is more than the own node knows; else 0. */
  #ownHeartbeat = 0;

  constructor(roster: Roster, purged: PurgedMemory, metrics: GossipMetrics) {
    this.#roster = roster;
    this.#purged = purged;
    this.#metrics = metrics;
  }

  /** Parses `count` entries, or as many as there are up to `end` if it is undefined. */
  parse(bytes: Uint8Array, start: number, end: number, count: number | undefined): DigestParse {
    this.#begin(bytes);
    const view = this.#view;
    const order = this.#roster.order();
    const { slots, starts, view: expected } = order;
    let offset = start;
    let position = 0;
    for (let left = count ?? Number.POSITIVE_INFINITY; left > 0; left--) {
      if (offset === end && count === undefined) break;
      if (position < slots.length) {
        const idStart = starts[position] as number;
        const idLength = (starts[position + 1] as number) - idStart - COUNTERS_BYTES;
        const known =
          offset + idLength + COUNTERS_BYTES <= end &&
          sameBytes(view, offset, expected, idStart, idLength);
        if (known) {
          offset += idLength;
          this.#note(slots[position] as number, offset);
          offset += COUNTERS_BYTES;
          position += 1;
          continue;
        }
      }
      const idEnd = this.#findEntry(offset, end);
      if (typeof idEnd === 'string') return { kind: 'refused', reason: idEnd };
      const slot = this.#roster.find(view, offset, idEnd - offset);
      if (slot >= 0) {
        this.#note(slot, idEnd);
        position = (order.positions[slot] as number) + 1;
      } else {
        this.#strangerStarts.push(offset);
        this.#strangerIdEnds.push(idEnd);
      }
      offset = idEnd + COUNTERS_BYTES;
    }
    return { kind: 'parsed', end: offset };
  }

  /** The message has no digest: every node counts as not mentioned. */
  parseNone(): undefined {
    this.#begin(this.#bytes);
  }

  #begin(bytes: Uint8Array): void {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#epoch += 1;
    this.#implausible = 0;
    this.#isFull = false;
    this.#ownHeartbeat = 0;
    this.#fresherCount = 0;
    this.#strangerStarts.length = 0;
    this.#strangerIdEnds.length = 0;
    this.#ensureCapacity();
    // Stamps have 32 bits: after four thousand million digests they start over.
    if (this.#epoch === WORD) {
      this.#stamp.fill(0);
      this.#fresherStamp.fill(0);
      this.#epoch = 1;
    }
  }

  #ensureCapacity(): void {
    const { capacity } = this.#roster.columns;
    if (capacity <= this.#stamp.length) return;
    this.#lastGc = grown(this.#lastGc, capacity);
    this.#max = grown(this.#max, capacity);
    this.#heartbeat = grown(this.#heartbeat, capacity);
    this.#stamp = grown(this.#stamp, capacity);
    this.#fresher = grown(this.#fresher, capacity);
    this.#fresherStamp = grown(this.#fresherStamp, capacity);
  }

  /** End of the id of a whole entry at `offset` whose name is text, or what is wrong with it. */
  #findEntry(offset: number, end: number): number | RefusalReason {
    const idEnd = findIdEnd(this.#bytes, offset, end);
    if (idEnd === -2) return 'badAddress';
    if (idEnd < 0 || idEnd + COUNTERS_BYTES > end) return 'truncated';
    const nameStart = offset + 2;
    const nameEnd = nameStart + nameLength(this.#bytes, offset);
    return decodeText(this.#bytes, nameStart, nameEnd) === undefined ? 'badText' : idEnd;
  }

  /** Remembers the counters at `offset` for a known node. A repeated id keeps the last. */
  #note(slot: number, offset: number): void {
    const view = this.#view;
    const heartbeat = readCounter(view, offset);
    this.#lastGc[slot] = readCounter(view, offset + 8);
    this.#max[slot] = readCounter(view, offset + 16);
    const ahead = heartbeat - (this.#roster.columns.heartbeat[slot] as number);
    if (ahead > 0 || ahead < -HEARTBEAT_REACH) this.#noteHeartbeat(slot, heartbeat);
    this.#stamp[slot] = this.#epoch;
  }

  #noteHeartbeat(slot: number, heartbeat: number): void {
    if (heartbeat >= Number.MAX_SAFE_INTEGER) {
      this.#implausible += 1;
      return;
    }
    if (slot === SELF_SLOT) {
      this.#ownHeartbeat = heartbeat;
      return;
    }
    this.#heartbeat[slot] = heartbeat;
    if (this.#fresherStamp[slot] === this.#epoch) return;
    this.#fresherStamp[slot] = this.#epoch;
    this.#fresher[this.#fresherCount++] = slot;
  }

  /**
   * Takes the digest in: registers nodes not known yet, so that the delta of the same message finds
   * them, and turns greater heartbeats into signs of life [G8][G9].
   */
  commit(nowMs: number): void {
    this.#metrics.heartbeatsImplausible += this.#implausible;
    for (const [i, start] of this.#strangerStarts.entries()) {
      this.#meet(start, this.#strangerIdEnds[i] as number);
    }
    const { columns, detector } = this.#roster;
    for (let i = 0; i < this.#fresherCount; i++) {
      const slot = this.#fresher[i] as number;
      const verdict = judgeHeartbeat(columns, slot, this.#heartbeat[slot] as number);
      if (verdict === 'beats') detector.report(slot, nowMs);
      if (verdict === 'strays') this.#metrics.heartbeatsStray += 1;
    }
  }

  /** The greatest heartbeat and version that the peer has of the own node; 0 if it says nothing. */
  claimsAboutSelf(): { readonly heartbeat: number; readonly version: number } {
    if (this.#stamp[SELF_SLOT] !== this.#epoch) return { heartbeat: 0, version: 0 };
    const version = Math.max(this.maxOf(SELF_SLOT), this.lastGcOf(SELF_SLOT));
    return { heartbeat: this.#ownHeartbeat, version };
  }

  #meet(start: number, idEnd: number): void {
    const idBytes = new Uint8Array(this.#bytes.subarray(start, idEnd));
    let slot = this.#roster.find(this.#view, start, idEnd - start);
    if (slot < 0) {
      const heartbeat = readCounter(this.#view, idEnd);
      const remembered = this.#purged.recall(idBytes);
      // One far below it is none of before: what is remembered was a lie then.
      const ahead = heartbeat - (remembered ?? 0);
      if (remembered !== undefined && ahead <= 0 && ahead >= -HEARTBEAT_REACH) return;
      const id = decodeId(idBytes);
      const tooLong = nameLength(idBytes) > LIMITS.gossip.nodeIdBytesMax;
      if (id === undefined || tooLong || this.#roster.isFull) {
        this.#metrics.nodesRefused += 1;
        return;
      }
      slot = this.#roster.add(id, idBytes).slot;
      this.#purged.forget(idBytes);
      this.#ensureCapacity();
    }
    this.#note(slot, idEnd);
  }

  /** The digest fills the room there is for one: what is missing was probably left out. */
  noteFull(): void {
    this.#isFull = true;
  }

  /**
   * Whether the digest leaves open what the peer has of a node. Taking the silence of a full digest
   * for ignorance would send whole states, exchange after exchange, to peers that have them. A peer
   * that does not know the node meets it in this node's digest, and lists it with (0, 0) then
   * [G10].
   */
  isSilentAbout(slot: number): boolean {
    return this.#isFull && this.#stamp[slot] !== this.#epoch;
  }

  /** The pair the peer has of a node: (0, 0) for what its digest does not mention. */
  lastGcOf(slot: number): number {
    return this.#stamp[slot] === this.#epoch ? (this.#lastGc[slot] as number) : 0;
  }

  maxOf(slot: number): number {
    return this.#stamp[slot] === this.#epoch ? (this.#max[slot] as number) : 0;
  }
}

/** A u64 as a number; what does not fit saturates and then means "nothing to offer" [G3]. */
function readCounter(view: DataView, offset: number): number {
  const high = view.getUint32(offset + 4, true);
  const low = view.getUint32(offset, true);
  if (high === 0) return low;
  return high >= HIGH_MAX ? Number.MAX_SAFE_INTEGER : high * WORD + low;
}

// Events as bytes, in blocks that are filled once and dropped as a whole.
//
//   record  =  feed(u32) topic length(u32) event length(u32) index(u64) topic event
//
// An address is the number of the block times 2^22, and the place in it: exact for 500 TB.

import { assert } from '../../base/assert.ts';
import { readU64le, writeU64le } from '../../base/bytes.ts';
import type { FeedEvent } from './types.ts';

const HEADER_BYTES = 20;
const BLOCK_SPAN = 2 ** 22;
/** Of an event that was taken back: belongs to no feed. */
const NO_FEED = 0;

interface Block {
  readonly bytes: Uint8Array;
  readonly words: DataView;
  used: number;
}

export interface RingSizes {
  readonly bytesMax: number;
  /** One block; an event that is larger gets one of its own. */
  readonly blockBytes: number;
}

export class FeedRing {
  readonly #sizes: RingSizes;
  readonly #onDropped: (feed: number, index: number) => void;
  readonly #blocks: Block[] = [];
  /** The number of the first block. */
  #first = 0;
  #bytes = 0;

  /** `onDropped` hears of every event that goes, the oldest first. */
  constructor(sizes: RingSizes, onDropped: (feed: number, index: number) => void) {
    assert(sizes.blockBytes <= sizes.bytesMax, '[F1] a ring has one block at least');
    this.#sizes = sizes;
    this.#onDropped = onDropped;
  }

  /** What the ring keeps in memory. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Answers the address. */
  add(feed: number, index: number, topic: Uint8Array, event: Uint8Array): number {
    assert(feed !== NO_FEED, '[F1] an event is of a feed');
    const length = HEADER_BYTES + topic.length + event.length;
    const block = this.#room(length);
    const at = block.used;
    const { bytes, words } = block;
    words.setUint32(at, feed, true);
    words.setUint32(at + 4, topic.length, true);
    words.setUint32(at + 8, event.length, true);
    writeU64le(bytes, at + 12, index);
    bytes.set(topic, at + HEADER_BYTES);
    bytes.set(event, at + HEADER_BYTES + topic.length);
    block.used += length;
    return (this.#first + this.#blocks.length - 1) * BLOCK_SPAN + at;
  }

  /** The event stays where it is and belongs to nobody. */
  takeBack(address: number): void {
    const { words } = this.#blockOf(address);
    words.setUint32(address % BLOCK_SPAN, NO_FEED, true);
  }

  indexAt(address: number): number {
    return readU64le(this.#blockOf(address).bytes, (address % BLOCK_SPAN) + 12);
  }

  bytesAt(address: number): number {
    const { words } = this.#blockOf(address);
    const at = address % BLOCK_SPAN;
    return words.getUint32(at + 4, true) + words.getUint32(at + 8, true);
  }

  topicAt(address: number): Uint8Array {
    const { bytes, words } = this.#blockOf(address);
    const at = address % BLOCK_SPAN;
    return bytes.subarray(at + HEADER_BYTES, at + HEADER_BYTES + words.getUint32(at + 4, true));
  }

  eventAt(address: number): FeedEvent {
    const { bytes, words } = this.#blockOf(address);
    const topic = this.topicAt(address);
    const at = address % BLOCK_SPAN;
    const from = at + HEADER_BYTES + topic.length;
    const event = bytes.subarray(from, from + words.getUint32(at + 8, true));
    return { index: readU64le(bytes, at + 12), topic, event };
  }

  #blockOf(address: number): Block {
    const block = this.#blocks[Math.floor(address / BLOCK_SPAN) - this.#first];
    assert(block !== undefined, '[F1] what was dropped is not read');
    return block;
  }

  #room(length: number): Block {
    const last = this.#blocks.at(-1);
    if (last !== undefined && last.used + length <= last.bytes.length) return last;
    const { blockBytes, bytesMax } = this.#sizes;
    const size = Math.max(blockBytes, length);
    assert(size <= BLOCK_SPAN, '[F1] an event is no larger than a pair of a state');
    while (this.#blocks.length > 0 && this.#bytes + size > bytesMax) this.#drop();
    const bytes = new Uint8Array(size);
    const block = { bytes, words: new DataView(bytes.buffer), used: 0 };
    this.#blocks.push(block);
    this.#bytes += size;
    return block;
  }

  #drop(): void {
    const block = this.#blocks.shift();
    assert(block !== undefined, '[F1] there is a block to drop');
    this.#first += 1;
    this.#bytes -= block.bytes.length;
    const { bytes, used, words } = block;
    for (let at = 0; at < used; ) {
      const feed = words.getUint32(at, true);
      if (feed !== NO_FEED) this.#onDropped(feed, readU64le(bytes, at + 12));
      at += HEADER_BYTES + words.getUint32(at + 4, true) + words.getUint32(at + 8, true);
    }
  }
}

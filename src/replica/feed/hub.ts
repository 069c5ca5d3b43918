// All feeds of a member. Pure: it is told what machines emit and when a turn ends, and calls those
// who follow.

import { assert } from '../../base/assert.ts';
import { LIMITS } from '../../base/limits.ts';
import type { ShardId } from '../../engine/wal/index.ts';
import { FeedRing, type RingSizes } from './ring.ts';
import { ShardFeed } from './shard-feed.ts';
import type { FeedEvent, FeedNews, Follower, Waiter } from './types.ts';

export interface FeedSizes extends RingSizes {
  /** Told to one follower in one turn; one event at least. */
  readonly turnBytesMax: number;
}

type OnNews = (news: FeedNews) => void;

class Following implements Follower {
  readonly shard: ShardId;
  readonly onNews: OnNews;
  readonly #hub: { resume(own: Following): void; leave(own: Following): void };
  /** All up to this index was told. */
  index: number;
  /** The number of the next event; -1: not looked up yet. */
  next = -1;
  isPaused = false;
  isClosed = false;

  constructor(shard: ShardId, index: number, onNews: OnNews, hub: FeedHub) {
    this.shard = shard;
    this.index = index;
    this.onNews = onNews;
    this.#hub = hub;
  }

  pause(): void {
    this.isPaused = true;
  }

  resume(): void {
    this.isPaused = false;
    this.#hub.resume(this);
  }

  close(): void {
    this.#hub.leave(this);
  }
}

interface Waiting extends Waiter {
  readonly wake: () => void;
}

/** One open shard. */
interface Shard {
  readonly shard: ShardId;
  readonly serial: number;
  readonly feed: ShardFeed;
  readonly followers: Set<Following>;
  /** By topic. */
  readonly waiters: Map<string, Set<Waiting>>;
  /** [F7] What the last follower knew when it left; -1 while nobody has left. */
  leftAt: number;
}

export class FeedHub {
  readonly #sizes: FeedSizes;
  readonly #ring: FeedRing;
  readonly #shards = new Map<ShardId, Shard>();
  readonly #bySerial = new Map<number, Shard>();
  #serial = 0;
  /** The end of the turn has something to look at in these. */
  readonly #moved = new Set<Shard>();
  #onNews: () => void = () => {};
  /** To be called at the end of the turn, in this order. */
  #calls: (() => void)[] = [];

  constructor(sizes: Partial<FeedSizes> = {}) {
    this.#sizes = { ...LIMITS.feed, ...sizes };
    this.#ring = new FeedRing(this.#sizes, (serial, index) => {
      this.#bySerial.get(serial)?.feed.dropFirst(index);
    });
  }

  /** `onNews` is called when there is something to deliver, often: a turn must end soon. */
  connect(onNews: () => void): void {
    this.#onNews = onNews;
    if (this.hasNews) onNews();
  }

  /** What it keeps of events. */
  get bytes(): number {
    return this.#ring.bytes;
  }

  // --- shards -----------------------------------------------------------------------------------

  /** [F5] The state of `shard` is that after `index`: opened, or replaced by a snapshot. */
  openShard(shard: ShardId, index: number): void {
    const before = this.#shards.get(shard);
    this.#serial += 1;
    const opened: Shard = {
      shard,
      serial: this.#serial,
      feed: new ShardFeed(index),
      followers: before?.followers ?? new Set(),
      waiters: before?.waiters ?? new Map(),
      leftAt: -1,
    };
    if (before !== undefined) this.#forget(before);
    this.#shards.set(shard, opened);
    this.#bySerial.set(opened.serial, opened);
    // Numbers begin anew. Everyone looks again: what they wait for may be in the new state.
    for (const follower of opened.followers) follower.next = -1;
    this.#wakeAll(opened);
    if (opened.followers.size > 0) this.#noteMoved(opened);
  }

  /** [F2] The shard leaves the member. */
  closeShard(shard: ShardId): void {
    const closed = this.#shards.get(shard);
    if (closed === undefined) return;
    this.#forget(closed);
    this.#shards.delete(shard);
    this.#wakeAll(closed);
    for (const follower of closed.followers) {
      this.#noteCall(() => {
        if (!follower.isClosed) follower.onNews(END);
        follower.isClosed = true;
      });
    }
  }

  #forget(shard: Shard): void {
    this.#bySerial.delete(shard.serial);
    this.#moved.delete(shard);
  }

  // --- what machines emit -----------------------------------------------------------------------

  /** Part of the batch that is open. Both are copied, if anybody may want to hear it. */
  emit(shard: ShardId, index: number, topic: Uint8Array, event: Uint8Array): void {
    const open = this.#shards.get(shard);
    assert(open !== undefined, '[F5] an event is of a shard that is open');
    if (isListenedTo(open)) open.feed.push(this.#ring.add(open.serial, index, topic, event));
    else open.feed.skip(index);
  }

  /** [F3] The batch had its effect. */
  commit(shard: ShardId): void {
    const open = this.#shards.get(shard);
    if (open === undefined) return;
    const from = open.feed.end;
    open.feed.commit();
    if (open.feed.end === from) return;
    if (open.followers.size > 0) this.#noteMoved(open);
    if (open.waiters.size === 0) return;
    // [F6] The ring had no room for all of the batch: whatever is gone may be of any topic.
    if (from < open.feed.first) this.#wakeAll(open);
    else this.#wakeTopics(open, from);
  }

  /** [F3] The batch was taken back. */
  rollback(shard: ShardId): void {
    for (const address of this.#shards.get(shard)?.feed.rollback() ?? []) {
      this.#ring.takeBack(address);
    }
  }

  // --- who follows ------------------------------------------------------------------------------

  /** Hears what comes behind `index`, from the end of this turn on. Undefined: no such shard. */
  follow(shard: ShardId, index: number, onNews: OnNews): Follower | undefined {
    const open = this.#shards.get(shard);
    if (open === undefined) return undefined;
    const follower = new Following(shard, index, onNews, this);
    open.followers.add(follower);
    this.#noteMoved(open);
    return follower;
  }

  /** For followers only. */
  resume(follower: Following): void {
    const open = this.#shards.get(follower.shard);
    if (open?.followers.has(follower) === true) this.#noteMoved(open);
  }

  /** For followers only. */
  leave(follower: Following): void {
    follower.isClosed = true;
    const open = this.#shards.get(follower.shard);
    if (open?.followers.delete(follower) === true) open.leftAt = follower.index;
  }

  /** [F6] Calls `wake` once. Undefined: no such shard. */
  wait(shard: ShardId, topic: Uint8Array, wake: () => void): Waiter | undefined {
    const open = this.#shards.get(shard);
    if (open === undefined) return undefined;
    const { waiters } = open;
    const name = nameOf(topic);
    const group = waiters.get(name) ?? new Set<Waiting>();
    waiters.set(name, group);
    const waiting: Waiting = {
      wake,
      close: () => {
        // One who is woken already, and not called yet, is not called.
        group.delete(waiting);
        if (group.size === 0 && waiters.get(name) === group) waiters.delete(name);
      },
    };
    group.add(waiting);
    return waiting;
  }

  // --- the end of a turn ------------------------------------------------------------------------

  /** True while `deliver` has something to do. */
  get hasNews(): boolean {
    return this.#moved.size > 0 || this.#calls.length > 0;
  }

  /** [F4] Calls everyone who is to hear something. Those who need another turn are told in it. */
  deliver(): void {
    if (!this.hasNews) return;
    const calls = this.#calls;
    this.#calls = [];
    const moved = [...this.#moved];
    this.#moved.clear();
    for (const call of calls) call();
    for (const shard of moved) {
      for (const follower of Array.from(shard.followers)) {
        if (follower.isClosed) continue;
        const news = this.#newsFor(shard, follower);
        if (news === undefined) continue;
        if (this.#isBehind(shard, follower)) this.#noteMoved(shard);
        follower.onNews(news);
      }
    }
  }

  /** Moves the follower on. */
  #newsFor(shard: Shard, follower: Following): FeedNews | undefined {
    const { feed } = shard;
    if (follower.isPaused) return undefined;
    const isNew = follower.next < 0;
    if (isNew) follower.next = this.#numberBehind(feed, follower.index);
    if (isNew ? follower.index < feed.floor : follower.next < feed.first) {
      follower.next = this.#numberBehind(feed, feed.floor);
      follower.index = feed.floor;
      return { kind: 'gap', index: feed.floor };
    }
    if (follower.next >= feed.end) {
      // [F2] It may have heard of more elsewhere: which event comes next for it is not known yet.
      if (isNew) follower.next = -1;
      return undefined;
    }
    const events: FeedEvent[] = [];
    let bytes = 0;
    while (follower.next < feed.end && bytes < this.#sizes.turnBytesMax) {
      const address = feed.addressOf(follower.next);
      bytes += this.#ring.bytesAt(address);
      events.push(this.#ring.eventAt(address));
      follower.next += 1;
    }
    const { index } = events.at(-1) as FeedEvent;
    follower.index = this.#isWithin(feed, follower.next, index) ? index - 1 : index;
    return { kind: 'events', events, index: follower.index };
  }

  /** Whether the event at `number` is of the entry `index` as well. */
  #isWithin(feed: ShardFeed, number: number, index: number): boolean {
    return number < feed.end && this.#ring.indexAt(feed.addressOf(number)) === index;
  }

  #isBehind({ feed }: Shard, follower: Following): boolean {
    return follower.next >= 0 && follower.next < feed.end;
  }

  /** The first event behind `index`. */
  #numberBehind(feed: ShardFeed, index: number): number {
    let [low, high] = [feed.first, feed.openEnd];
    while (low < high) {
      const middle = Math.floor((low + high) / 2);
      if (this.#ring.indexAt(feed.addressOf(middle)) > index) high = middle;
      else low = middle + 1;
    }
    return low;
  }

  #noteMoved(shard: Shard): void {
    this.#moved.add(shard);
    this.#onNews();
  }

  #noteCall(call: () => void): void {
    this.#calls.push(call);
    this.#onNews();
  }

  #wakeTopics({ feed, waiters }: Shard, from: number): void {
    for (let number = from; number < feed.end; number++) {
      const name = nameOf(this.#ring.topicAt(feed.addressOf(number)));
      const group = waiters.get(name);
      if (group === undefined) continue;
      waiters.delete(name);
      this.#wake(group);
    }
  }

  #wakeAll({ waiters }: Shard): void {
    for (const group of waiters.values()) this.#wake(group);
    waiters.clear();
  }

  #wake(group: Set<Waiting>): void {
    for (const waiting of group) {
      this.#noteCall(() => {
        if (group.delete(waiting)) waiting.wake();
      });
    }
  }
}

const END: FeedNews = { kind: 'end' };

/**
 * [F7] The last follower may come back: while the ring has all that it has not heard, more is kept
 * for it. When the first of that is gone, it would hear of a gap whatever was kept behind.
 */
function isListenedTo({ feed, followers, leftAt, waiters }: Shard): boolean {
  return followers.size > 0 || waiters.size > 0 || leftAt >= feed.floor;
}

function nameOf(topic: Uint8Array): string {
  return Buffer.from(topic.buffer, topic.byteOffset, topic.length).toString('latin1');
}

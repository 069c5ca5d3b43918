// The words between machines that emit and those who follow a shard.

import type { ShardId } from '../../engine/wal/index.ts';

/** Views of the hub's memory: who keeps them copies them. */
export interface FeedEvent {
  /** Of the entry that caused it. */
  readonly index: number;
  readonly topic: Uint8Array;
  readonly event: Uint8Array;
}

export type FeedNews =
  /** In order. Nothing up to `index` is left out; the first events of the next entry may come. */
  | { readonly kind: 'events'; readonly events: readonly FeedEvent[]; readonly index: number }
  /** Events up to `index` are gone: read the state, which is at least there, and go on. */
  | { readonly kind: 'gap'; readonly index: number }
  /** The shard has left this member. Nothing comes any more. */
  | { readonly kind: 'end' };

export interface Follower {
  readonly shard: ShardId;
  /** Nothing is told from now on; what the ring lets go of meanwhile becomes a gap. */
  pause(): void;
  resume(): void;
  close(): void;
}

/** One who waits for an event of a topic. */
export interface Waiter {
  close(): void;
}

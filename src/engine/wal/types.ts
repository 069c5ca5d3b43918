// The words of the log: what goes in, what comes out.

import type { Capabilities, Events } from '../../base/capabilities.ts';
import type { Entry, EntryId, HardState, Snapshot } from '../../core/raft/index.ts';

/** An unsigned number of 32 bits, given by the cluster. */
export type ShardId = number;

/** What one shard wants durable, in the order in which it takes effect. */
export interface ShardChange {
  readonly shard: ShardId;
  /** Replaces the whole log. */
  readonly install?: Snapshot;
  /** Covers a prefix of the log, which stays until it is purged. */
  readonly save?: Snapshot;
  readonly hardState?: HardState;
  /** Without holes; what stands at the first one's index and beyond is replaced. */
  readonly entries?: readonly Entry[];
}

export interface WalOptions {
  /** Below the data directory. */
  readonly directory: string;
  readonly segmentBytes: number;
  /** A batch is written once it is this large, even if more would fit its segment. */
  readonly batchBytesMax: number;
  /** Entries kept in memory, all shards together; others are read from disk. */
  readonly cacheBytesMax: number;
  /** Free space that proposals must leave alone: votes and snapshots live on it. */
  readonly reserveBytes: number;
  /** How often the free space is looked at. */
  readonly roomCheckMs: number;
  /** After this long without a batch, the end that is durable is written down. */
  readonly markDelayMs: number;
  /**
   * Entries that cannot be read: `refuse` to open, or open with holes, for those who can fetch them
   * from peers.
   */
  readonly onDamage: 'refuse' | 'markHoles';
  /** The log has stopped for good; the process must stop too. */
  readonly onFailure: (failure: WalFailure) => void;
}

/** [W15] Told whenever the free space falls below the reserve or a write meets a full disk. */
export interface WalEvent {
  readonly kind: 'diskNearlyFull';
}

export interface WalCapabilities extends Pick<Capabilities, 'clock' | 'disk' | 'random' | 'log'> {
  readonly events?: Events<WalEvent> | undefined;
}

/** Writing or syncing failed, so nobody knows what is on disk. Only a restart finds out. */
export interface WalFailure {
  readonly kind: 'failed' | 'closed';
  readonly reason: string;
}

export type RefusalReason =
  /** Bytes that were durable are not what was written. */
  | 'corrupt'
  /** A segment between two others is not there. */
  | 'missingSegment'
  /** Written by a newer Parley. */
  | 'version'
  /** The disk does not answer. */
  | 'disk';

export interface WalRefusal {
  readonly kind: 'refused';
  readonly reason: RefusalReason;
  readonly path: string;
  readonly offset: number;
  /** Says what happened, why it usually happens and what to do. */
  readonly message: string;
}

export interface RecoveryReport {
  readonly segments: number;
  readonly bytes: number;
  readonly batches: number;
  readonly entries: number;
  /** Bytes of a batch that a crash cut off; nobody was told that it was durable. */
  readonly tornBytes: number;
  /** Entries whose bytes are lost here; shards that have any must not lead. */
  readonly holes: number;
}

export type FetchOutcome =
  | { readonly kind: 'fetched' }
  | { readonly kind: 'compacted' }
  /** The bytes on disk are damaged: get the entry from a peer and `refill` it. */
  | { readonly kind: 'damaged'; readonly entry: EntryId }
  | { readonly kind: 'failed'; readonly reason: string };

/** A shard that keeps the oldest segment from going. */
export interface Pin {
  readonly shard: ShardId;
  readonly segment: number;
  /** Purging up to here, or a rewrite, would let the segment go. */
  readonly lastIndexInside: number;
  /** What a rewrite would have to copy. */
  readonly liveBytes: number;
}

/** What a look at one segment, or at all of them, found. */
export interface ScrubReport {
  readonly bytes: number;
  /** Entries that became holes. */
  readonly lost: number;
  /** Damage that no peer can mend: the member should be replaced while it still runs. */
  readonly damage: string | undefined;
}

export type RewriteOutcome = 'rewritten' | 'tooLarge' | 'busy' | 'unreadable' | 'forgotten';

export interface WalStats {
  readonly segments: number;
  readonly batches: number;
  readonly entries: number;
  readonly bytesWritten: number;
  readonly syncs: number;
  readonly fetches: number;
  readonly cachedBytes: number;
  readonly indexBytes: number;
  /** Batches that gather or wait to be written, and what is kept for the next ones. */
  readonly bufferBytes: number;
}

// The words of the gossip core: who a node is, what is known about it, what a call can answer.
// Behaviour is in SPEC.md and gossip.ts.

import type { Random } from '../../base/capabilities.ts';
import type { SocketAddress } from '../../base/ids.ts';

/**
 * One run of one node. All three fields are its identity: after a restart it is another node, which
 * is how its new state is told from what peers remember of the old one [G29].
 */
export interface GossipId {
  readonly nodeId: string;
  /** Grows at every start. Opaque otherwise; nanoseconds since 1970 are usual. */
  readonly generation: bigint;
  /** Where peers send to, so neither 0.0.0.0 nor a port of 0. */
  readonly address: SocketAddress;
}

export type ProtocolVersion = 0 | 1;

export interface GossipConfig {
  readonly self: GossipId;
  readonly clusterId: string;
  /** How often the caller means to call `round`. */
  readonly gossipIntervalMs: number;
  /** How long a deleted key is remembered before it is purged. */
  readonly keyGraceMs: number;
  /** How long a dead node is remembered; after half of it, it is no longer spoken of. */
  readonly deadNodeGraceMs: number;
  /** Mean intervals of silence after which a node counts as dead. */
  readonly phiThreshold: number;
  /** Intervals between heartbeats that make the mean. */
  readonly samplingWindowSize: number;
  /** A longer silence is an outage, not an interval, and stays out of the mean. */
  readonly maxIntervalMs: number;
  /** What the mean starts from, weighing five intervals. */
  readonly initialIntervalMs: number;
  /** Version of the messages this node starts; it answers in the version it was asked in. */
  readonly protocolVersion: ProtocolVersion;
  /** Live nodes to gossip with per round. */
  readonly fanOut: number;
  /** Narrows the live nodes shown to `watchLive`, the own one included. */
  readonly extraLivenessPredicate?: (node: NodeView) => boolean;
  /** Runs once after a message that replaced a node's state as a whole. */
  readonly onCatchUp?: () => void;
}

export interface GossipPorts {
  readonly random: Random;
  readonly blocks: BlockCodec;
  /**
   * Memory for a datagram of exactly so many bytes, which whoever sends it may use again
   * afterwards. Without it each datagram gets fresh memory. A simulation of a thousand nodes makes
   * two hundred megabytes of datagrams per round, and collecting them takes most of its time.
   */
  readonly allocate?: (bytes: number) => Uint8Array;
}

/** Compression of one block, a zstd frame without dictionary. Must not keep the views it gets. */
export interface BlockCodec {
  /** Undefined asks for a stored block. */
  compress(raw: Uint8Array): Uint8Array | undefined;
  /**
   * Undefined when the frame is broken or does not hold exactly `sizeExact` bytes. The result is
   * the caller's own: it outlives the next call.
   */
  decompress(frame: Uint8Array, sizeExact: number): Uint8Array | undefined;
}

/** A datagram to send. The core lets go of `bytes`; equal datagrams of one call share them. */
export interface Outgoing {
  readonly to: SocketAddress;
  readonly bytes: Uint8Array;
}

export type MessageType = 'syn' | 'synAck' | 'ack' | 'badCluster';

/** Why a datagram was dropped whole. */
export type RefusalReason =
  | 'tooShort'
  | 'badMagic'
  | 'badVersion'
  | 'badType'
  | 'truncated'
  | 'badText'
  | 'badAddress'
  | 'badBlock'
  | 'unpackedTooLarge'
  | 'badOperation'
  | 'badVersionOrder'
  | 'repeatedNode';

export type ReceiveOutcome =
  | {
      readonly kind: 'handled';
      readonly type: MessageType;
      /** Goes to where the datagram came from. */
      readonly reply: Uint8Array | undefined;
    }
  | { readonly kind: 'refused'; readonly reason: RefusalReason };

// --- entries ------------------------------------------------------------------------------------

export type EntryStatus = 'set' | 'deleted' | 'deleteAfterTtl';

/** One key of one node. A tombstone (`deleted`) has an empty value and is invisible to reads. */
export interface NodeEntry {
  readonly key: string;
  readonly value: string;
  readonly version: number;
  readonly status: EntryStatus;
}

export type NodeLife = 'live' | 'dead' | 'scheduled';

/**
 * What is known about one node. It shows the present, not the moment it was handed out; of a node
 * that was purged it keeps the last values. Keys come in the order of their UTF-8 bytes.
 */
export interface NodeView {
  readonly id: GossipId;
  readonly heartbeat: number;
  readonly maxVersion: number;
  readonly lastGcVersion: number;
  /** `scheduled` is dead for more than half the grace. A node just heard of is `dead` too. */
  readonly state: NodeLife;
  readonly diedAtMs: number | undefined;
  /** The value of a visible key. */
  get(key: string): string | undefined;
  /** The entry, tombstones included. */
  getVersioned(key: string): NodeEntry | undefined;
  contains(key: string): boolean;
  keyValues(): readonly NodeEntry[];
  /** Tombstones included. */
  entries(): readonly NodeEntry[];
  iterPrefix(prefix: string): readonly NodeEntry[];
  /** Up to `count` entries, tombstones included, that begin with `prefix` and follow `after`. */
  page(prefix: string, after: string | undefined, count: number): readonly NodeEntry[];
  countKeys(): number;
}

// --- outcomes of writes -------------------------------------------------------------------------

export type WriteRefusal =
  | 'keyNotWellFormed'
  | 'valueNotWellFormed'
  | 'keyStartsNonAscii'
  | 'keyTooLong'
  | 'valueTooLong'
  | 'tooManyKeys'
  | 'stateFull'
  | 'versionsExhausted';

export type WriteOutcome =
  | { readonly kind: 'written'; readonly version: number }
  /** The same value is there already and wins over every other live node's. */
  | { readonly kind: 'unchanged'; readonly version: number }
  /** Only deletions answer this: there is no such key. */
  | { readonly kind: 'unknownKey' }
  | { readonly kind: 'refused'; readonly reason: WriteRefusal; readonly limit?: number };

export interface NodeReset {
  readonly id: GossipId;
  readonly entries: readonly NodeEntry[];
  readonly maxVersion: number;
  readonly lastGcVersion: number;
}

export type ResetOutcome =
  | { readonly kind: 'replaced' }
  | {
      readonly kind: 'skipped';
      readonly reason: 'ownNode' | 'purged' | 'notNewer' | 'tooManyNodes' | 'inconsistent';
    };

/** A key and the value that wins it. */
export interface WonKey {
  readonly key: string;
  /** Undefined: it is deleted, as were many before it; the search goes on behind it. */
  readonly value: string | undefined;
}

export interface Winner {
  readonly value: string;
  readonly owner: GossipId;
  readonly version: number;
  /** What the version counts for, among those of other nodes. */
  readonly rank: number;
}

// --- watching -----------------------------------------------------------------------------------

export interface KeyChange {
  /** Without the prefix the listener asked for. */
  readonly key: string;
  readonly value: string;
  readonly owner: GossipId;
  readonly version: number;
}

export type KeyListener = (change: KeyChange) => void;

/** The live nodes that pass the predicate, in id order, the own node among them. */
export interface LiveSnapshot {
  readonly nodes: readonly NodeView[];
}

export type LiveListener = (snapshot: LiveSnapshot) => void;

export interface Subscription {
  unsubscribe(): void;
}

/** The pair that only grows, compared from left to right: (lastGcVersion, maxVersion). */
export type Watermark = readonly [lastGcVersion: number, maxVersion: number];

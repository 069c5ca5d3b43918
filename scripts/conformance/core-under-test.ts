// What the runner needs of a Raft core. The real one satisfies it (real-core.ts); so do the broken
// ones that the runner's own tests drive to see whether it notices.

import type {
  ConfChangeError,
  ConfState,
  Entry,
  HardState,
  LogSource,
  NodeChange,
  NodeId,
  PeerStatus,
  Raft,
  RaftConfig,
  Snapshot,
} from '../../src/core/raft/index.ts';

export interface CoreUnderTest {
  createNode(config: RaftConfig): NodeUnderTest;
  createLog(): LogUnderTest;
  readonly quorum: QuorumUnderTest;
  createChanger(): ChangerUnderTest;
}

export type NodeUnderTest = Pick<
  Raft,
  | 'advance'
  | 'applyConfChange'
  | 'campaign'
  | 'forgetLeader'
  | 'hasReady'
  | 'propose'
  | 'proposeConfChange'
  | 'ready'
  | 'reportUnreachable'
  | 'setElectionTimeout'
  | 'status'
  | 'step'
  | 'tick'
  | 'transferLeader'
>;

/** Stable storage: what a node has written survives here, whatever the core still holds. */
export interface LogUnderTest extends LogSource {
  snapshotOverride: (() => Snapshot | 'pending') | undefined;
  setHardState(state: HardState): void;
  append(entries: readonly Entry[]): void;
  /** False when it is older than what is there. */
  applySnapshot(snapshot: Snapshot): boolean;
  /** Forgets entries up to `index`, which stays known by its term. False when it cannot. */
  compact(index: number): boolean;
}

/** Both halves of a configuration; `outgoing` is empty unless it is joint. */
export interface Voters {
  readonly incoming: readonly NodeId[];
  readonly outgoing: readonly NodeId[];
}

export interface QuorumUnderTest {
  /** Infinity when there are no voters at all. */
  committedIndex(voters: Voters, acked: ReadonlyMap<NodeId, number>): number;
  voteResult(voters: Voters, votes: ReadonlyMap<NodeId, boolean>): 'won' | 'lost' | 'pending';
}

export type ChangerOutcome =
  | { readonly kind: 'changed'; readonly config: ConfState; readonly peers: readonly PeerStatus[] }
  | { readonly kind: 'refused'; readonly reason: ConfChangeError };

/** A configuration with its peers' progress, changed step by step, without a log. */
export interface ChangerUnderTest {
  /** `lastIndex` decides where a new peer's progress starts. */
  simple(changes: readonly NodeChange[], lastIndex: number): ChangerOutcome;
  enterJoint(changes: readonly NodeChange[], autoLeave: boolean, lastIndex: number): ChangerOutcome;
  leaveJoint(lastIndex: number): ChangerOutcome;
}

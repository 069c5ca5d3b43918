// The words of the Raft core: what goes in, what comes out. No behaviour here.
//
// The core is a value that takes inputs (a tick, a message, a proposal, an answer of the disk) and
// collects effects until the host asks for them with `ready()`. See SPEC.md for the rules.

/** A replica within its shard: a safe integer from 1 up. */
export type NodeId = number;

/** No node: no leader, no vote, no transferee. */
export const NO_NODE: NodeId = 0;

/**
 * The disk and the state machine take part as two pseudo nodes with a queue each. Their ids are
 * negative, which no codec can produce: a message from them never came over the network.
 */
export const APPEND_THREAD: NodeId = -1;
export const APPLY_THREAD: NodeId = -2;

export type Role = 'follower' | 'preCandidate' | 'candidate' | 'leader';

// --- log entries --------------------------------------------------------------------------------

/** The two config change kinds are kept apart: `confChange` holds one change, no transition. */
export type EntryKind = 'normal' | 'confChange' | 'confChangeV2';

/** Immutable once made, payload included: entries are shared between log, messages and host. */
export interface Entry {
  readonly term: number;
  readonly index: number;
  readonly kind: EntryKind;
  readonly payload: Uint8Array;
}

/** An index and the term of the entry there: together they name an entry and all before it. */
export interface EntryId {
  readonly term: number;
  readonly index: number;
}

// --- configuration ------------------------------------------------------------------------------

/** Who takes part. Every list ascends. `votersOutgoing` is empty unless the config is joint. */
export interface ConfState {
  readonly voters: readonly NodeId[];
  /** The voters of the config being left: while any are here, both majorities must agree. */
  readonly votersOutgoing: readonly NodeId[];
  readonly learners: readonly NodeId[];
  /** Outgoing voters that become learners once the joint config is left. */
  readonly learnersNext: readonly NodeId[];
  /** The leader leaves the joint config by itself once it applied it. */
  readonly autoLeave: boolean;
}

export type NodeChangeKind = 'addVoter' | 'addLearner' | 'remove' | 'update';

export interface NodeChange {
  readonly kind: NodeChangeKind;
  readonly node: NodeId;
}

/** How a change of version 2 goes through a joint config: `auto` only when it has to. */
export type Transition = 'auto' | 'implicit' | 'explicit';

export interface ConfChange {
  /** 1: exactly one change, `auto`. 2: any number; none at all leaves the joint config. */
  readonly version: 1 | 2;
  readonly transition: Transition;
  readonly changes: readonly NodeChange[];
  /** The host's own bytes, carried along. */
  readonly context: Uint8Array;
}

export type ConfChangeError =
  | 'alreadyJoint'
  | 'notJoint'
  | 'simpleWhileJoint'
  | 'zeroVoters'
  | 'removedAllVoters'
  | 'moreThanOneVoterChanged';

// --- durable state ------------------------------------------------------------------------------

export interface HardState {
  readonly term: number;
  readonly vote: NodeId;
  readonly commit: number;
}

export interface SoftState {
  readonly lead: NodeId;
  readonly role: Role;
}

/** `data` is the state itself or the host's name for it: the core never looks inside. */
export interface Snapshot {
  readonly index: number;
  readonly term: number;
  readonly confState: ConfState;
  readonly data: Uint8Array;
}

// --- messages -----------------------------------------------------------------------------------

export type MessageKind =
  | 'append'
  | 'appendResponse'
  | 'heartbeat'
  | 'heartbeatResponse'
  | 'vote'
  | 'voteResponse'
  | 'preVote'
  | 'preVoteResponse'
  | 'snapshot'
  | 'timeoutNow'
  | 'propose'
  | 'transferLeader'
  | 'readIndex'
  | 'readIndexResponse'
  | 'storageAppend'
  | 'storageAppendResponse'
  | 'storageApply'
  | 'storageApplyResponse';

/** One shape for all kinds; what a kind does not use is 0, false, empty or undefined. */
export interface Message {
  readonly kind: MessageKind;
  readonly from: NodeId;
  readonly to: NodeId;
  /** The sender's term. 0 in `propose`, `transferLeader`, `readIndex` and its response. */
  readonly term: number;
  /** Term of the entry at `index`; in a rejection, the term at `rejectHint`. */
  readonly logTerm: number;
  /** append: entry before `entries`. Votes: last entry. Responses: what is acknowledged. */
  readonly index: number;
  readonly entries: readonly Entry[];
  readonly commit: number;
  /** Term of the entry at `commit`, in votes with `commitInVotes` only. */
  readonly commitTerm: number;
  /** storageAppend: the vote to persist. transferLeader: the node to hand over to. */
  readonly vote: NodeId;
  readonly reject: boolean;
  readonly rejectHint: number;
  /** Heartbeats: the newest read round. readIndex and its response: the asker's ticket. */
  readonly context: number;
  /**
   * Votes: the election was ordered by the leader, so leases do not bind the voter. readIndex: by a
   * round, even if the leader has a lease.
   */
  readonly forced: boolean;
  /** Votes: the candidate's election priority. */
  readonly priority: number;
  readonly snapshot: Snapshot | undefined;
  /** storageAppend, storageApply: to be delivered once the work is done, in this order. */
  readonly responses: readonly Message[];
}

// The answers to what a host asks. None of them is an exception, all of them are definite.

import type { ConfChangeError, ConfState, NodeId } from './types.ts';

export type ProposalRefusal =
  | 'noLeader'
  | 'forwardingDisabled'
  /** This leader is no longer in its own config. */
  | 'removed'
  | 'transferringLeadership'
  | 'uncommittedBytes'
  | 'emptyBatch'
  | 'malformedChange';

export type ProposeOutcome =
  | {
      readonly kind: 'accepted';
      readonly term: number;
      readonly firstIndex: number;
      readonly lastIndex: number;
    }
  | { readonly kind: 'forwarded'; readonly to: NodeId }
  | { readonly kind: 'refused'; readonly reason: ProposalRefusal };

export type ConfChangeRefusal = 'pendingChange' | ConfChangeError;

export type ProposeConfChangeOutcome =
  | { readonly kind: 'accepted'; readonly term: number; readonly index: number }
  /** An empty entry stands in the log instead: the change has no effect. */
  | { readonly kind: 'ignored'; readonly index: number; readonly reason: ConfChangeRefusal }
  | { readonly kind: 'forwarded'; readonly to: NodeId }
  | { readonly kind: 'refused'; readonly reason: ProposalRefusal };

export type ReadRefusal = 'noLeader' | 'tooManyReads' | 'leaderChanged';

export type ReadOutcome =
  /** A ReadState or a ReadDrop with this ticket follows in some Ready. */
  | { readonly kind: 'accepted'; readonly ticket: number }
  /** As before, unless messages get lost: the host limits how long it waits. */
  | { readonly kind: 'forwarded'; readonly ticket: number; readonly to: NodeId }
  | { readonly kind: 'refused'; readonly reason: ReadRefusal };

export type TransferOutcome =
  | { readonly kind: 'started' }
  | { readonly kind: 'forwarded'; readonly to: NodeId }
  | { readonly kind: 'alreadyInProgress' }
  | { readonly kind: 'alreadyLeader' }
  | { readonly kind: 'refused'; readonly reason: 'noLeader' | 'unknownNode' | 'learner' };

export type CampaignOutcome =
  | 'started'
  | 'alreadyLeader'
  /** Not a voter by its own config, or a snapshot is being installed. */
  | 'notPromotable'
  /** A committed config change waits to be applied. */
  | 'unappliedConfChange'
  /** The log must be fetched first; goes on with `logFetched`. */
  | 'waitsForLog';

export type ForgetOutcome = 'forgotten' | 'noLeader' | 'notFollower' | 'leaseReads';

/** What became of a message. Its term was taken note of in any case, unless it was refused. */
export type StepOutcome =
  | 'handled'
  /** Of a term that is over, or about a role that is over. */
  | 'stale'
  /** A proposal, read or transfer that could not be taken. */
  | 'dropped'
  /** Refused: a vote request while a leader is alive. */
  | 'leaseHolds'
  /** Refused: a response from a node outside the config. */
  | 'unknownPeer'
  /** Refused: a storage message that did not come from its pseudo node. */
  | 'localMessage'
  /** Refused: the fields contradict each other. */
  | 'malformed'
  /** The sender contradicts what is committed here: one of the two lost its disk. Not taken. */
  | 'contradiction';

export type ConfChangeOutcome =
  | { readonly kind: 'applied'; readonly confState: ConfState }
  /** The config stays as it was, on every replica alike. */
  | { readonly kind: 'refused'; readonly reason: ConfChangeError; readonly confState: ConfState };

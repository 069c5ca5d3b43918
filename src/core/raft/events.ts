// What happens inside, told as data while it happens. Nothing depends on events: they are for
// operators, transcripts and tests. Whoever prints them finds the words.

import type { ConfChangeRefusal } from './outcomes.ts';
import type { ConfState, NodeId, Role } from './types.ts';

export type StepDownCause = 'quorumLost' | 'removed';

export type RaftEvent =
  | { readonly kind: 'roleChanged'; readonly role: Role; readonly term: number }
  | { readonly kind: 'configSwitched'; readonly config: ConfState }
  /** The entry at `index` is empty instead. `pendingIndex`: the latest change, maybe unapplied. */
  | {
      readonly kind: 'confChangeIgnored';
      readonly index: number;
      readonly reason: ConfChangeRefusal;
      readonly config: ConfState;
      readonly pendingIndex: number;
      readonly applied: number;
    }
  /** The leader proposes to leave a joint config that says so. */
  | { readonly kind: 'autoLeaveProposed'; readonly index: number }
  | { readonly kind: 'notPromotable' }
  | { readonly kind: 'campaignRefused'; readonly reason: 'unappliedConfChange' | 'alreadyLeader' }
  | { readonly kind: 'campaignStarted'; readonly term: number; readonly preVote: boolean }
  | {
      readonly kind: 'voteCast';
      readonly to: NodeId;
      readonly term: number;
      readonly preVote: boolean;
    }
  | {
      readonly kind: 'voteRefused';
      readonly to: NodeId;
      readonly term: number;
      readonly preVote: boolean;
    }
  /** A vote request was not even answered: the leader we hear is alive. */
  | { readonly kind: 'voteIgnored'; readonly from: NodeId; readonly remainingTicks: number }
  | { readonly kind: 'steppedDown'; readonly cause: StepDownCause; readonly term: number }
  | { readonly kind: 'leaderForgotten'; readonly lead: NodeId; readonly term: number }
  | { readonly kind: 'transferStarted'; readonly to: NodeId }
  | { readonly kind: 'transferAborted'; readonly to: NodeId }
  | { readonly kind: 'appendRejected'; readonly from: NodeId; readonly index: number }
  | { readonly kind: 'peerProbed'; readonly peer: NodeId; readonly next: number }
  | { readonly kind: 'snapshotSent'; readonly peer: NodeId; readonly index: number }
  | {
      readonly kind: 'snapshotWithheld';
      readonly peer: NodeId;
      /** `lacksPeer`: a newer one is needed, whose config has the peer. */
      readonly reason: 'inactive' | 'pending' | 'lacksPeer';
    }
  | { readonly kind: 'snapshotReported'; readonly peer: NodeId; readonly ok: boolean }
  | { readonly kind: 'peerRecovered'; readonly peer: NodeId }
  | { readonly kind: 'snapshotRestored'; readonly index: number; readonly term: number }
  | {
      readonly kind: 'snapshotIgnored';
      readonly index: number;
      readonly reason: 'old' | 'matchesLog' | 'notMember' | 'stillApplying';
    }
  | { readonly kind: 'contradiction'; readonly from: NodeId; readonly detail: string };

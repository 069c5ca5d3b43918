// Proposals: who takes them, and which config changes are let into the log.

import { assert } from '../../base/assert.ts';
import { confChangeEntryKind, decodeConfChange, encodeConfChange } from './confchange-codec.ts';
import { changeConfig, isJoint } from './config-change.ts';
import type {
  ConfChangeRefusal,
  ProposalRefusal,
  ProposeConfChangeOutcome,
  ProposeOutcome,
} from './outcomes.ts';
import { appendProposals, broadcastAppend, type Proposal } from './replication.ts';
import type { RaftState } from './state.ts';
import { type ConfChange, type Entry, NO_NODE, type NodeId } from './types.ts';

/** What a config change becomes when it may not stand: etcd's way, so that indexes still add up. */
const BLANK: Proposal = { kind: 'normal', payload: new Uint8Array(0) };

type LeaderOutcome =
  | { readonly kind: 'appended'; readonly firstIndex: number; readonly ignored: readonly Ignored[] }
  | { readonly kind: 'refused'; readonly reason: ProposalRefusal };

interface Ignored {
  readonly index: number;
  readonly reason: ConfChangeRefusal;
}

const NOTHING_IGNORED: readonly Ignored[] = [];

export function propose(raft: RaftState, payloads: readonly Uint8Array[]): ProposeOutcome {
  if (payloads.length === 0) return { kind: 'refused', reason: 'emptyBatch' };
  const proposals = payloads.map(toProposal);
  if (!raft.isLeader()) return forward(raft, proposals);
  const outcome = proposeAsLeader(raft, proposals);
  if (outcome.kind === 'refused') return outcome;
  const { firstIndex } = outcome;
  const lastIndex = firstIndex + payloads.length - 1;
  return { kind: 'accepted', term: raft.term, firstIndex, lastIndex };
}

function toProposal(payload: Uint8Array): Proposal {
  return { kind: 'normal', payload };
}

export function proposeConfChange(raft: RaftState, change: ConfChange): ProposeConfChangeOutcome {
  const payload = encodeConfChange(change);
  if (payload === undefined) return { kind: 'refused', reason: 'malformedChange' };
  const proposals: readonly Proposal[] = [{ kind: confChangeEntryKind(change), payload }];
  if (!raft.isLeader()) return forward(raft, proposals);
  const outcome = proposeAsLeader(raft, proposals);
  if (outcome.kind === 'refused') return outcome;
  const [ignored] = outcome.ignored;
  if (ignored !== undefined) return { kind: 'ignored', ...ignored };
  return { kind: 'accepted', term: raft.term, index: outcome.firstIndex };
}

type ForwardOutcome =
  | { readonly kind: 'forwarded'; readonly to: NodeId }
  | { readonly kind: 'refused'; readonly reason: ProposalRefusal };

function forward(raft: RaftState, proposals: readonly Proposal[]): ForwardOutcome {
  assert(!raft.isLeader(), 'a leader keeps its proposals');
  const { lead } = raft;
  assert(lead !== raft.id, '[R5] nobody follows itself');
  if (lead === NO_NODE) return { kind: 'refused', reason: 'noLeader' };
  if (!raft.settings.forwardProposals) return { kind: 'refused', reason: 'forwardingDisabled' };
  const message = raft.draft('propose', lead);
  message.term = 0;
  message.entries = proposals.map(placeless);
  raft.post(message);
  return { kind: 'forwarded', to: lead };
}

function placeless({ kind, payload }: Proposal): Entry {
  return { term: 0, index: 0, kind, payload };
}

/** A batch another node forwarded. It may have to travel on. */
export function takeForwarded(raft: RaftState, proposals: readonly Proposal[]): boolean {
  if (proposals.length === 0) return false;
  if (!raft.isLeader()) return forward(raft, proposals).kind === 'forwarded';
  return proposeAsLeader(raft, proposals).kind === 'appended';
}

/** All of `proposals` or none. */
export function proposeAsLeader(raft: RaftState, proposals: readonly Proposal[]): LeaderOutcome {
  assert(raft.isLeader() && proposals.length > 0, '[R14] only leaders append of their own accord');
  // A leader that removed itself has no say any more, even before it steps down.
  if (raft.tracker.progress(raft.id) === undefined) return { kind: 'refused', reason: 'removed' };
  if (raft.transferee !== NO_NODE) return { kind: 'refused', reason: 'transferringLeadership' };
  const firstIndex = raft.log.lastIndex() + 1;
  let accepted = proposals;
  let { pendingConfIndex } = raft;
  let ignored = NOTHING_IGNORED;
  if (proposals.some(({ kind }) => kind !== 'normal')) {
    const judged = judgeBatch(raft, proposals, firstIndex);
    if (judged === undefined) return { kind: 'refused', reason: 'malformedChange' };
    ({ accepted, pendingConfIndex, ignored } = judged);
  }
  assert(accepted.length === proposals.length, '[R43] blanked changes keep their place');
  if (!appendProposals(raft, accepted)) return { kind: 'refused', reason: 'uncommittedBytes' };
  for (const { index, reason } of ignored) {
    const { applied } = raft.log;
    const { config } = raft.tracker;
    raft.emit({
      kind: 'confChangeIgnored',
      index,
      reason,
      config,
      pendingIndex: pendingConfIndex,
      applied,
    });
  }
  assert(pendingConfIndex <= raft.log.lastIndex(), '[R42] the mark is within the log');
  // [R43] Only now: a batch that is refused must not stand in the way of the next change.
  raft.pendingConfIndex = pendingConfIndex;
  broadcastAppend(raft);
  const added = raft.log.lastIndex() - firstIndex + 1;
  assert(added === proposals.length, '[R60] a batch is taken as a whole');
  return { kind: 'appended', firstIndex, ignored };
}

interface JudgedBatch {
  readonly accepted: readonly Proposal[];
  readonly pendingConfIndex: number;
  readonly ignored: readonly Ignored[];
}

/** Blanks the config changes that may not stand; undefined if one cannot even be read. */
function judgeBatch(
  raft: RaftState,
  proposals: readonly Proposal[],
  firstIndex: number,
): JudgedBatch | undefined {
  const accepted: Proposal[] = [];
  const ignored: Ignored[] = [];
  let { pendingConfIndex } = raft;
  for (const [i, proposal] of proposals.entries()) {
    accepted.push(proposal);
    if (proposal.kind === 'normal') continue;
    const change = decodeConfChange(proposal.kind, proposal.payload);
    if (change === undefined) return undefined;
    const index = firstIndex + i;
    const reason = judge(raft, change, pendingConfIndex);
    if (reason === undefined || !raft.settings.validateConfChanges) pendingConfIndex = index;
    else {
      accepted[i] = BLANK;
      ignored.push({ index, reason });
    }
  }
  assert(pendingConfIndex >= raft.pendingConfIndex, '[R42] the mark only grows');
  return { accepted, pendingConfIndex, ignored };
}

/**
 * [R42] One change at a time, and it must be possible from the config it will meet: the present
 * one, since no other change is under way.
 */
function judge(
  raft: RaftState,
  change: ConfChange,
  pendingConfIndex: number,
): ConfChangeRefusal | undefined {
  assert(raft.isLeader(), '[R42] only leaders judge changes');
  const { config, peers, limits } = raft.tracker;
  if (pendingConfIndex > raft.log.applied) return 'pendingChange';
  const leaves = change.changes.length === 0;
  if (isJoint(config) && !leaves) return 'alreadyJoint';
  if (!isJoint(config) && leaves) return 'notJoint';
  const tried = changeConfig({ config, peers, limits, lastIndex: raft.log.lastIndex() }, change);
  return tried.kind === 'refused' ? tried.reason : undefined;
}

// From one config to the next. Every function decides on a copy: a refused change leaves no trace.
//
//   simple       C -> C'              at most one voter differs
//   enterJoint   C -> C' && C         any number; both majorities rule
//   leaveJoint   C' && C -> C'        learnersNext become learners
//
// Two majorities that differ by one voter overlap, which is why `simple` is safe alone. Two at once
// do not: of A B C, changed to A B C D E, {A B} is a majority of the old and {C D E} of the new.

import { assert } from '../../base/assert.ts';
import { Progress, type WindowLimits } from './progress.ts';
import {
  type ConfChange,
  type ConfChangeError,
  type ConfState,
  NO_NODE,
  type NodeChange,
  type NodeId,
} from './types.ts';

export type ChangeResult =
  | { readonly kind: 'changed'; readonly config: ConfState; readonly peers: readonly Progress[] }
  | { readonly kind: 'refused'; readonly reason: ConfChangeError };

export interface ChangeBase {
  readonly config: ConfState;
  readonly peers: readonly Progress[];
  readonly limits: WindowLimits;
  /** Where a newcomer is probed first: it most likely has nothing, but a snapshot may be newer. */
  readonly lastIndex: number;
}

/** The config as sets that a change edits. */
interface Draft {
  readonly voters: Set<NodeId>;
  readonly outgoing: Set<NodeId>;
  readonly learners: Set<NodeId>;
  readonly learnersNext: Set<NodeId>;
  autoLeave: boolean;
  /** Progress to carry over. An id that leaves and comes back within one change starts afresh. */
  readonly kept: Map<NodeId, Progress | undefined>;
}

/** `change` as a whole, in whichever of the three ways it asks for. */
export function changeConfig(base: ChangeBase, change: ConfChange): ChangeResult {
  if (isLeaveJoint(change)) return leaveJoint(base);
  if (change.transition !== 'auto' || change.changes.length > 1) {
    return enterJoint(base, change.transition !== 'explicit', change.changes);
  }
  return simpleChange(base, change.changes);
}

export function isLeaveJoint(change: ConfChange): boolean {
  return change.version === 2 && change.changes.length === 0 && change.transition === 'auto';
}

export function simpleChange(base: ChangeBase, changes: readonly NodeChange[]): ChangeResult {
  if (isJoint(base.config)) return refused('simpleWhileJoint');
  const draft = draftOf(base);
  applyChanges(draft, changes);
  if (draft.voters.size === 0) return refused('removedAllVoters');
  if (differences(base.config.voters, draft.voters) > 1) return refused('moreThanOneVoterChanged');
  assert(draft.outgoing.size === 0, '[R41] a simple change does not make the config joint');
  assert(draft.learnersNext.size === 0, '[R41] nobody waits to be a learner in a plain config');
  return finished(base, draft);
}

export function enterJoint(
  base: ChangeBase,
  autoLeave: boolean,
  changes: readonly NodeChange[],
): ChangeResult {
  if (isJoint(base.config)) return refused('alreadyJoint');
  // Without voters there is no old majority to rule along; the first voter comes by `simple`.
  if (base.config.voters.length === 0) return refused('zeroVoters');
  const draft = draftOf(base);
  for (const id of base.config.voters) draft.outgoing.add(id);
  applyChanges(draft, changes);
  if (draft.voters.size === 0) return refused('removedAllVoters');
  draft.autoLeave = autoLeave;
  for (const id of draft.learnersNext) {
    assert(draft.outgoing.has(id), '[R41] only outgoing voters wait to become learners');
  }
  return finished(base, draft);
}

export function leaveJoint(base: ChangeBase): ChangeResult {
  if (!isJoint(base.config)) return refused('notJoint');
  const draft = draftOf(base);
  for (const id of draft.learnersNext) draft.learners.add(id);
  draft.learnersNext.clear();
  for (const id of draft.outgoing) {
    if (!draft.voters.has(id) && !draft.learners.has(id)) draft.kept.delete(id);
  }
  draft.outgoing.clear();
  draft.autoLeave = false;
  assert(draft.voters.size > 0, '[R41] the incoming half of a joint config has voters');
  return finished(base, draft);
}

/**
 * Everyone of `state` with a fresh progress; undefined if `state` contradicts itself, which a
 * snapshot from the network may.
 */
export function restoreConfig(
  state: ConfState,
  lastIndex: number,
  limits: WindowLimits,
): { config: ConfState; peers: readonly Progress[] } | undefined {
  if (!isConsistent(state)) return undefined;
  const config: ConfState = {
    voters: state.voters.toSorted(ascending),
    votersOutgoing: state.votersOutgoing.toSorted(ascending),
    learners: state.learners.toSorted(ascending),
    learnersNext: state.learnersNext.toSorted(ascending),
    autoLeave: state.autoLeave,
  };
  const next = Math.max(lastIndex, 1);
  const learners = new Set(config.learners);
  const ids = new Set([...config.voters, ...config.votersOutgoing, ...config.learners]);
  const peers = [...ids]
    .toSorted(ascending)
    .map((id) => new Progress(id, next, learners.has(id), true, limits));
  return { config, peers };
}

/** [R41] What every config obeys. */
export function isConsistent(state: ConfState): boolean {
  const voters = new Set(state.voters);
  const outgoing = new Set(state.votersOutgoing);
  const learners = new Set(state.learners);
  const learnersNext = new Set(state.learnersNext);
  const listed = [state.voters, state.votersOutgoing, state.learners, state.learnersNext];
  if (!listed.flat().every((id) => Number.isSafeInteger(id) && id > NO_NODE)) return false;
  if (voters.size !== state.voters.length || outgoing.size !== state.votersOutgoing.length) {
    return false;
  }
  if (learners.size !== state.learners.length || learnersNext.size !== state.learnersNext.length) {
    return false;
  }
  for (const id of learners) if (voters.has(id) || outgoing.has(id)) return false;
  for (const id of learnersNext) if (!outgoing.has(id) || voters.has(id)) return false;
  if (outgoing.size > 0) return voters.size > 0;
  return !state.autoLeave && (voters.size > 0 || learners.size === 0);
}

/** `learnersNext` are outgoing voters, too. */
export function isMember({ voters, votersOutgoing, learners }: ConfState, id: NodeId): boolean {
  return voters.includes(id) || votersOutgoing.includes(id) || learners.includes(id);
}

export function isJoint(config: ConfState): boolean {
  return config.votersOutgoing.length > 0;
}

// --- editing a draft ----------------------------------------------------------------------------

function draftOf({ config, peers }: ChangeBase): Draft {
  return {
    voters: new Set(config.voters),
    outgoing: new Set(config.votersOutgoing),
    learners: new Set(config.learners),
    learnersNext: new Set(config.learnersNext),
    autoLeave: config.autoLeave,
    kept: new Map(peers.map((peer) => [peer.id, peer])),
  };
}

function applyChanges(draft: Draft, changes: readonly NodeChange[]): void {
  assert(draft.learnersNext.size === 0, '[R41] changes start from a config that is not joint');
  for (const { kind, node } of changes) {
    // An embedder blanks single changes of a batch by setting the node to none.
    if (node === NO_NODE) continue;
    if (kind === 'addVoter') addVoter(draft, node);
    else if (kind === 'addLearner') addLearner(draft, node);
    else if (kind === 'remove') removeNode(draft, node);
  }
}

function addVoter(draft: Draft, id: NodeId): void {
  draft.learners.delete(id);
  draft.learnersNext.delete(id);
  draft.voters.add(id);
  if (!draft.kept.has(id)) draft.kept.set(id, undefined);
}

function addLearner(draft: Draft, id: NodeId): void {
  if (draft.learners.has(id)) return;
  const progress = draft.kept.get(id);
  removeNode(draft, id);
  draft.kept.set(id, progress);
  // While the outgoing majority still counts on it, it cannot be a mere learner: it waits.
  if (draft.outgoing.has(id)) draft.learnersNext.add(id);
  else draft.learners.add(id);
  assert(!draft.voters.has(id), '[R41] a learner is no incoming voter');
}

function removeNode(draft: Draft, id: NodeId): void {
  draft.voters.delete(id);
  draft.learners.delete(id);
  draft.learnersNext.delete(id);
  if (!draft.outgoing.has(id)) draft.kept.delete(id);
}

function finished({ limits, lastIndex }: ChangeBase, draft: Draft): ChangeResult {
  const config: ConfState = {
    voters: [...draft.voters].toSorted(ascending),
    votersOutgoing: [...draft.outgoing].toSorted(ascending),
    learners: [...draft.learners].toSorted(ascending),
    learnersNext: [...draft.learnersNext].toSorted(ascending),
    autoLeave: draft.autoLeave,
  };
  assert(isConsistent(config), '[R41] a change of a consistent config gives a consistent one');
  const ids = [...draft.kept.keys()].toSorted(ascending);
  assert(lastIndex >= 0, '[R22] a log ends at 0 or later');
  // A newcomer counts as active: else the next quorum check could depose the leader before the
  // newcomer had a chance to speak. `Tracker.switchTo` settles who is a learner: until then the
  // progress of those who stay is left alone.
  const next = Math.max(lastIndex, 1);
  const peers = ids.map(
    (id) => draft.kept.get(id) ?? new Progress(id, next, draft.learners.has(id), true, limits),
  );
  return { kind: 'changed', config, peers };
}

function differences(before: readonly NodeId[], after: ReadonlySet<NodeId>): number {
  const kept = before.filter((id) => after.has(id)).length;
  return before.length - kept + (after.size - kept);
}

function ascending(a: number, b: number): number {
  return a - b;
}

function refused(reason: ConfChangeError): ChangeResult {
  return { kind: 'refused', reason };
}

// The core's values in the words of the conformance files.

import type {
  Entry,
  Message,
  MessageKind,
  NodeId,
  PeerStatus,
  Ready,
  Role,
  Snapshot,
} from '../../src/core/raft/index.ts';
import {
  APPEND_THREAD,
  APPLY_THREAD,
  decodeConfChange,
  NO_NODE,
} from '../../src/core/raft/index.ts';
import type {
  EntryKind,
  EntryLine,
  MessageLine,
  MessageType,
  OutputEvent,
  Party,
  ProgressLine,
  RoleName,
  SnapshotLine,
} from './model.ts';
import { quoteBytes } from './quote.ts';

const TYPES: Readonly<Record<MessageKind, MessageType>> = {
  append: 'MsgApp',
  appendResponse: 'MsgAppResp',
  heartbeat: 'MsgHeartbeat',
  heartbeatResponse: 'MsgHeartbeatResp',
  vote: 'MsgVote',
  voteResponse: 'MsgVoteResp',
  preVote: 'MsgPreVote',
  preVoteResponse: 'MsgPreVoteResp',
  snapshot: 'MsgSnap',
  timeoutNow: 'MsgTimeoutNow',
  propose: 'MsgProp',
  transferLeader: 'MsgTransferLeader',
  readIndex: 'MsgReadIndex',
  readIndexResponse: 'MsgReadIndexResp',
  storageAppend: 'MsgStorageAppend',
  storageAppendResponse: 'MsgStorageAppendResp',
  storageApply: 'MsgStorageApply',
  storageApplyResponse: 'MsgStorageApplyResp',
};

const ENTRY_KINDS: Readonly<Record<Entry['kind'], EntryKind>> = {
  normal: 'EntryNormal',
  confChange: 'EntryConfChange',
  confChangeV2: 'EntryConfChangeV2',
};

const ROLES: Readonly<Record<Role, RoleName>> = {
  follower: 'StateFollower',
  preCandidate: 'StatePreCandidate',
  candidate: 'StateCandidate',
  leader: 'StateLeader',
};

const PROGRESS_STATES = {
  probe: 'StateProbe',
  replicate: 'StateReplicate',
  snapshot: 'StateSnapshot',
} as const;

const CHANGE_LETTERS = { addVoter: 'v', addLearner: 'l', remove: 'r', update: 'u' } as const;

export function describeRole(role: Role): RoleName {
  return ROLES[role];
}

function describeParty(id: NodeId): Party {
  if (id === APPEND_THREAD) return 'AppendThread';
  if (id === APPLY_THREAD) return 'ApplyThread';
  return id === NO_NODE ? 'None' : id;
}

function describeEntry(entry: Entry): EntryLine {
  const { term, index } = entry;
  return { term, index, kind: ENTRY_KINDS[entry.kind], payload: describePayload(entry) };
}

function describePayload(entry: Entry): string {
  if (entry.kind === 'normal') return quoteBytes(entry.payload);
  const change = decodeConfChange(entry.kind, entry.payload);
  if (change === undefined) return '(malformed)';
  return change.changes.map(({ kind, node }) => CHANGE_LETTERS[kind] + node).join(' ');
}

function describeSnapshot(snapshot: Snapshot): SnapshotLine {
  const { index, term, confState } = snapshot;
  return { index, term, confState };
}

export function describeMessage(message: Message): MessageLine {
  // The files name the node that shall lead as the sender of the request to hand over to it.
  const handover = message.kind === 'transferLeader';
  return {
    type: TYPES[message.kind],
    from: describeParty(handover ? message.vote : message.from),
    to: describeParty(message.to),
    term: message.term,
    logTerm: message.logTerm,
    index: message.index,
    reject: message.reject,
    rejectHint: message.rejectHint,
    commit: message.commit,
    vote: handover ? 0 : message.vote,
    entries: message.entries.map(describeEntry),
    snapshot: hasSnapshot(message.snapshot) ? describeSnapshot(message.snapshot) : undefined,
    responses: message.responses.map(describeMessage),
  };
}

/** A snapshot of index 0 says nothing and is not printed. */
function hasSnapshot(snapshot: Snapshot | undefined): snapshot is Snapshot {
  return snapshot !== undefined && snapshot.index > 0;
}

export function describeProgress(peer: PeerStatus): ProgressLine {
  return {
    id: peer.id,
    state: PROGRESS_STATES[peer.state],
    match: peer.match,
    next: peer.next,
    learner: peer.isLearner,
    paused: peer.isPaused,
    pendingSnapshot: peer.pendingSnapshot,
    inactive: !peer.isRecentlyActive,
    inflight: peer.inflightMessages,
    full: peer.isInflightFull,
  };
}

/** A Ready in the order of its parts: states, reads, entries, snapshot, what to apply, messages. */
export function describeReady(ready: Ready): OutputEvent[] {
  const events: OutputEvent[] = [];
  const { softState, hardState, readStates, snapshot } = ready;
  if (softState !== undefined) {
    events.push({ kind: 'softState', lead: softState.lead, role: ROLES[softState.role] });
  }
  if (hardState !== undefined) events.push({ kind: 'hardState', ...hardState });
  if (readStates.length > 0) {
    const states = readStates.map(({ index, ticket }) => `{${index} ${ticket}}`);
    events.push({ kind: 'readStates', text: `[${states.join(' ')}]` });
  }
  events.push(...labelled('Entries', ready.entries.map(entryEvent)));
  if (hasSnapshot(snapshot))
    events.push({ kind: 'snapshot', snapshot: describeSnapshot(snapshot) });
  events.push(...labelled('CommittedEntries', ready.committedEntries.map(entryEvent)));
  events.push(...labelled('Messages', ready.messages.map(messageEvent)));
  if (events.length === 0) return [{ kind: 'emptyReady' }];
  return [{ kind: 'ready', mustSync: ready.mustSyncLog }, ...events];
}

function labelled(
  label: 'Entries' | 'CommittedEntries' | 'Messages',
  events: readonly OutputEvent[],
): OutputEvent[] {
  return events.length === 0 ? [] : [{ kind: 'label', label }, ...events];
}

export function entryEvent(entry: Entry): OutputEvent {
  return { kind: 'entry', entry: describeEntry(entry) };
}

export function messageEvent(message: Message): OutputEvent {
  return { kind: 'message', message: describeMessage(message), dropped: false };
}

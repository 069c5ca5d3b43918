// What a conformance file talks about: the lines its expected output is made of, as values. Names
// (message types, states, entry kinds) are spelled as the files spell them.

export const MESSAGE_TYPES = [
  'MsgHup',
  'MsgBeat',
  'MsgProp',
  'MsgApp',
  'MsgAppResp',
  'MsgVote',
  'MsgVoteResp',
  'MsgSnap',
  'MsgHeartbeat',
  'MsgHeartbeatResp',
  'MsgUnreachable',
  'MsgSnapStatus',
  'MsgCheckQuorum',
  'MsgTransferLeader',
  'MsgTimeoutNow',
  'MsgReadIndex',
  'MsgReadIndexResp',
  'MsgPreVote',
  'MsgPreVoteResp',
  'MsgStorageAppend',
  'MsgStorageAppendResp',
  'MsgStorageApply',
  'MsgStorageApplyResp',
  'MsgForgetLeader',
] as const;

export type MessageType = (typeof MESSAGE_TYPES)[number];

/** A node's number, or one of the two local threads, or nobody. */
export type Party = number | 'AppendThread' | 'ApplyThread' | 'None';

export type EntryKind = 'EntryNormal' | 'EntryConfChange' | 'EntryConfChangeV2';

export type RoleName = 'StateFollower' | 'StateCandidate' | 'StateLeader' | 'StatePreCandidate';

export type ProgressName = 'StateProbe' | 'StateReplicate' | 'StateSnapshot';

export interface EntryLine {
  readonly term: number;
  readonly index: number;
  readonly kind: EntryKind;
  /** As printed: quoted data, or the tokens of a configuration change, which may be none. */
  readonly payload: string;
}

/** A configuration as snapshots carry it. Each list in the order it has there. */
export interface ConfState {
  readonly voters: readonly number[];
  readonly votersOutgoing: readonly number[];
  readonly learners: readonly number[];
  readonly learnersNext: readonly number[];
  readonly autoLeave: boolean;
}

export interface SnapshotLine {
  readonly index: number;
  readonly term: number;
  readonly confState: ConfState;
}

export interface MessageLine {
  readonly type: MessageType;
  readonly from: Party;
  readonly to: Party;
  readonly term: number;
  readonly logTerm: number;
  readonly index: number;
  readonly reject: boolean;
  readonly rejectHint: number;
  readonly commit: number;
  readonly vote: number;
  readonly entries: readonly EntryLine[];
  readonly snapshot: SnapshotLine | undefined;
  readonly responses: readonly MessageLine[];
}

export interface ProgressLine {
  readonly id: number;
  readonly state: ProgressName;
  readonly match: number;
  readonly next: number;
  readonly learner: boolean;
  readonly paused: boolean;
  /** 0: none. */
  readonly pendingSnapshot: number;
  readonly inactive: boolean;
  readonly inflight: number;
  readonly full: boolean;
}

export type Activity =
  | 'handling Ready'
  | 'receiving messages'
  | 'processing append thread'
  | 'processing apply thread';

export type Label = 'Entries' | 'CommittedEntries' | 'Messages' | 'Processing' | 'Responses';

export type LogLevel = 'DEBUG' | 'INFO' | 'WARN' | 'ERROR' | 'FATAL' | 'NONE';

/** Why a proposed configuration change became an empty entry. */
export type ChangeRefusal = 'pending' | 'inJoint' | 'notInJoint';

/** One line of output (a message may take several lines of the file). */
export type OutputEvent =
  | { readonly kind: 'header'; readonly node: number; readonly activity: Activity }
  | { readonly kind: 'emptyReady' }
  | { readonly kind: 'ready'; readonly mustSync: boolean }
  | { readonly kind: 'softState'; readonly lead: number; readonly role: RoleName }
  | {
      readonly kind: 'hardState';
      readonly term: number;
      readonly vote: number;
      readonly commit: number;
    }
  | { readonly kind: 'readStates'; readonly text: string }
  | { readonly kind: 'label'; readonly label: Label }
  | { readonly kind: 'entry'; readonly entry: EntryLine }
  | { readonly kind: 'snapshot'; readonly snapshot: SnapshotLine }
  | { readonly kind: 'message'; readonly message: MessageLine; readonly dropped: boolean }
  | {
      readonly kind: 'raftState';
      readonly node: number;
      readonly role: RoleName;
      readonly voter: boolean;
      readonly term: number;
      readonly lead: number;
    }
  | { readonly kind: 'progress'; readonly progress: ProgressLine }
  | { readonly kind: 'emptyLog'; readonly first: number; readonly last: number }
  | { readonly kind: 'notice'; readonly text: string }
  | { readonly kind: 'error'; readonly text: string }
  // The three log lines that carry an outcome not visible elsewhere.
  | { readonly kind: 'configured'; readonly node: number; readonly config: string }
  | {
      readonly kind: 'changeIgnored';
      readonly node: number;
      readonly config: string;
      readonly refusal: ChangeRefusal;
    }
  | { readonly kind: 'unpromotable'; readonly node: number };

/** An event and where it stands: inside the work announced by a header or not. */
export interface PlacedEvent {
  readonly event: OutputEvent;
  readonly indented: boolean;
  /** Line in the file for expected events, 0 for actual ones. */
  readonly line: number;
}

export const NOTICES = ['no messages', 'no append work to perform', 'no apply work to perform'];

/** Errors that commands may print: the first three are the core's, the rest the host's. */
export const ERROR_TEXTS = {
  proposalDropped: 'raft proposal dropped',
  unknownPeer: 'raft: cannot step as peer not found',
  localMessage: 'raft: cannot step raft local message',
  compacted: 'requested index is unavailable due to compaction',
  unavailable: 'requested entry at index is unavailable',
  snapshotOutOfDate: 'requested index is older than the existing snapshot',
  snapshotUnavailable: 'snapshot is temporarily unavailable',
  bootstrapIndex: 'index must be specified as > 1 due to bootstrap',
  snapshotAndEntries: "can't apply snapshot and entries at the same time",
  oneChange: 'v1 conf change can only have one operation and no transition',
  leaseNeedsQuorum: 'CheckQuorum must be enabled when ReadOnlyOption is ReadOnlyLeaseBased',
  noInflight: 'max inflight messages must be greater than 0',
} as const;

// What the core hands to its host: work to do (Ready) and a look inside (Status).

import type { LogFetch } from './log-source.ts';
import type { ReadRefusal } from './outcomes.ts';
import type {
  ConfState,
  Entry,
  HardState,
  Message,
  NodeId,
  Role,
  Snapshot,
  SoftState,
} from './types.ts';

/** The read with `ticket` may be served once the machine applied `index`. */
export interface ReadState {
  readonly ticket: number;
  readonly index: number;
}

/** The read with `ticket` gets no index: ask again. */
export interface ReadDrop {
  readonly ticket: number;
  readonly reason: ReadRefusal;
}

/**
 * Work for the host, in this order: make `snapshot`, then `hardState` and `entries` durable (with a
 * sync if `mustSync`), send `messages`, apply `committedEntries`, then `advance()`. The snapshot
 * comes first, because the hard state counts on it and the entries follow it: after a crash in
 * between, the old log is still whole.
 *
 * With `asyncStorageWrites` the durable part and the applying are told by messages to the pseudo
 * nodes instead; `messages` may leave at once, and the `responses` in them are due when their work
 * is done. Work of one kind is done in order; entries to apply that a snapshot restored meanwhile
 * covers are skipped.
 */
export interface Ready {
  /** Undefined when unchanged since the Ready before. Volatile. */
  readonly softState: SoftState | undefined;
  readonly hardState: HardState | undefined;
  readonly readStates: readonly ReadState[];
  readonly readDrops: readonly ReadDrop[];
  readonly entries: readonly Entry[];
  readonly snapshot: Snapshot | undefined;
  readonly committedEntries: readonly Entry[];
  readonly messages: readonly Message[];
  readonly fetches: readonly LogFetch[];
  /** Entries, a new term or vote, or a snapshot: they must survive before anyone hears of it. */
  readonly mustSync: boolean;
  /** The same without regard to the snapshot, as etcd counts it. */
  readonly mustSyncLog: boolean;
}

export type ProgressState = 'probe' | 'replicate' | 'snapshot';

export interface PeerStatus {
  readonly id: NodeId;
  readonly state: ProgressState;
  readonly match: number;
  readonly next: number;
  readonly isLearner: boolean;
  readonly isPaused: boolean;
  readonly isRecentlyActive: boolean;
  /** 0 unless a snapshot is on its way. */
  readonly pendingSnapshot: number;
  readonly inflightMessages: number;
  readonly isInflightFull: boolean;
}

export interface BasicStatus {
  readonly id: NodeId;
  readonly role: Role;
  readonly term: number;
  readonly vote: NodeId;
  readonly lead: NodeId;
  readonly firstIndex: number;
  readonly lastIndex: number;
  readonly commit: number;
  readonly applied: number;
  readonly config: ConfState;
  readonly transferee: NodeId;
  readonly electionElapsedTicks: number;
  readonly electionTimeoutTicks: number;
}

/** `peers` ascends by id; only a leader has any. */
export interface Status extends BasicStatus {
  readonly peers: readonly PeerStatus[];
}

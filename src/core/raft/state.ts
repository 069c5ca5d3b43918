// The state of one replica and the two outboxes through which it speaks. The other files of this
// folder are the rules that change it: each takes the state as its first argument.

import { assert } from '../../base/assert.ts';
import { type RaftConfig, type Settings, settle } from './config.ts';
import { restoreConfig } from './config-change.ts';
import type { RaftEvent } from './events.ts';
import { RaftLog, reaches } from './log.ts';
import type { LogFetch } from './log-source.ts';
import { type Draft, draftMessage } from './message.ts';
import type { ReadDrop, ReadState } from './outputs.ts';
import { ReadRounds } from './read-rounds.ts';
import { Tracker } from './tracker.ts';
import {
  type HardState,
  type Message,
  type MessageKind,
  NO_NODE,
  type NodeId,
  type Role,
} from './types.ts';

export class RaftState {
  readonly id: NodeId;
  readonly settings: Settings;
  readonly log: RaftLog;
  readonly tracker: Tracker;

  // --- durable, with the log's commit index: HardState ------------------------------------------

  /** [R3] Never falls. */
  term = 0;
  /** Who got our vote in `term`. [R4] Once given, it stands until the term changes. */
  vote: NodeId = NO_NODE;

  // --- role -------------------------------------------------------------------------------------

  role: Role = 'follower';
  /** Who leads `term`, as far as known. */
  lead: NodeId = NO_NODE;
  /** Ticks since the last sign of a leader or, for leaders, since the last quorum check. */
  electionElapsed = 0;
  heartbeatElapsed = 0;
  /** Drawn anew on every change of role or term: [E, 2E-1]. */
  electionTimeout = 0;

  // --- leader only ------------------------------------------------------------------------------

  /** The first index of the leader's own term: from here on, its log may be committed by count. */
  termStartIndex = 0;
  /** [R42] A config change may stand up to this index: no other is accepted until it is applied. */
  pendingConfIndex = 0;
  /** Payload bytes proposed and not yet applied. */
  uncommittedBytes = 0;
  transferee: NodeId = NO_NODE;
  /** Ticks since this node became leader. */
  leaderTicks = 0;
  /** `leaderTicks` when the last confirmed round was sent; -Infinity before the first one. */
  leaseStart = Number.NEGATIVE_INFINITY;
  /** [R54] A TimeoutNow of ours is out: whoever gets it may be elected in spite of leases. */
  isLeaseForfeited = false;
  readonly reads: ReadRounds;

  // --- effects that wait for a Ready ------------------------------------------------------------

  /** May leave at once. */
  messages: Message[] = [];
  /** [R10] Promises: they leave only after everything in the same Ready is durable. */
  messagesAfterAppend: Message[] = [];
  readStates: ReadState[] = [];
  readDrops: ReadDrop[] = [];
  fetches: LogFetch[] = [];
  /** A campaign that waits for log entries. */
  postponedCampaign: 'none' | 'ordinary' | 'forced' = 'none';
  /** No committed entry up to here is an unapplied config change: what a campaign scanned. */
  scannedTo = 0;
  /** [R55] Ticks for which a restarted node keeps the lease that it may have granted before. */
  restartLeaseTicks = 0;
  #nextTicket = 0;

  constructor(config: RaftConfig) {
    this.settings = settle(config);
    this.id = config.id;
    this.log = new RaftLog(config.log, this.settings.applyBytesMax);
    this.reads = new ReadRounds(this.settings.pendingReadsMax);
    const { confState, hardState } = config.log.initialState();
    const limits = {
      messagesMax: this.settings.inflightMessagesMax,
      bytesMax: this.settings.inflightBytesMax,
    };
    const restored = restoreConfig(confState, this.log.lastIndex(), limits);
    assert(restored !== undefined, '[R41] the stored config is consistent');
    this.tracker = new Tracker(limits, restored.config, restored.peers);
    this.#load(hardState);
    this.#loadApplied(this.settings.appliedIndex);
    if (this.settings.reads === 'lease' && this.term > 0) {
      this.restartLeaseTicks = this.settings.electionTicks;
    }
  }

  /** The log may know of more commits than the state: what is compacted was committed. */
  #load({ term, vote, commit }: HardState): void {
    assert(commit <= this.log.lastIndex(), '[R22] the stored log holds what is committed');
    this.log.commitTo(commit);
    this.term = term;
    this.vote = vote;
  }

  /**
   * [R22] The machine may be ahead of the stored commit index, which is not synced: what it applied
   * was committed.
   */
  #loadApplied(index: number): void {
    if (index <= this.log.applied) return;
    assert(index <= this.log.lastIndex(), '[R22] the machine applied nothing that the log lacks');
    this.log.commitTo(index);
    this.log.appliedTo(index, 0);
  }

  get hardState(): HardState {
    return { term: this.term, vote: this.vote, commit: this.log.committed };
  }

  isLeader(): boolean {
    return this.role === 'leader';
  }

  /**
   * May campaign: a voter by its own config, not about to become another one, and not in need of
   * more to give its own vote to itself [R48].
   */
  isPromotable(): boolean {
    const self = this.tracker.progress(this.id);
    if (self === undefined || self.isLearner) return false;
    if (this.log.unstable.snapshot !== undefined) return false;
    return reaches(this.log.lastId(), this.settings.voteFloor);
  }

  /** [R52] The leader's commit index is known to be current. */
  hasCommittedOwnTerm(): boolean {
    assert(this.isLeader(), '[R52] only a leader has a term of its own');
    return this.log.committed >= this.termStartIndex;
  }

  drawElectionTimeout(): void {
    const ticks = this.settings.electionTicks;
    this.electionTimeout = ticks + this.settings.random.below(ticks);
    assert(this.electionTimeout < ticks * 2, 'the timeout is drawn from [E, 2E-1]');
  }

  /** Unique across restarts: an answer to a question of our former life must not fit a new one. */
  drawTicket(): number {
    if (this.#nextTicket === 0)
      this.#nextTicket = 1 + this.settings.random.below(2 ** 30) * 2 ** 22;
    const ticket = this.#nextTicket;
    assert(Number.isSafeInteger(ticket), '[R50] tickets never run out');
    this.#nextTicket += 1;
    return ticket;
  }

  // --- speaking ---------------------------------------------------------------------------------

  /** A message of our term to `to`, to be filled in and posted. */
  draft(kind: MessageKind, to: NodeId): Draft {
    assert(to !== NO_NODE, '[R11] messages go to a node');
    return draftMessage(kind, this.id, to, this.term);
  }

  /** Leaves as soon as the host takes it. */
  post(message: Message): void {
    assert(message.to !== this.id && message.to > NO_NODE, '[R11] messages go to other nodes');
    this.messages.push(message);
  }

  /** Leaves when term, vote and entries as they stand now are durable. May go to ourselves. */
  postWhenDurable(message: Message): void {
    assert(message.to > NO_NODE, '[R11] promises are made to a node');
    this.messagesAfterAppend.push(message);
  }

  emit(event: RaftEvent): void {
    this.settings.onEvent?.(event);
  }
}

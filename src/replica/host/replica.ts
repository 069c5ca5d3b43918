// One shard's replica: its core, and all that the core is wired to. Inputs come in at any time;
// `work` is called once per turn for those that have any, and does what the core asks for.

import { assert } from '../../base/assert.ts';
import { LIMITS } from '../../base/limits.ts';
import {
  APPEND_THREAD,
  APPLY_THREAD,
  type ConfChange,
  type Entry,
  type LogFetch,
  type Message,
  NO_NODE,
  RaftCore,
  type RaftEvent,
  type Ready,
  type Role,
  type Snapshot,
  type StepOutcome,
  type TransferOutcome,
} from '../../core/raft/index.ts';
import type { MemberId } from '../../engine/transport/index.ts';
import type { ShardId } from '../../engine/wal/index.ts';
import type { Snapshots } from '../snapshots/index.ts';
import {
  encodeShardCommand,
  isCommand,
  knowsSeveral,
  type ReplicaState,
  type ShardCommand,
} from '../state/index.ts';
import type { ReadLevel, ShardStatus, WriteRefusal } from '../types.ts';
import { Admission, type MemberLoad } from './admission.ts';
import type { Answers, ReadDone, WriteDone } from './answers.ts';
import { Applying } from './applying.ts';
import { describeStop, ReplicaCondition, type StopReason } from './condition.ts';
import { HardStateMemory, type LogWriter, type LogWriterClient } from './log-writer.ts';
import type { HostParts } from './ports.ts';
import { Proposals } from './proposals.ts';
import { Reads } from './reads.ts';
import { isRedundant } from './redundant-messages.ts';
import { ReplicaLog } from './replica-log.ts';
import type { HostSettings } from './settings.ts';
import type { StoreBurden } from './store-burden.ts';
import type { Ticker } from './ticker.ts';
import type { Turn, TurnMember } from './turn.ts';

/** Readys of one shard in one turn: then the others, and the sockets, get theirs. */
const READYS_MAX = 8;
const NOTHING_PROMISED = { index: 0, term: 0 };

/** The surroundings of a replica on its member: everything that is shared between shards. */
export interface ReplicaContext {
  readonly parts: HostParts;
  readonly settings: HostSettings;
  readonly load: MemberLoad;
  readonly burden: Pick<StoreBurden, 'holdsBack'>;
  readonly answers: Answers;
  readonly logWriter: Pick<LogWriter, 'add' | 'isBehind'>;
  readonly snapshots: Pick<Snapshots, 'latest'>;
  readonly outbox: { post(shard: ShardId, message: Message): void };
  readonly turn: Pick<Turn, 'mark' | 'nowMs' | 'schedule'>;
  readonly ticker: Pick<Ticker, 'isCurrent'>;
  readonly events: ReplicaEvents;
}

/** The events of a replica that others act upon. */
export interface ReplicaEvents {
  /** [H90] What `error` says is a bug: the replica stops. */
  onBroken(replica: Replica, error: unknown): void;
  /** It hibernates, and has to wake. */
  onWake(replica: Replica): void;
  onTicked(replica: Replica, nowMs: number): void;
  /** Its core lacks entries that are on the disk. */
  onFetch(replica: Replica, fetch: LogFetch): void;
  /** Its state moved on: its log may be cut one day. */
  onApplied(replica: Replica): void;
}

export class Replica implements LogWriterClient, TurnMember {
  readonly shard: ShardId;
  readonly core: RaftCore;
  readonly data: ReplicaState;
  readonly log: ReplicaLog;
  readonly proposals: Proposals;
  readonly reads: Reads;
  readonly condition: ReplicaCondition;
  isMarked = false;
  readonly #context: ReplicaContext;
  readonly #hardState: HardStateMemory;
  readonly #applying: Applying;
  /** Ticks without anything that the shard was there for. */
  #idleTicks = 0;
  #isRestoring = false;
  #lastContradiction = '';

  constructor(context: ReplicaContext, shard: ShardId, data: ReplicaState) {
    const { parts, settings } = context;
    this.#context = context;
    this.shard = shard;
    this.data = data;
    this.log = new ReplicaLog(parts.wal.shard(shard), data, context.snapshots);
    this.condition = new ReplicaCondition(this.log.wal.isWhole() ? 'whole' : 'repairing');
    this.#hardState = new HardStateMemory(this.log.wal.initialState().hardState);
    const admission = new Admission(context.load, settings.commandBytesMax);
    this.proposals = new Proposals(admission, context.answers, settings.commandBytesMax);
    const retryMs = settings.electionTicks * settings.tickMs;
    const timing = { timeoutMs: settings.readTimeoutMs, retryMs };
    this.reads = new Reads(context.answers, timing, context.load, {
      wait: (topic, wake) => {
        // [H45] Nobody would tell it that its time is over.
        this.wake();
        return parts.feed.wait(shard, topic, wake);
      },
      onReady: () => this.mark(),
    });
    this.core = this.#newCore();
    this.#applying = new Applying({
      shard,
      core: this.core,
      data,
      log: this.log,
      proposals: this.proposals,
      burden: context.burden,
      journal: parts.log,
      onApplied: () => {
        this.noteBusy();
        context.events.onApplied(this);
      },
    });
  }

  #newCore(): RaftCore {
    const { parts, settings } = this.#context;
    const limits = LIMITS.replica;
    return new RaftCore({
      id: parts.member,
      log: this.log,
      random: parts.random,
      electionTicks: settings.electionTicks,
      heartbeatTicks: settings.heartbeatTicks,
      appliedIndex: this.data.applied().index,
      appendBytesMax: limits.appendBytesMax,
      applyBytesMax: limits.applyBytesMax,
      uncommittedBytesMax: limits.shardWaitingBytesMax,
      inflightMessagesMax: limits.inflightMessagesMax,
      inflightBytesMax: limits.inflightBytesMax,
      pendingReadsMax: limits.readsWaitingMax,
      reads: settings.leases ? 'lease' : 'safe',
      asyncStorageWrites: true,
      forwardProposals: false,
      eagerCommits: false,
      // [H95] It may have been here before.
      voteFloor: parts.states.former(this.shard)?.last ?? NOTHING_PROMISED,
      onEvent: this.#onEvent,
    });
  }

  readonly #onEvent = (event: RaftEvent): void => {
    if (event.kind === 'snapshotRestored') this.#isRestoring = true;
    else if (event.kind === 'contradiction') this.#lastContradiction = event.detail;
  };

  // --- inputs -----------------------------------------------------------------------------------

  get isRunning(): boolean {
    return this.condition.isRunning;
  }

  get isLeader(): boolean {
    return this.condition.isLeader;
  }

  /** The leader that it follows, itself included, as of the last Ready. */
  get leader(): MemberId {
    return this.condition.leader;
  }

  get idleTicks(): number {
    return this.#idleTicks;
  }

  /** Something happened that the shard is there for. */
  noteBusy(): void {
    this.#idleTicks = 0;
  }

  /** There is something to do at the end of the turn. */
  mark(): void {
    this.#context.turn.mark(this);
  }

  /** Harmless when it is awake. */
  wake(): void {
    if (this.condition.isHibernating) this.#context.events.onWake(this);
  }

  propose(payload: Uint8Array, done: WriteDone): void {
    const { answers, turn } = this.#context;
    const { activity, isLeader, leader } = this.condition;
    this.wake();
    this.mark();
    if (!isLeader) {
      answers.refuseWrite(done, leader === NO_NODE ? 'noLeader' : 'notLeader', leader);
      return;
    }
    const refusal = this.#refusal() ?? this.#admit(payload, done);
    if (refusal === undefined) return;
    const isLeaving = activity.kind === 'leaving' && turn.nowMs < activity.untilMs;
    const isMoving = refusal === 'diskFull' && isLeaving;
    answers.refuseWrite(done, isMoving ? 'transferring' : refusal, leader);
  }

  /** [H20] Why no proposals are taken now: more would only wait. */
  #refusal(): WriteRefusal | undefined {
    const { burden, parts } = this.#context;
    // A muted leader's proposals would only wait until it is deposed.
    if (this.condition.isMuted) return 'overloaded';
    if (!parts.wal.hasRoom) return 'diskFull';
    return burden.holdsBack(this.data) ? 'overloaded' : undefined;
  }

  #admit(payload: Uint8Array, done: WriteDone): WriteRefusal | undefined {
    return isCommand(payload) ? this.proposals.add(payload, done) : 'malformed';
  }

  /**
   * A command of the host itself: what became of it shows in the state. False when it was refused
   * at once; whoever proposed it looks again.
   */
  proposeOwn(command: ShardCommand, done: WriteDone = noteNothing): boolean {
    if (!this.isLeader || this.#refusal() !== undefined) return false;
    this.wake();
    this.mark();
    const payload = encodeShardCommand(command, this.#context.parts.clock.wallMs());
    return this.proposals.add(payload, done) === undefined;
  }

  changeConfig(change: ConfChange, done: WriteDone): void {
    this.wake();
    this.mark();
    const refusal = this.proposals.addChange(change, done);
    if (refusal !== undefined) this.#context.answers.refuseWrite(done, refusal, this.leader);
  }

  read(level: ReadLevel, question: Uint8Array, done: ReadDone, nowMs: number): void {
    if (level !== 'local') this.wake();
    this.mark();
    const refusal = this.reads.add(level, question, done, nowMs);
    if (refusal !== undefined) this.#context.answers.refuseRead(done, refusal, this.leader);
  }

  transferLeader(to: MemberId): TransferOutcome {
    this.wake();
    this.mark();
    return this.core.transferLeader(to);
  }

  /** [H70] [H72] Hands over of its own accord: a transfer has one election timeout. */
  leave(to: MemberId): void {
    const { settings, turn } = this.#context;
    this.transferLeader(to);
    this.condition.becomeLeaving(turn.nowMs + settings.electionTicks * settings.tickMs);
  }

  /** A message of a peer. */
  step(message: Message): StepOutcome {
    try {
      if (!isLateAnswer(message)) this.wake();
      const outcome = this.#step(message);
      if (this.core.hasReady()) {
        this.wake();
        this.mark();
      }
      return outcome;
    } catch (error) {
      this.#context.events.onBroken(this, error);
      return 'dropped';
    }
  }

  #step(message: Message): StepOutcome {
    // [H60] A replica with holes could not serve those who follow it.
    if (this.condition.lacksEntries && message.kind === 'timeoutNow') return 'dropped';
    if (message.kind === 'append' && message.entries.length > 0) {
      if (this.#context.logWriter.isBehind || this.#context.parts.wal.isCramped) return 'dropped';
      if (this.#isBeyondLog(message.entries)) return 'contradiction';
      this.noteBusy();
    }
    // [H44] Whether the time was known when the core answered, nobody can tell the asker.
    if (message.kind === 'readIndex') return this.core.step({ ...message, forced: true });
    return this.core.step(message);
  }

  /**
   * [H92] A leads and takes commands that fit its log and not ours: our settings and its differ.
   * The shard then goes on without us; to append them would end this member.
   */
  #isBeyondLog(entries: readonly Entry[]): boolean {
    const { payloadBytesMax } = this.#context.parts.wal;
    if (payloadBytesMax >= LIMITS.replica.payloadBytesMax) return false;
    const beyond = entries.find(({ payload }) => payload.length > payloadBytesMax);
    if (beyond === undefined) return false;
    const { length } = beyond.payload;
    this.#lastContradiction = `an entry of ${length} bytes, the log takes ${payloadBytesMax}`;
    return true;
  }

  /** The contradiction that the core found in the last message. */
  get lastContradiction(): string {
    return this.#lastContradiction;
  }

  /** [H52] The state of `message.snapshot` is staged. True if the core takes it over. */
  stepSnapshot(message: Message): boolean {
    assert(message.snapshot !== undefined, '[H52] a state comes with its snapshot');
    this.#isRestoring = false;
    this.core.step(message);
    return this.#isRestoring;
  }

  /** The state that was on its way to `to` is there, or will not be. */
  snapshotSent(to: MemberId, isWhole: boolean): void {
    this.core.reportSnapshot(to, isWhole);
    this.mark();
  }

  // --- time -------------------------------------------------------------------------------------

  tick(nowMs: number): void {
    const { condition } = this;
    assert(!condition.isHibernating, '[H80] a replica that hibernates does not tick');
    try {
      this.#idleTicks += 1;
      const { activity } = condition;
      if (activity.kind === 'leaving' && nowMs >= activity.untilMs) condition.becomeAwake();
      this.proposals.sweep(nowMs);
      this.reads.sweep(nowMs);
      this.#tickCore();
      this.#context.events.onTicked(this, nowMs);
      if (this.hasWork) this.mark();
    } catch (error) {
      this.#context.events.onBroken(this, error);
    }
  }

  /** [H33] It leads, and this tick should have come earlier. */
  tickLate(): void {
    try {
      this.core.tickLate();
      if (this.core.hasReady()) this.mark();
    } catch (error) {
      this.#context.events.onBroken(this, error);
    }
  }

  /** [H83] It leads, and slept through `ticks`. */
  rested(ticks: number): void {
    try {
      this.core.leaderRested(ticks);
      this.mark();
    } catch (error) {
      this.#context.events.onBroken(this, error);
    }
  }

  /** A follower makes up for `ticks` that it slept through. */
  tickMissed(ticks: number): void {
    const { electionTicks } = this.#context.settings;
    assert(
      ticks >= 0 && ticks <= electionTicks,
      '[H31] an election timeout is made up for at most',
    );
    try {
      for (let i = 0; i < ticks; i++) this.#tickCore();
      if (this.core.hasReady()) this.mark();
    } catch (error) {
      this.#context.events.onBroken(this, error);
    }
  }

  #tickCore(): void {
    // [H60] Its clock must run on, or it would keep the lease it may have granted before a restart.
    if (this.condition.lacksEntries) this.core.setElectionTimeout(NEVER_TICKS);
    this.core.tick();
  }

  /** The log is whole again. */
  repaired(): void {
    assert(this.log.wal.isWhole(), '[H60] a repair ends when no entry is missing');
    this.condition.becomeWhole();
    const { electionTicks } = this.#context.settings;
    const { random } = this.#context.parts;
    this.core.setElectionTimeout(electionTicks + random.below(electionTicks));
    this.mark();
  }

  /** Whether `work` would find anything to do. */
  get hasWork(): boolean {
    return this.#applying.canApply || this.core.hasReady() || this.reads.isGathering;
  }

  // --- a turn -----------------------------------------------------------------------------------

  /** [H90] A bug in one shard's core or machine stops that shard, and nothing else. */
  work(nowMs: number): void {
    try {
      this.#work(nowMs);
    } catch (error) {
      this.#context.events.onBroken(this, error);
    }
  }

  /** In this very turn: later, other fetches may have pushed the entries out of memory. */
  workWith(fetched: LogFetch, nowMs: number): void {
    try {
      this.core.logFetched(fetched);
      this.#work(nowMs);
    } catch (error) {
      this.#context.events.onBroken(this, error);
    }
  }

  #work(nowMs: number): void {
    const { condition, core, proposals, reads } = this;
    // [H98] What it has applied the shard agreed on: entries from here on stand behind the raise.
    const mayPack = knowsSeveral(this.data.editions());
    // The leader's clock is what the shard takes for time.
    proposals.hand(core, this.leader, mayPack, this.#context.parts.clock.wallMs());
    reads.hand(core, this.leader, nowMs);
    this.#applying.applyQueued();
    for (let i = 0; i < READYS_MAX && core.hasReady(); i++) {
      this.#take(core.ready());
      this.#applying.applyQueued();
    }
    if (this.hasWork) this.mark();
    reads.serve(this.data);
    if (reads.isCutShort) this.mark();
    condition.assertSound();
  }

  #take(ready: Ready): void {
    if (ready.softState !== undefined) this.#switchRole(ready.softState.role, ready.softState.lead);
    for (const drop of ready.readDrops) this.reads.drop(drop, this.leader);
    if (ready.readStates.length > 0) {
      const isTimeKnown = this.#context.ticker.isCurrent(this.#context.parts.clock.monotonicMs());
      for (const state of ready.readStates) this.reads.confirm(state, isTimeKnown);
    }
    for (const fetch of ready.fetches) this.#context.events.onFetch(this, fetch);
    const { messages } = ready;
    for (let i = 0; i < messages.length; i++) {
      const message = messages[i] as Message;
      if (message.to === APPEND_THREAD) {
        if (message.entries.length > 0) this.noteBusy();
        this.#context.logWriter.add(this, message, this.#hardState);
      } else if (message.to === APPLY_THREAD) this.#applying.add(message);
      else if (!isRedundant(messages, i)) this.#post(message);
    }
  }

  #post(message: Message): void {
    if (!this.condition.isMuted) this.#context.outbox.post(this.shard, message);
  }

  #switchRole(role: Role, leader: MemberId): void {
    const { parts, settings, turn } = this.#context;
    if (this.isLeader && role !== 'leader') {
      this.proposals.orphan(turn.nowMs + settings.orphanTimeoutMs);
    }
    if (leader !== this.leader) parts.log.info('leader changed', { shard: this.shard, leader });
    assert(role !== 'leader' || leader === this.core.id, 'a leader follows itself');
    this.condition.becomeRole(role, leader);
  }

  stored(work: Message): void {
    if (!this.isRunning) return;
    try {
      this.#keepPromises(work);
    } catch (error) {
      this.#context.events.onBroken(this, error);
    }
  }

  /** The log has what a Ready wanted written: what was promised for it holds now. */
  #keepPromises(work: Message): void {
    if (work.snapshot !== undefined) this.#install(work.snapshot);
    const { responses } = work;
    for (let i = 0; i < responses.length; i++) {
      const response = responses[i] as Message;
      if (response.to === this.core.id) this.core.step(response);
      else if (!isRedundant(responses, i)) this.#post(response);
    }
    this.mark();
  }

  /** [H51] The log has the snapshot: from here on the state is the snapshot's. */
  #install(snapshot: Snapshot): void {
    assert(this.data.install(snapshot), '[H52] what the core restores was staged before');
    assert(this.data.unsupported === undefined, '[M6] a state is of an edition that is known');
    assert(this.data.applied().index === snapshot.index, '[H51] a state is that of its snapshot');
    this.log.configIndex = snapshot.index;
    this.proposals.skipTo(snapshot.index);
    this.#context.events.onApplied(this);
  }

  // --- the end ---------------------------------------------------------------------------------

  stop(reason: StopReason): void {
    this.condition.becomeStopped(reason);
    this.proposals.stop();
    this.reads.stop();
    assert(this.proposals.isEmpty && this.reads.isEmpty, '[H91] nobody waits for a stopped shard');
  }

  status(): ShardStatus {
    const { commit, config, firstIndex, lastIndex, lead, role, term } = this.core.basicStatus();
    return {
      shard: this.shard,
      role,
      term,
      leader: lead,
      commit,
      applied: this.data.applied(),
      firstIndex,
      lastIndex,
      config,
      isHibernating: this.condition.isHibernating,
      lostEntries: this.#lostEntries,
      isUnrepairable: this.condition.isUnrepairable,
      waitsFor: this.#waitsFor(lead),
    };
  }

  get #lostEntries(): number {
    return this.isRunning ? this.log.wal.holes.size : 0;
  }

  #waitsFor(lead: MemberId): string | undefined {
    const { value } = this.condition;
    if (value.kind === 'stopped') return describeStop(value.reason);
    const lost = this.#lostEntries;
    if (lost > 0) {
      const entries = `${lost} lost log entries`;
      const isInVain = value.log === 'unrepairable';
      return isInVain ? `${entries}, which no peer has` : `${entries} from a peer`;
    }
    if (this.condition.isMutedFor('slowDisk')) return 'its disk, which does not answer';
    if (lead === NO_NODE) return 'a leader';
    return undefined;
  }
}

/** Answers to what was sent before a shard began to hibernate: no reason to wake it. */
function isLateAnswer({ kind }: Message): boolean {
  return kind === 'heartbeatResponse' || kind === 'appendResponse';
}

function noteNothing(): void {}

const NEVER_TICKS = 2 ** 40;

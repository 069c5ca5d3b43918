// One shard's replica: its core, and all that the core is wired to. Inputs come in at any time;
// `work` is called once per turn for those that have any, and does what the core asks for.

import { LIMITS } from '../../base/limits.ts';
import {
  APPEND_THREAD,
  APPLY_THREAD,
  type ConfChange,
  type Entry,
  type Message,
  NO_NODE,
  RaftCore,
  type RaftEvent,
  type Ready,
  type Role,
  type StepOutcome,
} from '../../core/raft/index.ts';
import type { MemberId } from '../../engine/transport/index.ts';
import type { ShardId } from '../../engine/wal/index.ts';
import { type ReplicaState, stampCommand } from '../state/index.ts';
import type { ReadLevel, ShardStatus, WriteRefusal } from '../types.ts';
import { Admission } from './admission.ts';
import type { ReadDone, WriteDone } from './answers.ts';
import { Applying } from './applying.ts';
import type { ReplicaHome } from './home.ts';
import { HardStateMemory, type LogWriterClient } from './log-writer.ts';
import { Proposals } from './proposals.ts';
import { Reads } from './reads.ts';
import { isRedundant } from './redundant-messages.ts';
import { ReplicaLog } from './replica-log.ts';

/** Readys of one shard in one turn: then the others, and the sockets, get theirs. */
const READYS_MAX = 8;

export type Activity =
  | { readonly kind: 'awake' }
  /** A leader that asks its peers whether they agree to hibernate. */
  | { readonly kind: 'asking'; readonly agreed: Set<MemberId>; readonly index: number }
  /** Does not tick. `sinceMs`: the last tick. */
  | { readonly kind: 'hibernating'; readonly sinceMs: number };

export const AWAKE: Activity = { kind: 'awake' };

export class Replica implements LogWriterClient {
  readonly shard: ShardId;
  readonly core: RaftCore;
  readonly data: ReplicaState;
  readonly log: ReplicaLog;
  readonly phase: number;
  readonly proposals: Proposals;
  readonly reads: Reads;
  readonly #home: ReplicaHome<Replica>;
  readonly #hardState: HardStateMemory;
  readonly #applying: Applying;
  role: Role = 'follower';
  leader: MemberId = NO_NODE;
  isDirty = false;
  activity: Activity = AWAKE;
  /** Ticks without anything that the shard was there for. */
  idleTicks = 0;
  /** [H60] The log lacks entries that it must have: follows, but does not campaign. */
  hasHoles = false;
  /** [H61] And no peer that is there has them. */
  isUnrepairable = false;
  /** [H71] Leads, and its disk does not answer: nothing is sent any more. */
  isMutedForDisk = false;
  /** [H61] The same for a hole in its log, which keeps what others need from them. */
  isMutedForHole = false;
  /** [H72] Until then leadership is on its way to a voter whose disk has room. */
  leavesUntilMs = 0;
  /** Why it does not take part any more. */
  stopped: string | undefined;
  #isRestoring = false;
  #lastContradiction = '';

  constructor(home: ReplicaHome<Replica>, shard: ShardId, data: ReplicaState) {
    const { parts, settings } = home;
    this.#home = home;
    this.shard = shard;
    this.data = data;
    this.phase = shard % settings.phases;
    this.log = new ReplicaLog(parts.wal.shard(shard), data, home.snapshots);
    this.hasHoles = !this.log.wal.isWhole();
    this.#hardState = new HardStateMemory(this.log.wal.initialState().hardState);
    const admission = new Admission(home.load, settings.commandBytesMax);
    this.proposals = new Proposals(admission, home.answers);
    const retryMs = settings.electionTicks * settings.tickMs;
    const timing = { timeoutMs: settings.readTimeoutMs, retryMs };
    this.reads = new Reads(home.answers, timing, home.load);
    const limits = LIMITS.replica;
    this.core = new RaftCore({
      id: parts.member,
      log: this.log,
      random: parts.random,
      electionTicks: settings.electionTicks,
      heartbeatTicks: settings.heartbeatTicks,
      appliedIndex: data.applied().index,
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
      onEvent: this.#onEvent,
    });
    this.#applying = new Applying({
      shard,
      core: this.core,
      data,
      log: this.log,
      proposals: this.proposals,
      store: parts.store,
      journal: home.log,
      onApplied: () => {
        this.idleTicks = 0;
        home.noteApplied(this);
      },
    });
  }

  readonly #onEvent = (event: RaftEvent): void => {
    if (event.kind === 'snapshotRestored') this.#isRestoring = true;
    else if (event.kind === 'contradiction') this.#lastContradiction = event.detail;
  };

  // --- inputs -----------------------------------------------------------------------------------

  get isLeader(): boolean {
    return this.role === 'leader';
  }

  get isMuted(): boolean {
    return this.isMutedForDisk || this.isMutedForHole;
  }

  propose(payload: Uint8Array, done: WriteDone): void {
    const { answers } = this.#home;
    if (!this.isLeader) {
      const reason = this.leader === NO_NODE ? 'noLeader' : 'notLeader';
      answers.refuseWrite(done, reason, this.leader);
      return;
    }
    // What a muted leader takes would only wait until it is deposed.
    const refusal =
      (this.isMuted ? 'overloaded' : this.#home.refusal()) ?? this.#admit(payload, done);
    if (refusal === undefined) return;
    const isLeaving = refusal === 'diskFull' && this.#home.nowMs < this.leavesUntilMs;
    answers.refuseWrite(done, isLeaving ? 'transferring' : refusal, this.leader);
  }

  #admit(payload: Uint8Array, done: WriteDone): WriteRefusal | undefined {
    // The leader's clock is what the shard takes for time.
    const isWhole = stampCommand(payload, this.#home.parts.clock.wallMs());
    return isWhole ? this.proposals.add(payload, done) : 'malformed';
  }

  changeConfig(change: ConfChange, done: WriteDone): void {
    const refusal = this.proposals.addChange(change, done);
    if (refusal !== undefined) this.#home.answers.refuseWrite(done, refusal, this.leader);
  }

  read(level: ReadLevel, question: Uint8Array, done: ReadDone, nowMs: number): void {
    const refusal = this.reads.add(level, question, done, nowMs);
    if (refusal !== undefined) this.#home.answers.refuseRead(done, refusal, this.leader);
  }

  step(message: Message): StepOutcome {
    // [H60] Who has holes could not serve those who follow it.
    if (this.hasHoles && message.kind === 'timeoutNow') return 'dropped';
    if (message.kind === 'append' && message.entries.length > 0) {
      if (this.#home.logWriter.isBehind || this.#home.parts.wal.isCramped) return 'dropped';
      if (this.#isBeyondLog(message.entries)) return 'contradiction';
      this.idleTicks = 0;
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
    const { payloadBytesMax } = this.#home.parts.wal;
    if (payloadBytesMax >= LIMITS.replica.payloadBytesMax) return false;
    const beyond = entries.find(({ payload }) => payload.length > payloadBytesMax);
    if (beyond === undefined) return false;
    const { length } = beyond.payload;
    this.#lastContradiction = `an entry of ${length} bytes, the log takes ${payloadBytesMax}`;
    return true;
  }

  /** What the core found contradictory in the last message. */
  get lastContradiction(): string {
    return this.#lastContradiction;
  }

  /** [H52] The state of `message.snapshot` is staged. True if the core takes it over. */
  stepSnapshot(message: Message): boolean {
    this.#isRestoring = false;
    this.core.step(message);
    return this.#isRestoring;
  }

  tick(nowMs: number): void {
    this.idleTicks += 1;
    this.proposals.sweep(nowMs);
    this.reads.sweep(nowMs);
    this.tickCore();
  }

  tickCore(): void {
    // [H60] Its clock must run on, or it would keep the lease it may have granted before a restart.
    if (this.hasHoles) this.core.setElectionTimeout(NEVER_TICKS);
    this.core.tick();
  }

  /** The log is whole again. */
  repaired(): void {
    this.hasHoles = false;
    this.isUnrepairable = false;
    this.isMutedForHole = false;
    const { electionTicks } = this.#home.settings;
    const { random } = this.#home.parts;
    this.core.setElectionTimeout(electionTicks + random.below(electionTicks));
  }

  /** Whether `work` would find anything to do. */
  get hasWork(): boolean {
    return this.#applying.canApply || this.core.hasReady() || this.reads.isGathering;
  }

  // --- a turn -----------------------------------------------------------------------------------

  work(nowMs: number): void {
    const { core, proposals, reads } = this;
    proposals.hand(core, this.leader);
    reads.hand(core, this.leader, nowMs);
    this.#applying.applyQueued();
    for (let i = 0; i < READYS_MAX && core.hasReady(); i++) {
      this.#take(core.ready());
      this.#applying.applyQueued();
    }
    if (this.hasWork) this.#home.markDirty(this);
    reads.serve(this.data);
    if (reads.isCutShort) this.#home.markDirty(this);
  }

  #take(ready: Ready): void {
    if (ready.softState !== undefined) this.#switchRole(ready.softState.role, ready.softState.lead);
    for (const drop of ready.readDrops) this.reads.drop(drop, this.leader);
    if (ready.readStates.length > 0) {
      const isTimeKnown = this.#home.isTimeKnown();
      for (const state of ready.readStates) this.reads.confirm(state, isTimeKnown);
    }
    for (const fetch of ready.fetches) this.#home.fetch(this, fetch);
    const { messages } = ready;
    for (let i = 0; i < messages.length; i++) {
      const message = messages[i] as Message;
      if (message.to === APPEND_THREAD) {
        if (message.entries.length > 0) this.idleTicks = 0;
        this.#home.logWriter.add(this, message, this.#hardState);
      } else if (message.to === APPLY_THREAD) this.#applying.add(message);
      else if (!isRedundant(messages, i)) this.#post(message);
    }
  }

  #post(message: Message): void {
    if (!this.isMuted) this.#home.outbox.post(this.shard, message);
  }

  #switchRole(role: Role, leader: MemberId): void {
    const { log, settings, nowMs } = this.#home;
    if (this.isLeader && role !== 'leader') this.proposals.orphan(nowMs + settings.orphanTimeoutMs);
    if (leader !== this.leader) log.info('leader changed', { shard: this.shard, leader });
    this.role = role;
    this.leader = leader;
    if (role !== 'leader') this.isMutedForDisk = this.isMutedForHole = false;
  }

  stored(work: Message): void {
    if (this.stopped !== undefined) return;
    try {
      this.#keepPromises(work);
    } catch (error) {
      this.#home.stopBroken(this, error);
    }
  }

  /** The log has what a Ready wanted written: what was promised for it holds now. */
  #keepPromises(work: Message): void {
    if (work.snapshot !== undefined) this.#home.install(this, work.snapshot);
    const { responses } = work;
    for (let i = 0; i < responses.length; i++) {
      const response = responses[i] as Message;
      if (response.to === this.core.id) this.core.step(response);
      else if (!isRedundant(responses, i)) this.#post(response);
    }
    this.#home.markDirty(this);
  }

  /** [H51] The log has the snapshot: its state is the shard's from now on. */
  installed(index: number): void {
    this.log.configIndex = index;
    this.proposals.skipTo(index);
  }

  // --- the rest ---------------------------------------------------------------------------------

  stop(reason: string): void {
    this.stopped = reason;
    this.proposals.stop();
    this.reads.stop();
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
      isHibernating: this.activity.kind === 'hibernating',
      waitsFor: this.#waitsFor(lead),
    };
  }

  #waitsFor(lead: MemberId): string | undefined {
    if (this.stopped !== undefined) return this.stopped;
    const lost = this.log.wal.holes.size;
    if (lost > 0) {
      const entries = `${lost} lost log entries`;
      return this.isUnrepairable ? `${entries}, which no peer has` : `${entries} from a peer`;
    }
    if (this.isMutedForDisk) return 'its disk, which does not answer';
    if (lead === NO_NODE) return 'a leader';
    return undefined;
  }
}

const NEVER_TICKS = 2 ** 40;

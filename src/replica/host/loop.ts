// The loop over all replicas of a member. Inputs mark their shards; at the end of the turn the work
// of all marked shards is done together: one append to the log, one frame per peer and lane, then
// the answers.

import { assert, must } from '../../base/assert.ts';
import type { Clock, Log } from '../../base/capabilities.ts';
import { type LogFetch, type Message, type Snapshot } from '../../core/raft/index.ts';
import type { MemberId } from '../../engine/transport/index.ts';
import type { ShardId, Wal } from '../../engine/wal/index.ts';
import { Outbox } from '../codec/index.ts';
import { openSnapshots, type Snapshots } from '../snapshots/index.ts';
import type { WriteRefusal } from '../types.ts';
import { MemberLoad } from './admission.ts';
import { Answers } from './answers.ts';
import { Compaction, type CompactionHome } from './compaction.ts';
import { DurableAnswers, type DurableAnswersHome } from './durable-answers.ts';
import { FullDisk, type FullDiskHome } from './full-disk.ts';
import { Hibernation, type HibernationHome } from './hibernation.ts';
import type { ReplicaHome } from './home.ts';
import { LogWriter } from './log-writer.ts';
import type { HostParts } from './ports.ts';
import { Repair, type RepairHome } from './repair.ts';
import { Replica } from './replica.ts';
import { Scrub, type ScrubHome } from './scrub.ts';
import type { HostSettings } from './settings.ts';
import { SlowDisk, type SlowDiskHome } from './slow-disk.ts';
import { SnapshotEvents, type SnapshotEventsHome } from './snapshot-events.ts';
import { Ticker } from './ticker.ts';

/** Ticks between two looks at what the logs could let go of. */
const COMPACTION_TICKS = 16;

type Homes = ReplicaHome<Replica> &
  HibernationHome &
  RepairHome &
  CompactionHome &
  SlowDiskHome &
  FullDiskHome &
  DurableAnswersHome &
  SnapshotEventsHome &
  ScrubHome;

export class Loop implements Homes {
  readonly parts: HostParts;
  readonly settings: HostSettings;
  readonly member: MemberId;
  readonly clock: Clock;
  readonly log: Log;
  readonly wal: Wal;
  readonly store: HostParts['store'];
  readonly peers: HostParts['peers'];
  readonly load = new MemberLoad();
  readonly answers = new Answers();
  readonly durableAnswers = new DurableAnswers(this);
  readonly logWriter: LogWriter;
  readonly snapshots: Snapshots;
  readonly outbox: Outbox;
  readonly hibernation: Hibernation;
  readonly repair: Repair;
  readonly fullDisk: FullDisk;
  readonly #compaction: Compaction;
  readonly #slowDisk: SlowDisk;
  readonly #ticker: Ticker;
  readonly #scrub: Scrub;
  readonly #replicas = new Map<ShardId, Replica>();
  readonly #phases: Replica[][];
  nowMs: number;
  #dirty: Replica[] = [];
  #isScheduled = false;
  #isClosed = false;

  constructor(parts: HostParts, settings: HostSettings) {
    this.parts = parts;
    this.settings = settings;
    this.member = parts.member;
    this.clock = parts.clock;
    this.log = parts.log;
    this.wal = parts.wal;
    this.store = parts.store;
    this.peers = parts.peers;
    this.nowMs = parts.clock.monotonicMs();
    this.logWriter = new LogWriter(
      parts.wal,
      // [H30] A leader that was stopped while its disk wrote has no lease any more, if it ever had.
      () => this.catchUp(),
      () => this.schedule(),
      ({ reason }) => this.fail(`the log has stopped: ${reason}`),
    );
    const snapshotEvents = new SnapshotEvents(this);
    this.snapshots = openSnapshots(parts, snapshotEvents);
    this.outbox = new Outbox(parts.peers, {
      onUnsent: (shard, peer) => this.#replicas.get(shard)?.core.reportUnreachable(peer),
      onSnapshot: (shard, message) => {
        const { to } = message;
        this.snapshots.send(to, shard, message, (isWhole) =>
          snapshotEvents.onSent(shard, to, isWhole),
        );
      },
    });
    this.hibernation = new Hibernation(this);
    this.repair = new Repair(this);
    this.#compaction = new Compaction(this);
    this.#slowDisk = new SlowDisk(this);
    this.fullDisk = new FullDisk(this);
    this.#phases = Array.from({ length: settings.phases }, () => []);
    this.#ticker = new Ticker(
      parts.clock,
      settings,
      (step) => this.#onStep(step),
      () => this.hibernation.count === this.#replicas.size,
    );
    this.#ticker.start();
    this.#scrub = new Scrub(this);
  }

  // --- replicas ---------------------------------------------------------------------------------

  get isClosed(): boolean {
    return this.#isClosed;
  }

  add(replica: Replica): void {
    this.#replicas.set(replica.shard, replica);
    this.#phaseOf(replica).push(replica);
    if (replica.hasHoles) this.repair.begin(replica, undefined);
    this.markDirty(replica);
  }

  /** [H60] Whoever reads a log may find that entries of it are lost. */
  noteRead(shard: ShardId): void {
    const replica = this.#replicas.get(shard);
    if (replica === undefined || replica.hasHoles || replica.log.wal.isWhole()) return;
    if (replica.stopped === undefined) this.repair.begin(replica, undefined);
  }

  replica(shard: ShardId): Replica | undefined {
    return this.#replicas.get(shard);
  }

  replicas(): Iterable<Replica> {
    return this.#replicas.values();
  }

  #phaseOf(replica: Replica): Replica[] {
    return must(this.#phases[replica.phase], 'every shard has a phase');
  }

  // --- the turn ---------------------------------------------------------------------------------

  schedule(): void {
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    this.clock.afterTurn(this.#turn);
  }

  markDirty(replica: Replica): void {
    if (replica.isDirty) return;
    replica.isDirty = true;
    this.#dirty.push(replica);
    this.schedule();
  }

  readonly #turn = (): void => {
    this.#isScheduled = false;
    if (!this.#isClosed) {
      this.catchUp();
      const dirty = this.#dirty;
      this.#dirty = [];
      for (const replica of dirty) {
        replica.isDirty = false;
        if (replica.stopped === undefined) this.#work(replica);
      }
      this.logWriter.flush(this.nowMs);
      this.outbox.flush();
      this.hibernation.flush();
    }
    this.answers.deliver();
    // What this turn had to say leaves with it: the next end of a turn is a round of events away.
    this.peers.flush();
  };

  /** [H90] A bug in one shard's core or machine stops that shard, and nothing else. */
  #work(replica: Replica, fetched?: LogFetch): void {
    try {
      if (fetched !== undefined) replica.core.logFetched(fetched);
      replica.work(this.nowMs);
    } catch (error) {
      this.stopBroken(replica, error);
    }
  }

  /** A message of a peer for one shard. */
  step(replica: Replica, message: Message): ReturnType<Replica['step']> {
    try {
      if (replica.activity.kind === 'hibernating' && !isLateAnswer(message)) this.wake(replica);
      const outcome = replica.step(message);
      if (replica.core.hasReady()) {
        this.wake(replica);
        this.markDirty(replica);
      }
      return outcome;
    } catch (error) {
      this.stopBroken(replica, error);
      return 'dropped';
    }
  }

  // --- time -------------------------------------------------------------------------------------

  /** [H30] Reads the clock, and makes the ticks that are due. */
  catchUp(): void {
    this.nowMs = this.clock.monotonicMs();
    this.#ticker.catchUp(this.nowMs);
  }

  isTimeKnown(): boolean {
    return this.#ticker.isCurrent(this.clock.monotonicMs());
  }

  #onStep(step: number): void {
    this.nowMs = this.clock.monotonicMs();
    this.#slowDisk.step(this.logWriter.waitedMs(this.nowMs));
    this.fullDisk.step(this.nowMs);
    for (const replica of must(this.#phases[step % this.settings.phases], 'a phase has a list')) {
      if (replica.activity.kind !== 'hibernating') this.#tick(replica);
    }
    this.hibernation.step(this.nowMs);
    if (step % (this.settings.phases * COMPACTION_TICKS) === 0) this.#compaction.step();
    if (!this.answers.isEmpty) this.schedule();
  }

  #tick(replica: Replica): void {
    try {
      replica.tick(this.nowMs);
      this.hibernation.ticked(replica, this.nowMs);
      if (replica.hasWork) this.markDirty(replica);
    } catch (error) {
      this.stopBroken(replica, error);
    }
  }

  tickMissed(replica: Replica, ticks: number): void {
    try {
      for (let i = 0; i < ticks; i++) replica.tickCore();
      if (replica.core.hasReady()) this.markDirty(replica);
    } catch (error) {
      this.stopBroken(replica, error);
    }
  }

  wake(replica: Replica): void {
    if (replica.activity.kind !== 'hibernating') return;
    this.hibernation.wake(replica, this.clock.monotonicMs());
  }

  // --- what replicas ask for --------------------------------------------------------------------

  /** [H20] What is full now, or behind: more would only wait. */
  refusal(): WriteRefusal | undefined {
    if (!this.wal.hasRoom) return 'diskFull';
    return this.store.isBehind ? 'overloaded' : undefined;
  }

  noteApplied(replica: Replica): void {
    this.#compaction.noteApplied(replica);
  }

  cut(replica: Replica, index: number): void {
    this.#compaction.cut(replica, index);
  }

  fetch(replica: Replica, fetch: LogFetch): void {
    const fetched = this.wal.fetch(replica.shard, fetch).then((outcome) => {
      if (this.#isClosed || replica.stopped !== undefined) return;
      if (outcome.kind === 'damaged') this.repair.begin(replica, fetch);
      else if (outcome.kind === 'failed') this.fail(`the log cannot be read: ${outcome.reason}`);
      else {
        // In this very turn: later, other fetches may have pushed the entries out of memory.
        this.#work(replica, fetch);
        // Sound entries were handed out; there may be a lost one behind them.
        this.noteRead(replica.shard);
        this.schedule();
      }
    });
    this.watch('reading the log', fetched);
  }

  repaired(replica: Replica, fetches: readonly LogFetch[]): void {
    for (const fetch of fetches) this.fetch(replica, fetch);
    this.markDirty(replica);
  }

  /** [H51] The log has it: from here on the state is the snapshot's. */
  install(replica: Replica, snapshot: Snapshot): void {
    assert(replica.data.install(snapshot), '[H52] what the core restores was staged before');
    replica.installed(snapshot.index);
    this.#compaction.noteApplied(replica);
  }

  // --- ends -------------------------------------------------------------------------------------

  stopBroken(replica: Replica, error: unknown): void {
    const reason = reasonOf(error);
    this.log.error('shard stopped', { shard: replica.shard, reason, stack: stackOf(error) });
    this.#stopReplica(replica, `a bug: ${reason}`);
    this.schedule();
  }

  /** [H62] [H63] What its core asked for goes to the log before anything else of the shard. */
  retire(replica: Replica, reason: string): void {
    this.logWriter.flush(this.nowMs);
    this.#stopReplica(replica, reason);
    this.schedule();
  }

  reopen({ data, shard, stopped }: Replica): void {
    assert(stopped !== undefined, '[H62] a shard has one core at a time');
    this.add(new Replica(this, shard, data));
  }

  #stopReplica(replica: Replica, reason: string): void {
    replica.stop(reason);
    this.hibernation.forget(replica);
    this.#compaction.forget(replica);
    this.#phases[replica.phase] = this.#phaseOf(replica).filter((other) => other !== replica);
  }

  /** [H91] Nobody waits for `work`: if it breaks, the member stops and says why. */
  watch(what: string, work: Promise<unknown>): void {
    work.catch((error: unknown) => {
      this.log.error('background work broke', { what, stack: stackOf(error) });
      this.fail(`${what}: ${reasonOf(error)}`);
    });
  }

  /** [H91] The member cannot go on: everyone who waits is told, then the member, once. */
  fail(reason: string): void {
    if (this.#isClosed) return;
    this.log.error('replicas stopped', { reason });
    this.close();
    this.clock.afterTurn(() => this.parts.onFatal(reason));
  }

  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#ticker.close();
    this.#scrub.close();
    this.snapshots.close();
    for (const replica of this.#replicas.values()) {
      if (replica.stopped === undefined) this.#stopReplica(replica, 'the member stops');
    }
    this.durableAnswers.stop();
    this.schedule();
  }
}

/** Answers to what was sent before a shard hibernated: no reason to wake it. */
function isLateAnswer({ kind }: Message): boolean {
  return kind === 'heartbeatResponse' || kind === 'appendResponse';
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

function stackOf(error: unknown): string | undefined {
  return error instanceof Error ? error.stack : undefined;
}

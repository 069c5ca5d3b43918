// All replicas of one member, as callers and peers see them, and how the parts are put together.

import { assert } from '../../base/assert.ts';
import type { ConfChange, Message } from '../../core/raft/index.ts';
import type {
  IncomingRequest,
  IncomingStreamHandler,
  MemberId,
} from '../../engine/transport/index.ts';
import type { ShardId } from '../../engine/wal/index.ts';
import { FRAME_KIND, Outbox, REQUEST_KIND, readRaftFrame } from '../codec/index.ts';
import type { FeedNews, Follower } from '../feed/index.ts';
import { openSnapshots, type Snapshots } from '../snapshots/index.ts';
import type { ShardEditions } from '../state/index.ts';
import type {
  ReadAnswer,
  ReadLevel,
  RemoveOutcome,
  ReplicaHost,
  ShardPlan,
  ShardStatus,
  TransferAnswer,
  WriteOutcome,
} from '../types.ts';
import { MemberLoad } from './admission.ts';
import { Answers } from './answers.ts';
import { Compaction } from './compaction.ts';
import { DurableAnswers } from './durable-answers.ts';
import { EntryServer } from './entry-server.ts';
import { FullDisk } from './full-disk.ts';
import { Hibernation } from './hibernation.ts';
import { LeaderDuties } from './leader-duties.ts';
import { LogReads } from './log-reads.ts';
import { LogWriter } from './log-writer.ts';
import { PeerFaults } from './peer-faults.ts';
import type { HostParts } from './ports.ts';
import { Registry } from './registry.ts';
import { Repair } from './repair.ts';
import type { ReplicaEvents } from './replica.ts';
import { Scrub } from './scrub.ts';
import { type HostSettings, settle } from './settings.ts';
import { type ShardEvents, Shards } from './shards.ts';
import { SlowDisk } from './slow-disk.ts';
import { SnapshotEvents } from './snapshot-events.ts';
import { StoreBurden } from './store-burden.ts';
import { Supervisor } from './supervisor.ts';
import { Ticker } from './ticker.ts';
import { Turn, type TurnSteps } from './turn.ts';

/** Ticks between two looks at what the logs could let go of. */
const COMPACTION_TICKS = 16;

export class Host implements ReplicaHost {
  readonly #parts: HostParts;
  readonly #settings: HostSettings;
  readonly #registry: Registry;
  readonly #supervisor: Supervisor;
  readonly #turn: Turn;
  readonly #ticker: Ticker;
  readonly #answers = new Answers();
  readonly #durableAnswers: DurableAnswers;
  readonly #logWriter: LogWriter;
  readonly #logReads: LogReads;
  readonly #outbox: Outbox;
  readonly #snapshots: Snapshots;
  readonly #shards: Shards;
  readonly #hibernation: Hibernation;
  readonly #repair: Repair;
  readonly #entryServer: EntryServer;
  readonly #compaction: Compaction;
  readonly #slowDisk: SlowDisk;
  readonly #fullDisk: FullDisk;
  readonly #duties: LeaderDuties;
  readonly #scrub: Scrub;
  readonly #peerFaults: PeerFaults;
  /** The member whose frame is being read. */
  #from: MemberId = 0;

  constructor(parts: HostParts, changes: Partial<HostSettings> = {}) {
    const settings = settle(changes);
    const { clock, member, peers, store, wal } = parts;
    this.#parts = parts;
    this.#settings = settings;
    this.#registry = new Registry(settings.phases);
    this.#supervisor = new Supervisor(parts, () => this.#onClose());
    this.#turn = new Turn(clock, this.#turnSteps());
    this.#ticker = this.#newTicker();
    this.#logWriter = this.#newLogWriter();
    this.#outbox = this.#newOutbox();
    this.#snapshots = openSnapshots(parts, {
      runs: (shard) => snapshotEvents.runs(shard),
      termOf: (shard) => snapshotEvents.termOf(shard),
      onNewerTerm: (shard, from, term) => snapshotEvents.onNewerTerm(shard, from, term),
      onStaged: (shard, message) => snapshotEvents.onStaged(shard, message),
    });
    const context = {
      parts,
      settings,
      load: new MemberLoad(),
      burden: new StoreBurden(store, this.#turn, () => this.#compaction.moved()),
      answers: this.#answers,
      logWriter: this.#logWriter,
      snapshots: this.#snapshots,
      outbox: this.#outbox,
      turn: this.#turn,
      ticker: this.#ticker,
      events: this.#replicaEvents(),
    };
    const registry = this.#registry;
    const supervisor = this.#supervisor;
    this.#shards = new Shards(context, registry, supervisor, this.#shardEvents());
    const snapshotEvents = new SnapshotEvents(parts, registry, supervisor, this.#shards);
    this.#durableAnswers = new DurableAnswers(this.#answers, store, this.#turn, supervisor);
    this.#hibernation = new Hibernation(parts, settings, registry, this.#turn);
    this.#compaction = new Compaction(parts, settings, registry, supervisor, (shard) =>
      this.#noteRead(shard),
    );
    this.#repair = new Repair(parts, settings, supervisor, this.#shards, {
      cut: (replica, index) => this.#compaction.cut(replica, index),
      fetch: (replica, fetch) => this.#logReads.fetch(replica, fetch),
    });
    this.#logReads = new LogReads(wal, this.#turn, this.#repair, supervisor);
    this.#entryServer = new EntryServer(
      { member, clock, wal },
      registry,
      this.#snapshots,
      this.#repair,
      supervisor,
    );
    this.#slowDisk = new SlowDisk(parts, settings, registry);
    this.#fullDisk = new FullDisk({ clock, peers, wal }, settings, registry);
    this.#duties = new LeaderDuties(parts, settings, registry);
    parts.feed.connect(() => this.#turn.schedule());
    this.#scrub = new Scrub(parts, settings, supervisor, () => {
      for (const replica of registry.all()) this.#repair.noteRead(replica);
    });
    this.#peerFaults = new PeerFaults(parts);
    this.#ticker.start();
  }

  #turnSteps(): TurnSteps {
    return {
      catchUp: (nowMs) => this.#ticker.catchUp(nowMs),
      flush: (nowMs) => {
        this.#logWriter.flush(nowMs);
        this.#outbox.flush();
        this.#hibernation.flush();
      },
      deliver: () => {
        this.#answers.deliver();
        this.#parts.feed.deliver();
        // All that this turn had to say leaves with it: the next one is a round of events away.
        this.#parts.peers.flush();
      },
    };
  }

  #newTicker(): Ticker {
    return new Ticker(
      this.#parts.clock,
      this.#settings,
      (step, isLate) => this.#onStep(step, isLate),
      () => this.#hibernation.count === this.#registry.runningCount,
    );
  }

  #newLogWriter(): LogWriter {
    return new LogWriter(
      this.#parts.wal,
      // [H30] A leader that was stopped while its disk wrote has no lease any more, if it ever had.
      () => this.#turn.catchUp(),
      () => this.#turn.schedule(),
      ({ reason }) => this.#supervisor.fail(`the log has stopped: ${reason}`),
    );
  }

  #newOutbox(): Outbox {
    return new Outbox(this.#parts.peers, this.#parts.clock, {
      onUnsent: (shard, peer) => this.#registry.get(shard)?.core.reportUnreachable(peer),
      onSnapshot: (shard, message) => {
        const { to } = message;
        this.#snapshots.send(to, shard, message, (isWhole) => {
          if (!this.#supervisor.isClosed) this.#registry.running(shard)?.snapshotSent(to, isWhole);
        });
      },
    });
  }

  #replicaEvents(): ReplicaEvents {
    return {
      onBroken: (replica, error) => this.#shards.stopBroken(replica, error),
      onWake: (replica) => this.#hibernation.wake(replica, this.#parts.clock.monotonicMs()),
      onTicked: (replica, nowMs) => this.#hibernation.ticked(replica, nowMs),
      onFetch: (replica, fetch) => this.#logReads.fetch(replica, fetch),
      onApplied: (replica) => {
        this.#compaction.noteApplied(replica);
        this.#duties.onApplied(replica);
      },
    };
  }

  #shardEvents(): ShardEvents {
    return {
      onOpened: (replica) => {
        this.#snapshots.openShard(replica.shard);
        if (replica.condition.lacksEntries) this.#repair.begin(replica, undefined);
        this.#duties.onOpened(replica);
      },
      onStopping: () => this.#logWriter.flush(this.#turn.nowMs),
      onStopped: (replica) => {
        this.#hibernation.forget(replica);
        this.#compaction.forget(replica);
        this.#duties.forget(replica);
        this.#repair.forget(replica);
      },
      onClosed: (shard) => {
        this.#snapshots.closeShard(shard);
        this.#parts.feed.closeShard(shard);
      },
    };
  }

  #onStep(step: number, isLate: boolean): void {
    const nowMs = this.#turn.readClock();
    this.#slowDisk.step(this.#logWriter.waitedMs(nowMs));
    this.#fullDisk.step(nowMs);
    this.#duties.step(nowMs);
    for (const replica of this.#registry.inPhase(step)) {
      if (!replica.isRunning || replica.condition.isHibernating) continue;
      // [H33] What it could have heard meanwhile waits to be read.
      if (!isLate) replica.tick(nowMs);
      else if (replica.isLeader) replica.tickLate();
    }
    if (!isLate) this.#hibernation.step(nowMs);
    if (step % (this.#settings.phases * COMPACTION_TICKS) === 0) this.#compaction.step();
    if (!this.#answers.isEmpty) this.#turn.schedule();
  }

  /** [H60] A log was read, which may have shown that entries of it are lost. */
  #noteRead(shard: ShardId): void {
    const replica = this.#registry.running(shard);
    if (replica !== undefined) this.#repair.noteRead(replica);
  }

  #onClose(): void {
    this.#ticker.close();
    this.#outbox.close();
    this.#scrub.close();
    this.#duties.close();
    this.#snapshots.close();
    this.#shards.stopAll();
    this.#durableAnswers.stop();
    this.#turn.close();
  }

  // --- shards -----------------------------------------------------------------------------------

  openShard(plan: ShardPlan): void {
    this.#shards.open(plan);
  }

  closeShard(shard: ShardId): boolean {
    return !this.#supervisor.isClosed && this.#shards.close(shard);
  }

  removeShard(shard: ShardId, done: (outcome: RemoveOutcome) => void): void {
    this.#shards.remove(shard, done);
  }

  status(shard: ShardId): ShardStatus | undefined {
    return this.#registry.get(shard)?.status();
  }

  #refusal(shard: ShardId): 'noLeader' | 'stopping' | 'unknownShard' {
    if (this.#supervisor.isClosed) return 'stopping';
    return this.#shards.isBeginning(shard) ? 'noLeader' : 'unknownShard';
  }

  // --- requests ---------------------------------------------------------------------------------

  propose(shard: ShardId, payload: Uint8Array, done: (outcome: WriteOutcome) => void): void {
    const replica = this.#registry.running(shard);
    if (replica === undefined) this.#refuseWrite(shard, done);
    else replica.propose(payload, done);
  }

  /**
   * [H16] A caller that hears that a change took effect may act upon it, and switch off the member
   * that it removed. A removes B from A and B, answers, and loses its power. If neither the new
   * config nor the commit were on its disk, A would come back in need of B's vote, for ever.
   */
  changeConfig(shard: ShardId, change: ConfChange, done: (outcome: WriteOutcome) => void): void {
    const replica = this.#registry.running(shard);
    if (replica === undefined) this.#refuseWrite(shard, done);
    else if (this.#duties.addsOlderRelease(replica, change)) {
      this.#answers.refuseWrite(done, 'releaseTooOld', 0);
      this.#turn.schedule();
    } else replica.changeConfig(change, (outcome) => this.#durableAnswers.tell(done, outcome));
  }

  #refuseWrite(shard: ShardId, done: (outcome: WriteOutcome) => void): void {
    this.#answers.refuseWrite(done, this.#refusal(shard), 0);
    this.#turn.schedule();
  }

  read(
    shard: ShardId,
    level: ReadLevel,
    question: Uint8Array,
    done: (answer: ReadAnswer) => void,
  ): void {
    const replica = this.#registry.running(shard);
    if (replica !== undefined) {
      replica.read(level, question, done, this.#parts.clock.monotonicMs());
      return;
    }
    this.#answers.refuseRead(done, this.#refusal(shard), 0);
    this.#turn.schedule();
  }

  transferLeader(shard: ShardId, to: MemberId): TransferAnswer {
    const replica = this.#registry.running(shard);
    if (replica === undefined) return { kind: 'refused', reason: this.#refusal(shard) };
    return replica.transferLeader(to);
  }

  /**
   * [F2] Hears what the shard's machine emits behind `index`, on any replica, at the end of turns.
   * Undefined: the shard is not here.
   */
  follow(shard: ShardId, index: number, onNews: (news: FeedNews) => void): Follower | undefined {
    return this.#parts.feed.follow(shard, index, onNews);
  }

  /** [M7] An operator's word: whether every member can carry it out is not asked. */
  raise(shard: ShardId, editions: ShardEditions): void {
    this.#registry.running(shard)?.proposeOwn({ kind: 'raise', editions });
  }

  // --- peers ------------------------------------------------------------------------------------

  /** A frame of one of the host's kinds. [H30] The clock first, then what came in. */
  onFrame(from: MemberId, kind: number, body: Uint8Array): void {
    if (this.#supervisor.isClosed) return;
    assert(from !== this.#parts.member, '[B1] a member sends no frames to itself');
    this.#turn.catchUp();
    this.#from = from;
    const isWhole =
      kind === FRAME_KIND.raft
        ? readRaftFrame(body, from, this.#parts.member, this.#onMessage)
        : this.#onNote(from, kind, body);
    if (!isWhole) this.#peerFaults.note('malformed', from, 0, `a frame of kind ${kind}`);
  }

  /** A note of another host. */
  #onNote(from: MemberId, kind: number, body: Uint8Array): boolean {
    if (kind === FRAME_KIND.hibernation) {
      return this.#hibernation.onFrame(from, body, this.#turn.nowMs);
    }
    if (kind === FRAME_KIND.machines) return this.#duties.onFrame(from, body);
    return kind === FRAME_KIND.diskSpace && this.#fullDisk.onFrame(from, body);
  }

  readonly #onMessage = (shard: ShardId, message: Message): void => {
    const replica = this.#registry.get(shard);
    if (replica === undefined) {
      if (this.#shards.isBeginning(shard)) return;
      this.#peerFaults.note('unknownShard', this.#from, shard, message.kind);
      return;
    }
    if (!replica.isRunning) return;
    // [H52] It comes behind its state, as a stream, or not at all.
    if (message.kind === 'snapshot') {
      this.#peerFaults.note('malformed', this.#from, shard, 'a snapshot without its state');
      return;
    }
    const outcome = replica.step(message);
    if (outcome === 'contradiction') {
      this.#peerFaults.note(outcome, this.#from, shard, replica.lastContradiction);
    } else if (outcome === 'malformed' || outcome === 'localMessage') {
      this.#peerFaults.note('malformed', this.#from, shard, message.kind);
    }
  };

  onPeerUp(member: MemberId): void {
    this.#hibernation.onPeerUp(member);
    this.#fullDisk.onPeerUp(member);
    this.#duties.onPeerUp(member);
  }

  /** Messages on their way to `member` may be lost. */
  onPeerDown(member: MemberId): void {
    this.#hibernation.onPeerDown(member);
    this.#fullDisk.onPeerDown(member);
    this.#duties.onPeerDown(member);
    for (const replica of this.#registry.leaders()) replica.core.reportUnreachable(member);
  }

  /** A request of one of the host's kinds. */
  onRequest(request: IncomingRequest): void {
    if (request.kind === REQUEST_KIND.fetchEntries) this.#entryServer.onRequest(request);
    else this.#snapshots.onRequest(request);
  }

  /** A stream of the kind `snapshot`. */
  onStream(from: MemberId, header: Uint8Array): IncomingStreamHandler | undefined {
    return this.#supervisor.isClosed ? undefined : this.#snapshots.onStream(from, header);
  }

  /** Answers everyone. The log and the store are closed after this, by whoever opened them. */
  async stop(): Promise<void> {
    this.#supervisor.close();
    await new Promise<void>((resolve) => this.#parts.clock.afterTurn(resolve));
  }
}

// All replicas of one member in one loop. Inputs (messages, proposals, reads, answers of the disk,
// ticks) go to the cores at once and mark their shards; at the end of the turn the work of all
// marked shards is done together: one append to the log, one frame per peer, then the answers.

import { assert, must } from '../../base/assert.ts';
import type { Log } from '../../base/capabilities.ts';
import type {
  ConfChange,
  LogFetch,
  Message,
  Snapshot,
  TransferOutcome,
} from '../../core/raft/index.ts';
import type {
  IncomingRequest,
  IncomingStreamHandler,
  MemberId,
} from '../../engine/transport/index.ts';
import type { ShardId, Wal } from '../../engine/wal/index.ts';
import { FRAME_KIND, Outbox, REQUEST_KIND, readRaftFrame } from '../codec/index.ts';
import { openSnapshots, type Snapshots } from '../snapshots/index.ts';
import type {
  ReadAnswer,
  ReadLevel,
  ReplicaHost,
  ShardPlan,
  ShardStatus,
  WriteOutcome,
} from '../types.ts';
import { MemberLoad } from './admission.ts';
import { Answers } from './answers.ts';
import { Compaction } from './compaction.ts';
import { DiskWatch } from './disk-watch.ts';
import type { ReplicaHome } from './home.ts';
import { openReplica } from './opening.ts';
import type { HostParts } from './ports.ts';
import { Quiet } from './quiet.ts';
import { Repair } from './repair.ts';
import { Replica } from './replica.ts';
import { type HostSettings, settle } from './settings.ts';
import { Storage } from './storage.ts';
import { Ticker } from './ticker.ts';
import { Trouble } from './trouble.ts';

/** Steps between two looks at what the logs could let go. */
const COMPACTION_TICKS = 16;

export class Host implements ReplicaHost, ReplicaHome {
  readonly parts: HostParts;
  readonly settings: HostSettings;
  readonly member: MemberId;
  readonly log: Log;
  readonly wal: Wal;
  readonly load = new MemberLoad();
  readonly answers = new Answers();
  readonly storage: Storage;
  readonly snapshots: Snapshots;
  readonly outbox: Outbox;
  readonly trouble: Trouble;
  readonly #replicas = new Map<ShardId, Replica>();
  /** Shards whose beginning is on its way to the disk. */
  readonly #beginning = new Set<ShardId>();
  readonly #phases: Replica[][];
  readonly #ticker: Ticker;
  readonly #quiet: Quiet;
  readonly #compaction: Compaction;
  readonly #repair: Repair;
  readonly #disk: DiskWatch;
  nowMs: number;
  #dirty: Replica[] = [];
  #isScheduled = false;
  isClosed = false;
  #from: MemberId = 0;

  constructor(parts: HostParts, settings: Partial<HostSettings> = {}) {
    const { clock, log, member, peers, wal } = parts;
    this.parts = parts;
    this.settings = settle(settings);
    this.member = member;
    this.log = log;
    this.wal = wal;
    this.nowMs = clock.monotonicMs();
    this.trouble = new Trouble(clock, log);
    this.storage = new Storage(
      wal,
      () => this.schedule(),
      ({ reason }) => this.#fail(`the log has stopped: ${reason}`),
    );
    this.snapshots = openSnapshots(parts, {
      // The peer's next answer makes the core ask again.
      onPrepared: () => {},
      onStaged: (shard, message) => this.#onStaged(shard, message),
    });
    this.outbox = new Outbox(peers, {
      onUnsent: (shard, peer) => this.#onUnsent(shard, peer),
      onSnapshot: (shard, message) => this.#sendSnapshot(shard, message),
    });
    const home = this.#rooms();
    this.#quiet = new Quiet(home);
    this.#compaction = new Compaction(home);
    this.#repair = new Repair(home);
    this.#disk = new DiskWatch(home);
    this.#phases = Array.from({ length: this.settings.phases }, () => []);
    this.#ticker = new Ticker(clock, this.settings, (step) => this.#onStep(step));
    this.#ticker.start();
  }

  /** What the parts of the host know of it. */
  #rooms() {
    const { clock, log, member, peers, store, wal } = this.parts;
    return {
      member,
      clock,
      log,
      wal,
      store,
      peers,
      settings: this.settings,
      isClosed: () => this.isClosed,
      replica: (shard: ShardId) => this.#replicas.get(shard),
      replicas: () => this.#replicas.values(),
      wake: (replica: Replica) => this.#quiet.wake(replica, this.nowMs),
      schedule: () => this.schedule(),
      tickMissed: (replica: Replica, ticks: number) => this.#tickMissed(replica, ticks),
      repaired: (replica: Replica, fetches: readonly LogFetch[]) => {
        for (const fetch of fetches) this.fetch(replica, fetch);
        this.markDirty(replica);
      },
      cut: (replica: Replica, index: number) => this.#compaction.cut(replica, index),
    };
  }

  // --- shards -----------------------------------------------------------------------------------

  openShard(plan: ShardPlan): void {
    const { shard } = plan;
    assert(!this.#replicas.has(shard) && !this.#beginning.has(shard), 'a shard is opened once');
    if (this.isClosed) return;
    const { states } = this.parts;
    const opening = openReplica(plan, this.wal.shard(shard), states, this.member);
    if (opening.kind === 'refused') {
      this.#fail(opening.why);
    } else if (opening.kind === 'ready') {
      this.#begin(new Replica(this, shard, opening.data));
    } else {
      const { change, snapshot } = opening;
      this.#beginning.add(shard);
      this.wal.append([change], (outcome) => {
        this.#beginning.delete(shard);
        if (outcome !== 'durable' || this.isClosed) return;
        const data = states.create(shard, plan.machine, snapshot, snapshot.confState);
        this.#begin(new Replica(this, shard, data));
      });
    }
  }

  #begin(replica: Replica): void {
    this.#replicas.set(replica.shard, replica);
    must(this.#phases[replica.phase], 'every shard has a phase').push(replica);
    if (replica.hasHoles) this.#repair.begin(replica, undefined);
    this.markDirty(replica);
  }

  status(shard: ShardId): ShardStatus | undefined {
    return this.#replicas.get(shard)?.status();
  }

  // --- requests ---------------------------------------------------------------------------------

  propose(shard: ShardId, payload: Uint8Array, done: (outcome: WriteOutcome) => void): void {
    const replica = this.#openReplica(shard);
    this.schedule();
    if (replica === undefined) this.#refuseWrite(shard, done);
    else if (replica.isLeader && !this.wal.hasRoom) {
      this.answers.refuseWrite(done, 'diskFull', this.member);
    } else if (replica.isLeader && this.parts.store.isBehind) {
      this.answers.refuseWrite(done, 'overloaded', this.member);
    } else {
      if (replica.rest.kind === 'quiet') this.#wake(replica);
      replica.propose(payload, done);
      this.markDirty(replica);
    }
  }

  changeConfig(shard: ShardId, change: ConfChange, done: (outcome: WriteOutcome) => void): void {
    const replica = this.#openReplica(shard);
    this.schedule();
    if (replica === undefined) {
      this.#refuseWrite(shard, done);
      return;
    }
    this.#wake(replica);
    replica.changeConfig(change, done);
    this.markDirty(replica);
  }

  read(
    shard: ShardId,
    level: ReadLevel,
    question: Uint8Array,
    done: (answer: ReadAnswer) => void,
  ): void {
    const replica = this.#openReplica(shard);
    this.schedule();
    if (replica === undefined) {
      const reason = this.isClosed ? 'stopping' : 'unknownShard';
      this.answers.refuseRead(done, this.#beginning.has(shard) ? 'noLeader' : reason, 0);
      return;
    }
    const nowMs = this.parts.clock.monotonicMs();
    if (level !== 'local') this.#wake(replica);
    replica.read(level, question, done, nowMs);
    this.markDirty(replica);
  }

  transferLeader(shard: ShardId, to: MemberId): string {
    const replica = this.#openReplica(shard);
    if (replica === undefined) return 'unknownShard';
    this.#wake(replica);
    const outcome: TransferOutcome = replica.core.transferLeader(to);
    this.markDirty(replica);
    return outcome.kind === 'refused' ? outcome.reason : outcome.kind;
  }

  #openReplica(shard: ShardId): Replica | undefined {
    const replica = this.#replicas.get(shard);
    return replica === undefined || replica.stopped !== undefined ? undefined : replica;
  }

  #refuseWrite(shard: ShardId, done: (outcome: WriteOutcome) => void): void {
    const reason = this.isClosed ? 'stopping' : 'unknownShard';
    this.answers.refuseWrite(done, this.#beginning.has(shard) ? 'noLeader' : reason, 0);
  }

  // --- peers ------------------------------------------------------------------------------------

  /** A frame of one of the host's kinds. [H30] The clock first, then what came in. */
  onFrame(from: MemberId, kind: number, body: Uint8Array): void {
    if (this.isClosed) return;
    this.#ticker.catchUp(this.parts.clock.monotonicMs());
    this.#from = from;
    const isWhole =
      kind === FRAME_KIND.quiet
        ? this.#quiet.onFrame(from, body, this.parts.clock.monotonicMs())
        : readRaftFrame(body, from, this.member, this.#onMessage);
    if (!isWhole) this.trouble.note('malformed', from, 0, `frame of kind ${kind}`);
  }

  readonly #onMessage = (shard: ShardId, message: Message): void => {
    const replica = this.#replicas.get(shard);
    if (replica === undefined) {
      if (!this.#beginning.has(shard)) {
        this.trouble.note('unknownShard', this.#from, shard, message.kind);
      }
      return;
    }
    if (replica.stopped === undefined) this.#step(replica, message);
  };

  #step(replica: Replica, message: Message): void {
    try {
      if (replica.rest.kind === 'quiet' && !isLateAnswer(message)) this.#wake(replica);
      const outcome = replica.step(message);
      if (outcome === 'contradiction') {
        this.trouble.note(outcome, message.from, replica.shard, replica.lastContradiction);
      } else if (outcome === 'malformed' || outcome === 'localMessage') {
        this.trouble.note('malformed', message.from, replica.shard, message.kind);
      }
      if (replica.core.hasReady()) {
        this.#wake(replica);
        this.markDirty(replica);
      }
    } catch (error) {
      this.#break(replica, error);
    }
  }

  onPeerUp(member: MemberId): void {
    this.#quiet.onPeerUp(member);
  }

  onPeerDown(member: MemberId): void {
    this.#quiet.onPeerDown(member);
    for (const replica of this.#replicas.values()) {
      if (!replica.isLeader || replica.stopped !== undefined) continue;
      replica.core.reportUnreachable(member);
    }
  }

  /** A request of one of the host's kinds. */
  onRequest(request: IncomingRequest): void {
    if (request.kind === REQUEST_KIND.fetchEntries) this.#repair.onRequest(request);
    else this.snapshots.onRequest(request);
  }

  /** A stream of the kind `snapshot`. */
  onStream(from: MemberId, header: Uint8Array): IncomingStreamHandler | undefined {
    return this.isClosed ? undefined : this.snapshots.onStream(from, header);
  }

  #onUnsent(shard: ShardId, peer: MemberId): void {
    this.#replicas.get(shard)?.core.reportUnreachable(peer);
  }

  #sendSnapshot(shard: ShardId, message: Message): void {
    const { to } = message;
    const report = (isSent: boolean): void => {
      const replica = this.#openReplica(shard);
      if (replica === undefined || this.isClosed) return;
      replica.core.reportSnapshot(to, isSent);
      this.markDirty(replica);
    };
    this.snapshots.send(to, shard, message, report);
  }

  #onStaged(shard: ShardId, message: Message): boolean {
    const replica = this.#openReplica(shard);
    if (replica === undefined || this.isClosed) return false;
    this.#wake(replica);
    try {
      return replica.stepSnapshot(message);
    } catch (error) {
      this.#break(replica, error);
      return false;
    } finally {
      this.markDirty(replica);
    }
  }

  // --- what replicas ask for ----------------------------------------------------------------------

  markDirty(replica: Replica): void {
    if (replica.isDirty) return;
    replica.isDirty = true;
    this.#dirty.push(replica);
    this.schedule();
  }

  isTimeKnown(): boolean {
    return this.#ticker.isCurrent(this.parts.clock.monotonicMs());
  }

  noteApplied(replica: Replica): void {
    this.#compaction.noteApplied(replica);
  }

  /** [H51] The log has it: from here on the state is the snapshot's. */
  install(replica: Replica, snapshot: Snapshot): void {
    assert(replica.data.install(snapshot), '[H52] what the core restores was staged before');
    replica.installed(snapshot.index);
    this.#compaction.noteApplied(replica);
  }

  fetch(replica: Replica, fetch: LogFetch): void {
    void this.wal.fetch(replica.shard, fetch).then((outcome) => {
      if (this.isClosed || replica.stopped !== undefined) return;
      if (outcome.kind === 'damaged') {
        this.#repair.begin(replica, fetch);
        return;
      }
      if (outcome.kind === 'failed') {
        this.#fail(`the log cannot be read: ${outcome.reason}`);
        return;
      }
      this.#guard(replica, () => {
        replica.fetched(fetch);
        // In this very turn: later, other fetches may have pushed the entries out of memory.
        replica.work(this.nowMs);
      });
      this.schedule();
    });
  }

  #guard(replica: Replica, work: () => void): void {
    try {
      work();
    } catch (error) {
      this.#break(replica, error);
    }
  }

  // --- the turn ---------------------------------------------------------------------------------

  schedule(): void {
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    this.parts.clock.afterTurn(this.#turn);
  }

  readonly #turn = (): void => {
    this.#isScheduled = false;
    if (!this.isClosed) {
      this.nowMs = this.parts.clock.monotonicMs();
      this.#ticker.catchUp(this.nowMs);
      const dirty = this.#dirty;
      this.#dirty = [];
      for (const replica of dirty) {
        replica.isDirty = false;
        if (replica.stopped === undefined) this.#work(replica);
      }
      this.storage.flush(this.nowMs);
      this.outbox.flush();
      this.#quiet.flush();
    }
    this.answers.deliver();
  };

  /** [H90] A bug in one shard's core or machine stops that shard, and nothing else. */
  #work(replica: Replica): void {
    try {
      replica.work(this.nowMs);
    } catch (error) {
      this.#break(replica, error);
    }
  }

  #onStep(step: number): void {
    this.nowMs = this.parts.clock.monotonicMs();
    this.#disk.step(this.storage.waitedMs(this.nowMs));
    for (const replica of must(this.#phases[step % this.settings.phases], 'a phase has a list')) {
      if (replica.rest.kind !== 'quiet') this.#tick(replica);
    }
    this.#quiet.step(this.nowMs);
    if (step % (this.settings.phases * COMPACTION_TICKS) === 0) this.#compaction.step();
    if (!this.answers.isEmpty) this.schedule();
  }

  #tick(replica: Replica): void {
    try {
      replica.tick(this.nowMs);
      this.#quiet.ticked(replica, this.nowMs);
      if (replica.hasWork) this.markDirty(replica);
    } catch (error) {
      this.#break(replica, error);
    }
  }

  #tickMissed(replica: Replica, ticks: number): void {
    for (let i = 0; i < ticks; i++) replica.core.tick();
    if (replica.core.hasReady()) this.markDirty(replica);
  }

  #wake(replica: Replica): void {
    if (replica.rest.kind === 'quiet') {
      this.#quiet.wake(replica, this.parts.clock.monotonicMs());
    }
  }

  // --- ends -------------------------------------------------------------------------------------

  #break(replica: Replica, error: unknown): void {
    const reason = error instanceof Error ? error.message : String(error);
    const stack = error instanceof Error ? error.stack : undefined;
    this.log.error('shard stopped', { shard: replica.shard, reason, stack });
    this.#stopReplica(replica, `a bug: ${reason}`);
    this.schedule();
  }

  #stopReplica(replica: Replica, reason: string): void {
    replica.stop(reason);
    this.#quiet.forget(replica);
    this.#compaction.forget(replica);
    const phase = must(this.#phases[replica.phase], 'every shard has a phase');
    const at = phase.indexOf(replica);
    if (at >= 0) this.#phases[replica.phase] = phase.toSpliced(at, 1);
  }

  /** [H91] The member cannot go on: everyone who waits is told, then the member, once. */
  #fail(reason: string): void {
    if (this.isClosed) return;
    this.log.error('replicas stopped', { reason });
    this.#close();
    this.parts.clock.afterTurn(() => this.parts.onFatal(reason));
  }

  #close(): void {
    this.isClosed = true;
    this.#ticker.close();
    this.snapshots.close();
    for (const replica of this.#replicas.values()) {
      if (replica.stopped === undefined) this.#stopReplica(replica, 'the member stops');
    }
    this.schedule();
  }

  /** Answers everyone. The log and the store are closed after this, by whoever opened them. */
  async stop(): Promise<void> {
    if (!this.isClosed) this.#close();
    await new Promise<void>((resolve) => this.parts.clock.afterTurn(resolve));
  }
}

/** Answers to what was sent before a shard fell quiet: no reason to wake it. */
function isLateAnswer({ kind }: Message): boolean {
  return kind === 'heartbeatResponse' || kind === 'appendResponse';
}

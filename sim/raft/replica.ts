// One replica: a core, its disk and its machine, driven the way a host drives them. Everything that
// takes time is an event of the timeline; nothing here waits.

import { assert } from '../../src/base/assert.ts';
import type { Prng } from '../../src/base/prng.ts';
import {
  APPEND_THREAD,
  APPLY_THREAD,
  type BasicStatus,
  type ConfState,
  decodeConfChange,
  type Entry,
  type HardState,
  type LogFetch,
  type Message,
  type NodeId,
  RaftCore,
  type Ready,
  type Snapshot,
} from '../../src/core/raft/index.ts';
import { HardStateMemory } from '../../src/replica/host/index.ts';
import type { Counters } from './counters.ts';
import { type Checkpoint, Disk, type Write } from './durable.ts';
import { fingerprintEntry, Machine, type MachineImage, type WriteCommand } from './machine.ts';
import { freshWatermarks, type Oracle, type Witness } from './oracle.ts';
import { type Scenario, TICK } from './scenario.ts';
import type { EventKind, Timeline } from './timeline.ts';
import { LogView } from './view.ts';

/** What clients hear from the replica they asked. */
export interface Audience {
  applied(replica: Replica, entry: Entry, command: WriteCommand | undefined): void;
  readState(replica: Replica, ticket: number, index: number): void;
  readDropped(replica: Replica, ticket: number): void;
  died(replica: Replica): void;
}

/** What a replica needs of the world around it. */
export interface Surroundings {
  readonly scenario: Scenario;
  readonly timeline: Timeline;
  readonly counters: Counters;
  readonly oracle: Oracle;
  /** The liveness phase: no more faults. */
  readonly isHealing: boolean;
  imageOf(snapshot: Snapshot): MachineImage;
  /** Keeps `image`; the answer names it in a snapshot. */
  keepImage(image: MachineImage): Uint8Array;
  send(from: Replica, message: Message): void;
  /** A change was applied by one replica. */
  changed(index: number, before: ConfState, after: ConfState): void;
}

export class Replica implements Witness {
  readonly id: NodeId;
  readonly disk: Disk;
  readonly view: LogView;
  readonly seen = freshWatermarks();
  readonly machine = new Machine();
  readonly #world: Surroundings;
  readonly #random: Prng;
  readonly #audience: Audience;
  /** Instants between two ticks: clocks differ. */
  readonly tickSpan: number;
  life = 0;
  isUp = false;
  isPaused = false;
  /** Ticks and messages of a paused process, in the order in which it will see them. */
  #missedTicks = 0;
  #inbox: Message[] = [];
  diskSlowUntil = 0;
  machineSlowUntil = 0;
  #memory: HardStateMemory;
  /** The config as of the last applied entry. */
  confState: ConfState;
  core: RaftCore;
  /** Without asynchronous writes: the work of a Ready is going on. */
  #isReadyOut = false;
  #isPolled = false;
  #applyQueue: Message[] = [];
  #fetches: LogFetch[] = [];

  constructor(
    world: Surroundings,
    id: NodeId,
    start: Checkpoint,
    random: Prng,
    audience: Audience,
  ) {
    const { counters, oracle, scenario } = world;
    this.#world = world;
    this.id = id;
    this.#random = random;
    this.#audience = audience;
    this.disk = new Disk(start, counters, (snapshot) => world.imageOf(snapshot));
    this.view = new LogView(id, (from, entry, term) => oracle.append(from, entry, term));
    const skew = Math.round(TICK * scenario.clockSkew);
    this.tickSpan = TICK + (skew > 0 ? random.below(2 * skew + 1) - skew : 0);
    if (this.tickSpan !== TICK) counters.clocksSkewed += 1;
    this.confState = start.confState;
    this.core = this.#boot();
    this.#memory = new HardStateMemory(this.disk.hardState);
  }

  // --- life -------------------------------------------------------------------------------------

  start(): void {
    const { disk, machine, view } = this;
    const { checkpoint, log } = disk;
    machine.restore(checkpoint.image);
    this.confState = checkpoint.confState;
    log.evictBelow(0);
    const first = log.firstIndex();
    const last = log.lastIndex();
    const entries = first > last ? [] : log.entries(first, last + 1, Number.POSITIVE_INFINITY);
    assert(typeof entries === 'object', 'a restarted replica reads its log');
    view.reset(first - 1, log.term(first - 1) as number, entries);
    this.core = this.#boot();
    this.#memory = new HardStateMemory(this.disk.hardState);
    this.isUp = true;
    this.#world.oracle.restarted(this, this.core.basicStatus());
    this.#after(1 + this.#random.below(this.tickSpan), 'tick');
    this.#inputDone();
  }

  #boot(): RaftCore {
    const { scenario } = this.#world;
    const { log, checkpoint } = this.disk;
    const hardState = this.disk.stateAtStart();
    const { counters } = this.#world;
    return new RaftCore({
      ...scenario.limits,
      id: this.id,
      random: this.#random,
      electionTicks: scenario.electionTicks,
      heartbeatTicks: scenario.heartbeatTicks,
      appliedIndex: checkpoint.image.applied,
      preVote: scenario.preVote,
      checkQuorum: scenario.checkQuorum,
      reads: scenario.leases ? 'lease' : 'safe',
      asyncStorageWrites: scenario.asyncStorage,
      eagerCommits: scenario.eagerCommits,
      forwardProposals: scenario.forwardProposals,
      commitInVotes: scenario.commitInVotes,
      priority: scenario.priorities ? this.id % 3 : 0,
      onEvent: (event) => {
        if (event.kind !== 'snapshotIgnored' || event.reason !== 'stillApplying') return;
        counters.snapshotsWhileApplying += 1;
      },
      log: {
        initialState: () => ({ hardState, confState: checkpoint.confState }),
        firstIndex: () => log.firstIndex(),
        lastIndex: () => log.lastIndex(),
        term: (index) => log.term(index),
        entries: (low, high, bytesMax) => log.entries(low, high, bytesMax),
        snapshot: () => this.#snapshotForPeer(),
      },
    });
  }

  /**
   * A peer that joined since the newest snapshot is not in its config, and would have to ignore it:
   * so a new one is made, which takes a while.
   */
  #snapshotForPeer(): Snapshot | 'pending' {
    if (this.disk.snapshotIndex < this.machine.applied) {
      if (!this.#world.isHealing && this.#random.below(3) === 0) return 'pending';
      this.saveSnapshot();
    }
    return this.disk.log.snapshot();
  }

  crash(): void {
    const { counters, scenario } = this.#world;
    counters.crashes += 1;
    this.disk.crash(this.#random);
    if (scenario.durableMachine && this.machine.applied > this.disk.checkpoint.image.applied) {
      this.#saveMachine();
    }
    this.isUp = false;
    this.isPaused = false;
    this.life += 1;
    this.#isReadyOut = false;
    this.#isPolled = false;
    this.#applyQueue = [];
    this.#fetches = [];
    this.#inbox = [];
    this.#missedTicks = 0;
    this.#audience.died(this);
  }

  /** The machine's own store is written as it applies: it holds nothing that the log lacks. */
  #saveMachine(): void {
    const { confState, disk, machine } = this;
    assert(machine.applied <= disk.log.lastIndex(), '[R27] only durable entries are applied');
    disk.checkpoint = { image: machine.image(), confState };
  }

  pause(): void {
    this.isPaused = true;
  }

  /** The clock first, then what came in: leases are counted in ticks. */
  resume(): void {
    if (!this.isUp || !this.isPaused) return;
    this.isPaused = false;
    for (let i = 0; i < this.#missedTicks; i++) this.core.tick();
    this.#missedTicks = 0;
    const messages = this.#inbox;
    this.#inbox = [];
    this.#observe();
    for (const message of messages) this.receive(message);
    this.#inputDone();
  }

  // --- inputs -----------------------------------------------------------------------------------

  tick(): void {
    this.#after(this.tickSpan, 'tick');
    if (this.isPaused) {
      this.#missedTicks += 1;
      return;
    }
    this.core.tick();
    this.#inputDone();
  }

  receive(message: Message): void {
    if (this.isPaused) {
      this.#inbox.push(message);
      return;
    }
    const outcome = this.core.step(message);
    this.#world.oracle.heard(this, message, outcome);
    this.#inputDone();
  }

  /** Any other input of the core. */
  ask<T>(question: (core: RaftCore) => T): T {
    const answer = question(this.core);
    this.#inputDone();
    return answer;
  }

  status(): BasicStatus {
    return this.core.basicStatus();
  }

  // --- work -------------------------------------------------------------------------------------

  #inputDone(): void {
    this.#observe();
    if (this.#isPolled || this.#isReadyOut) return;
    const { lazyReady } = this.#world.scenario;
    if (lazyReady > 0 && !this.#world.isHealing && this.#random.unit() < lazyReady) {
      this.#world.counters.readysShared += 1;
      this.#isPolled = true;
      this.#after(1 + this.#random.below(TICK), 'poll');
      return;
    }
    this.#takeReady();
  }

  poll(): void {
    this.#isPolled = false;
    this.#takeReady();
  }

  #observe(): void {
    this.#world.oracle.observe(this, this.core.basicStatus());
  }

  #takeReady(): void {
    while (!this.#isReadyOut && this.core.hasReady()) {
      const ready = this.core.ready();
      this.#note(ready);
      for (const fetch of ready.fetches) this.#startFetch(fetch);
      for (const { ticket, index } of ready.readStates) {
        this.#audience.readState(this, ticket, index);
      }
      for (const { ticket } of ready.readDrops) this.#audience.readDropped(this, ticket);
      if (this.#world.scenario.asyncStorage) this.#hand(ready.messages);
      else this.#enqueueReady(ready);
    }
  }

  /** What the Ready says about the log, for the oracle. */
  #note({ entries, snapshot }: Ready): void {
    const { view } = this;
    if (snapshot !== undefined) {
      view.reset(snapshot.index, snapshot.term, []);
      this.#world.counters.snapshotsInstalled += 1;
    }
    const before = view.overwritten;
    view.append(entries);
    this.#world.counters.entriesOverwritten += view.overwritten - before;
    const { oracle, scenario } = this.#world;
    const status = this.core.basicStatus();
    oracle.compare(this, status);
    if (status.role !== 'leader') return;
    oracle.checkLeader(this, this.core.status(), scenario.limits.inflightMessagesMax);
  }

  /** With asynchronous writes the work comes as messages to the pseudo nodes. */
  #hand(messages: readonly Message[]): void {
    for (const message of messages) {
      if (message.to === APPEND_THREAD) {
        const { entries, responses, snapshot } = message;
        const hardState = this.#hardStateOf(message);
        this.#enqueue({ hardState, entries, snapshot, responses, ready: undefined });
      } else if (message.to === APPLY_THREAD) {
        this.#applyQueue.push(message);
        if (this.#applyQueue.length === 1) this.#after(this.#applyDelay(), 'applyDone');
      } else {
        this.#send(message);
      }
    }
  }

  #hardStateOf(message: Message): HardState | undefined {
    if (this.#world.scenario.holdsCommits) return this.#memory.toWrite(message);
    const { commit, term, vote } = message;
    return term === 0 ? undefined : { term, vote, commit };
  }

  #enqueueReady(ready: Ready): void {
    const { entries, hardState, snapshot } = ready;
    this.#isReadyOut = true;
    const write: Write = { hardState, entries, snapshot, responses: [], ready };
    if (hardState === undefined && entries.length === 0 && snapshot === undefined) {
      this.#finishReady(ready);
      return;
    }
    this.#enqueue(write);
  }

  #enqueue(write: Write): void {
    const { disk } = this;
    const isOverwrite = (write.entries[0]?.index ?? Infinity) <= disk.lastQueued;
    disk.queue.push(write);
    this.#maybeAmbush(isOverwrite);
    if (this.disk.queue.length === 1) this.#after(this.#diskDelay(), 'diskDone');
  }

  #maybeAmbush(isOverwrite: boolean): void {
    const { isHealing, scenario } = this.#world;
    const chance = isOverwrite ? scenario.ambushOverwrite : scenario.ambush;
    if (chance === 0 || isHealing || this.#random.unit() >= chance) return;
    this.#after(0, 'ambush');
  }

  #diskDelay(): number {
    const { isHealing, scenario, timeline } = this.#world;
    if (isHealing) return 1;
    if (timeline.now < this.diskSlowUntil) return TICK + this.#random.below(20 * TICK);
    return this.#random.below(scenario.diskDelayMax);
  }

  #applyDelay(): number {
    const { isHealing, scenario, timeline } = this.#world;
    if (isHealing) return 1;
    if (timeline.now < this.machineSlowUntil) return this.#random.below(100 * TICK);
    return this.#random.below(scenario.diskDelayMax * 2);
  }

  /** One write or several that share a sync became durable. */
  diskDone(): void {
    do {
      const { ready, responses, snapshot } = this.disk.finishFirst();
      if (snapshot !== undefined) this.#restoreMachine(snapshot);
      if (ready === undefined) this.#respond(responses);
      else this.#finishReady(ready);
    } while (this.disk.queue.length > 0 && this.#sharesSync());
    if (this.disk.queue.length > 0) this.#after(this.#diskDelay(), 'diskDone');
    this.#inputDone();
  }

  #sharesSync(): boolean {
    return this.#world.isHealing || this.#random.below(4) === 0;
  }

  #respond(responses: readonly Message[]): void {
    for (const response of responses) {
      if (response.to === this.id) {
        this.core.step(response);
        this.#observe();
      } else {
        this.#send(response);
      }
    }
  }

  #restoreMachine(snapshot: Snapshot): void {
    if (snapshot.index <= this.machine.applied) return;
    this.machine.restore(this.#world.imageOf(snapshot));
    this.confState = snapshot.confState;
    this.#world.oracle.applied(this, this.machine.applied, this.machine.hash);
  }

  #finishReady(ready: Ready): void {
    for (const message of ready.messages) this.#send(message);
    this.#applyEntries(ready.committedEntries);
    this.core.advance();
    this.#isReadyOut = false;
    this.#observe();
  }

  applyDone(): void {
    const [work, ...rest] = this.#applyQueue;
    assert(work !== undefined, 'only what was handed out is applied');
    this.#applyQueue = rest;
    if (rest.length > 0) this.#after(this.#applyDelay(), 'applyDone');
    this.#applyEntries(work.entries);
    this.#respond(work.responses);
    this.#inputDone();
  }

  #applyEntries(entries: readonly Entry[]): void {
    for (const entry of entries) {
      // A snapshot that was installed meanwhile covers it.
      if (entry.index <= this.machine.applied) continue;
      const confState = entry.kind === 'normal' ? this.confState : this.#applyChange(entry);
      const command = this.machine.apply(entry, fingerprintEntry(entry));
      // Together: a snapshot for a newcomer may be taken while the core applies its change, and its
      // config must be the one of its index.
      this.confState = confState;
      this.#world.oracle.applied(this, entry.index, this.machine.hash);
      this.#audience.applied(this, entry, command);
    }
  }

  #applyChange(entry: Entry): ConfState {
    const change = decodeConfChange(entry.kind, entry.payload);
    assert(change !== undefined, 'a change in the log can be read');
    const wasLeader = this.core.basicStatus().role === 'leader';
    const outcome = this.core.applyConfChange(change);
    this.#observe();
    this.#world.changed(entry.index, this.confState, outcome.confState);
    const isLeader = this.core.basicStatus().role === 'leader';
    if (wasLeader && !isLeader) this.#world.counters.leadersRemoved += 1;
    return outcome.confState;
  }

  #startFetch(fetch: LogFetch): void {
    this.#world.counters.logFetches += 1;
    this.#fetches.push(fetch);
    this.#after(1 + this.#random.below(3 * TICK), 'fetchDone');
  }

  fetchDone(): void {
    const fetch = this.#fetches.shift();
    assert(fetch !== undefined, 'only what was asked for is fetched');
    this.disk.log.load(fetch);
    this.core.logFetched(fetch);
    this.#inputDone();
  }

  // --- what operators do ------------------------------------------------------------------------

  saveSnapshot(): boolean {
    const { confState, disk, machine } = this;
    const index = machine.applied;
    const term = disk.log.term(index);
    if (typeof term !== 'number' || index <= disk.snapshotIndex) return false;
    const image = machine.image();
    disk.log.saveSnapshot({ index, term, confState, data: this.#world.keepImage(image) });
    if (index > disk.checkpoint.image.applied) disk.checkpoint = { image, confState };
    return true;
  }

  /** Drops the log that the newest snapshot covers, save `trailing` entries. */
  compact(trailing: number): boolean {
    this.saveSnapshot();
    const index = Math.min(this.disk.snapshotIndex, this.core.basicStatus().applied);
    return this.disk.log.compact(index - trailing);
  }

  evict(): void {
    this.disk.log.evictBelow(this.disk.log.lastIndex() - 1);
  }

  #send(message: Message): void {
    this.#world.send(this, message);
  }

  #after(delay: number, kind: EventKind): void {
    this.#world.timeline.add(delay, kind, this.id, this.life);
  }
}

// One replica for tests: a core, a log in memory that stands for its disk, and a machine that
// collects what is applied. A crash loses what a disk would lose: work that was not written, and a
// commit index that was written without a sync.

import { must } from '../../../base/assert.ts';
import type { Random } from '../../../base/capabilities.ts';
import { decodeConfChange } from '../confchange-codec.ts';
import type { RaftConfig } from '../config.ts';
import { RaftCore } from '../core.ts';
import type { RaftEvent } from '../events.ts';
import type { LogFetch } from '../log-source.ts';
import { MemoryLog } from '../memory-log.ts';
import type { StepOutcome } from '../outcomes.ts';
import type { Ready } from '../outputs.ts';
import {
  APPEND_THREAD,
  APPLY_THREAD,
  type ConfState,
  type Entry,
  type HardState,
  type Message,
  type NodeId,
  type Snapshot,
} from '../types.ts';
import { bytesOf, describeMessage, parseMessage, textOf } from './wording.support.ts';

/** What happens at a replica, in the order in which it happens. */
export type Fact =
  | { readonly kind: 'event'; readonly event: RaftEvent }
  | { readonly kind: 'hears'; readonly message: Message }
  | { readonly kind: 'stepped'; readonly message: Message; readonly outcome: StepOutcome }
  | { readonly kind: 'wrote'; readonly work: Work }
  | { readonly kind: 'sent'; readonly message: Message }
  | { readonly kind: 'applied'; readonly entry: Entry }
  | { readonly kind: 'restored'; readonly snapshot: Snapshot }
  | { readonly kind: 'read'; readonly ticket: number; readonly index: number }
  | { readonly kind: 'readDropped'; readonly ticket: number; readonly reason: string };

export type OnFact = (id: NodeId, fact: Fact) => void;

/** What the disk is asked to make durable at once. */
interface Work {
  readonly hardState: HardState | undefined;
  readonly entries: readonly Entry[];
  readonly snapshot: Snapshot | undefined;
  readonly mustSync: boolean;
}

export type Options = Partial<Omit<RaftConfig, 'id' | 'log' | 'onEvent'>>;

/** Timeouts are exactly `electionTicks`, tickets count from 1. */
export const STEADY: Random = { u32: () => 0, unit: () => 0, below: () => 0 };

const DEFAULTS = { electionTicks: 10, heartbeatTicks: 1, random: STEADY } as const;

/** How a disk looks at first. */
export interface Founding {
  readonly config: ConfState;
  /** Terms of the entries behind the founding one (index 1, term 1), the payloads their indexes. */
  readonly terms?: readonly number[];
  /** Entries themselves instead. */
  readonly entries?: readonly Entry[];
  readonly hardState?: Partial<HardState>;
}

export function foundLog({ config, terms = [], entries, hardState }: Founding): MemoryLog {
  const log = new MemoryLog();
  log.applySnapshot({ index: 1, term: 1, confState: config, data: bytesOf('[]') });
  const numbered = terms.map((term, i): Entry => {
    return { term, index: i + 2, kind: 'normal', payload: bytesOf(`${i + 2}`) };
  });
  const all = entries ?? numbered;
  log.append(all);
  log.setHardState({ term: all.at(-1)?.term ?? 1, vote: 0, commit: 1, ...hardState });
  return log;
}

export class Replica {
  readonly id: NodeId;
  log: MemoryLog;
  options: Options;
  /** Work that the disk and the machine have not done yet, with asynchronous writes. */
  readonly diskQueue: Message[] = [];
  readonly machineQueue: Message[] = [];
  /** Fetches wait here while `holdsFetches`. */
  readonly fetches: LogFetch[] = [];
  holdsFetches = false;
  /** What the machine holds: payloads of normal entries, without the empty ones. */
  values: string[] = [];
  applied = 0;
  /** Counts lives: 1 at first, one more with every restart. */
  life = 0;
  readonly events: RaftEvent[] = [];
  readonly #onFact: OnFact;
  #core: RaftCore | undefined;
  #ready: Ready | undefined;
  #synced: HardState;
  #lacksPeer = false;

  constructor(id: NodeId, log: MemoryLog, options: Options, onFact: OnFact = () => {}) {
    this.id = id;
    this.log = log;
    this.options = options;
    this.#onFact = onFact;
    this.#synced = log.initialState().hardState;
    this.restart();
  }

  get core(): RaftCore {
    return must(this.#core, `replica ${this.id} runs`);
  }

  get isUp(): boolean {
    return this.#core !== undefined;
  }

  // --- life -------------------------------------------------------------------------------------

  restart(): void {
    const snapshot = this.log.snapshot() as Snapshot;
    this.#restore(snapshot);
    this.life += 1;
    this.#core = new RaftCore({
      ...DEFAULTS,
      appliedIndex: snapshot.index,
      ...this.options,
      id: this.id,
      log: this.log,
      onEvent: (event) => {
        this.events.push(event);
        // As a host does, a newer one is made for a peer that the newest does not know.
        if (event.kind === 'snapshotWithheld') this.#lacksPeer ||= event.reason === 'lacksPeer';
        this.#tell({ kind: 'event', event });
      },
    });
  }

  crash(): void {
    this.#core = undefined;
    this.#ready = undefined;
    this.diskQueue.length = 0;
    this.machineQueue.length = 0;
    this.fetches.length = 0;
    this.log.setHardState(this.#synced);
  }

  /** The disk is lost; what the founders knew, or nothing at all, takes its place. */
  wipe(log: MemoryLog): void {
    this.log = log;
    this.#synced = log.initialState().hardState;
  }

  // --- talking to the core ----------------------------------------------------------------------

  step(message: Message): StepOutcome {
    this.#tell({ kind: 'hears', message });
    const outcome = this.core.step(message);
    this.#tell({ kind: 'stepped', message, outcome });
    return outcome;
  }

  /** Takes a message, given in words, and does all the work that follows; what it sends. */
  hear(text: string): string[] {
    this.step(parseMessage(text));
    return this.work();
  }

  /** Does whatever there is to do, and answers the messages that left, in words. */
  work(): string[] {
    const sent = this.#sent.length;
    while (this.workOnce());
    return this.#sent.slice(sent).map(describeMessage);
  }

  readonly #sent: Message[] = [];

  /** One piece of work: a write, an application or a Ready. False if there is none. */
  workOnce(): boolean {
    if (this.#lacksPeer) {
      this.#lacksPeer = false;
      this.saveSnapshot();
    }
    if (this.runDisk() || this.runMachine()) return true;
    if (!this.core.hasReady()) return false;
    this.handleReady();
    return true;
  }

  handleReady(): void {
    this.takeReady();
    if (this.options.asyncStorageWrites === true) {
      this.send();
      this.#ready = undefined;
      return;
    }
    this.write();
    this.send();
    this.finish();
  }

  takeReady(): Ready {
    const ready = this.core.ready();
    this.#ready = ready;
    for (const { index, ticket } of ready.readStates) this.#tell({ kind: 'read', ticket, index });
    for (const { reason, ticket } of ready.readDrops) {
      this.#tell({ kind: 'readDropped', ticket, reason });
    }
    for (const fetch of ready.fetches) this.fetches.push(fetch);
    return ready;
  }

  write(): void {
    this.#persist(this.#held());
  }

  send(): void {
    for (const message of this.#held().messages) {
      if (message.to === APPEND_THREAD) this.diskQueue.push(message);
      else if (message.to === APPLY_THREAD) this.machineQueue.push(message);
      else this.#post(message);
    }
  }

  finish(): void {
    this.#applyAll(this.#held().committedEntries);
    this.#ready = undefined;
    this.core.advance();
    this.answerFetches(false);
  }

  /** Brings what the core asked for into memory. */
  answerFetches(even = true): void {
    if (this.holdsFetches && !even) return;
    for (const fetch of this.fetches.splice(0)) {
      this.log.load(fetch);
      this.core.logFetched(fetch);
    }
  }

  /** Does one write of the disk queue; its responses go their ways. */
  runDisk(): boolean {
    const message = this.diskQueue.shift();
    if (message === undefined) return false;
    const { commit, entries, responses, snapshot, term, vote } = message;
    const hardState = term === 0 ? undefined : { term, vote, commit };
    const turns = hardState !== undefined && !isSameVote(hardState, this.#synced);
    const mustSync = turns || entries.length > 0 || responses.length > 0;
    this.#persist({ hardState, entries, snapshot, mustSync });
    this.#deliver(responses);
    return true;
  }

  runMachine(): boolean {
    const message = this.machineQueue.shift();
    if (message === undefined) return false;
    this.#applyAll(message.entries);
    this.#deliver(message.responses);
    return true;
  }

  /** Saves a snapshot of what is applied, and drops the log up to `index`. */
  compact(index: number = this.applied): void {
    this.saveSnapshot();
    this.log.compact(index);
  }

  saveSnapshot(): void {
    const term = this.log.term(this.applied);
    if (typeof term !== 'number') return;
    const confState = this.core.basicStatus().config;
    const data = bytesOf(JSON.stringify(this.values));
    this.log.saveSnapshot({ index: this.applied, term, confState, data });
  }

  // --- inside -----------------------------------------------------------------------------------

  #held(): Ready {
    return must(this.#ready, 'a Ready was taken');
  }

  #persist(work: Work): void {
    if (work.hardState !== undefined) this.log.setHardState(work.hardState);
    if (work.snapshot !== undefined && this.log.applySnapshot(work.snapshot)) {
      this.#restore(work.snapshot);
      this.#tell({ kind: 'restored', snapshot: work.snapshot });
    }
    this.log.append(work.entries);
    if (work.mustSync) this.#synced = this.log.initialState().hardState;
    this.#tell({ kind: 'wrote', work });
  }

  #restore(snapshot: Snapshot): void {
    this.applied = snapshot.index;
    this.values = snapshot.data.length === 0 ? [] : JSON.parse(textOf(snapshot.data));
  }

  #applyAll(entries: readonly Entry[]): void {
    for (const entry of entries) {
      // A snapshot that was restored meanwhile covers it.
      if (entry.index <= this.applied) continue;
      this.applied = entry.index;
      const change = decodeConfChange(entry.kind, entry.payload);
      if (change !== undefined) this.core.applyConfChange(change);
      else if (entry.payload.length > 0) this.values.push(textOf(entry.payload));
      this.#tell({ kind: 'applied', entry });
    }
  }

  #deliver(responses: readonly Message[]): void {
    for (const message of responses) {
      if (message.to === this.id) this.step(message);
      else this.#post(message);
    }
  }

  #post(message: Message): void {
    // Whoever changes what was sent is found out.
    Object.freeze(message);
    Object.freeze(message.entries);
    this.#sent.push(message);
    this.#tell({ kind: 'sent', message });
  }

  #tell(fact: Fact): void {
    this.#onFact(this.id, fact);
  }
}

function isSameVote(a: HardState, b: HardState): boolean {
  return a.term === b.term && a.vote === b.vote;
}

// Builds a Ready, the work for the host, and takes back the answers when that work is done.
//
// Inside there is one way only: the disk and the machine are asked by messages that carry the
// responses to give. With `asyncStorageWrites` the host sees these messages. Without, `advance`
// gives the responses in their place.

import { assert, implies } from '../../base/assert.ts';
import { NO_ENTRIES } from './entries.ts';
import { type Draft, draftMessage } from './message.ts';
import type { Ready } from './outputs.ts';
import type { RaftState } from './state.ts';
import { step } from './step.ts';
import {
  APPEND_THREAD,
  APPLY_THREAD,
  type Entry,
  type HardState,
  type Message,
  NO_NODE,
  type NodeId,
  type Role,
  type Snapshot,
} from './types.ts';

const NOTHING: readonly never[] = [];

/** Empty lists stay inside, where they go on to be filled: the host gets one that never is. */
function listOrNone<Item>(list: readonly Item[]): readonly Item[] {
  return list.length === 0 ? NOTHING : list;
}

export class ReadyBuilder {
  readonly #raft: RaftState;
  readonly #isAsync: boolean;
  /** What the host was told last. */
  #hardState: HardState;
  #lead: NodeId;
  #role: Role;
  /** The responses due to the Ready that is out. */
  #stepsOnAdvance: readonly Message[] | undefined;

  constructor(raft: RaftState) {
    this.#raft = raft;
    this.#isAsync = raft.settings.asyncStorageWrites;
    this.#hardState = raft.hardState;
    this.#lead = raft.lead;
    this.#role = raft.role;
  }

  hasReady(): boolean {
    const raft = this.#raft;
    return (
      raft.messages.length > 0 ||
      raft.messagesAfterAppend.length > 0 ||
      raft.log.unstable.hasNextEntries() ||
      raft.log.hasNextCommitted(!this.#isAsync) ||
      raft.log.unstable.nextSnapshot() !== undefined ||
      this.#isSoftStateChanged() ||
      this.#isHardStateChanged() ||
      raft.readStates.length > 0 ||
      raft.readDrops.length > 0 ||
      raft.fetches.length > 0
    );
  }

  ready(): Ready {
    const raft = this.#raft;
    assert(
      this.#stepsOnAdvance === undefined,
      '[R61] a Ready is advanced before the next is taken',
    );
    const { lead, log, role } = raft;
    implies(role === 'leader', lead === raft.id, '[R5] a leader knows itself to lead');
    implies(role === 'candidate', raft.vote === raft.id, '[R4] a candidate votes for itself');
    const hardState = this.#isHardStateChanged() ? raft.hardState : undefined;
    const entries = log.unstable.nextEntries();
    const snapshot = log.unstable.nextSnapshot();
    const committedEntries = this.#nextCommitted();
    const mustSyncLog =
      entries.length > 0 ||
      raft.term !== this.#hardState.term ||
      raft.vote !== this.#hardState.vote;
    const ready: Ready = {
      softState: this.#isSoftStateChanged() ? { lead, role } : undefined,
      hardState,
      readStates: listOrNone(raft.readStates),
      readDrops: listOrNone(raft.readDrops),
      entries,
      snapshot,
      committedEntries,
      messages: this.#nextMessages(hardState, entries, snapshot, committedEntries),
      fetches: listOrNone(raft.fetches),
      mustSync: mustSyncLog || snapshot !== undefined,
      mustSyncLog,
    };
    this.#accept(ready);
    return ready;
  }

  advance(): void {
    const steps = this.#stepsOnAdvance;
    assert(steps !== undefined, '[R61] only a Ready that was taken is advanced');
    this.#stepsOnAdvance = undefined;
    for (const message of steps) {
      assert(message.to === this.#raft.id, '[R10] responses come back to who asked');
      step(this.#raft, message);
    }
  }

  #isSoftStateChanged(): boolean {
    return this.#raft.role !== this.#role || this.#raft.lead !== this.#lead;
  }

  #isHardStateChanged(): boolean {
    const { log, term, vote } = this.#raft;
    const told = this.#hardState;
    return term !== told.term || vote !== told.vote || log.committed !== told.commit;
  }

  #nextCommitted(): readonly Entry[] {
    const { fetches, log } = this.#raft;
    const next = log.nextCommitted(!this.#isAsync);
    if (!('purpose' in next)) return next;
    log.acceptApplyFetch();
    fetches.push(next);
    return NO_ENTRIES;
  }

  /** Promises to other nodes are the last messages: they leave when the work is durable. */
  #nextMessages(
    hardState: HardState | undefined,
    entries: readonly Entry[],
    snapshot: Snapshot | undefined,
    committedEntries: readonly Entry[],
  ): readonly Message[] {
    const { id, messages, messagesAfterAppend } = this.#raft;
    const appendResponse = this.#appendResponse(snapshot);
    const applyResponse = this.#applyResponse(committedEntries);
    if (!this.#isAsync) {
      const steps: Message[] = [];
      for (const promise of messagesAfterAppend) {
        (promise.to === id ? steps : messages).push(promise);
      }
      if (appendResponse !== undefined) steps.push(appendResponse);
      if (applyResponse !== undefined) steps.push(applyResponse);
      this.#stepsOnAdvance = steps;
      return messages;
    }
    const hasPromises = messagesAfterAppend.length > 0;
    if (hardState !== undefined || entries.length > 0 || snapshot !== undefined || hasPromises) {
      const work = this.#storageAppend(hardState, entries, snapshot);
      if (appendResponse !== undefined) messagesAfterAppend.push(appendResponse);
      work.responses = messagesAfterAppend;
      messages.push(work);
    }
    if (applyResponse !== undefined) {
      const work = draftMessage('storageApply', id, APPLY_THREAD, 0);
      work.entries = committedEntries;
      work.responses = [applyResponse];
      messages.push(work);
    }
    return messages;
  }

  /** The hard state travels in the fields of the message; a term of 0 says that it is unchanged. */
  #storageAppend(
    hardState: HardState | undefined,
    entries: readonly Entry[],
    snapshot: Snapshot | undefined,
  ): Draft {
    const work = draftMessage('storageAppend', this.#raft.id, APPEND_THREAD, hardState?.term ?? 0);
    work.vote = hardState?.vote ?? 0;
    work.commit = hardState?.commit ?? 0;
    work.entries = entries;
    work.snapshot = snapshot;
    implies(work.term === 0, work.vote === NO_NODE, '[R4] a vote is cast in a term');
    return work;
  }

  /**
   * [R28] Names the last entry and our term, whenever anything of the log is not durable, even if
   * this work holds no entries: an answer of an earlier term may have been disregarded, and this
   * one, behind it in the same queue, makes up for it.
   */
  #appendResponse(snapshot: Snapshot | undefined): Message | undefined {
    const { id, log, term } = this.#raft;
    const hasUnstable = log.unstable.length > 0;
    if (!hasUnstable && snapshot === undefined) return undefined;
    const response = draftMessage('storageAppendResponse', APPEND_THREAD, id, term);
    if (hasUnstable) {
      const last = log.lastId();
      assert(last.term <= term, '[R13] no entry is newer than our term');
      response.index = last.index;
      response.logTerm = last.term;
    }
    response.snapshot = snapshot;
    return response;
  }

  #applyResponse(committedEntries: readonly Entry[]): Message | undefined {
    if (committedEntries.length === 0) return undefined;
    const response = draftMessage('storageApplyResponse', APPLY_THREAD, this.#raft.id, 0);
    response.entries = committedEntries;
    return response;
  }

  #acceptHardState(state: HardState): void {
    const told = this.#hardState;
    assert(state.term >= told.term, '[R3] the term never falls');
    assert(state.commit >= told.commit, '[R22] the commit index never falls');
    implies(
      state.term === told.term && told.vote !== NO_NODE,
      state.vote === told.vote,
      '[R4] a vote stands until the term changes',
    );
    this.#hardState = state;
  }

  /** What the Ready holds is under way and will not be handed out again. */
  #accept(ready: Ready): void {
    const raft = this.#raft;
    if (ready.softState !== undefined) {
      this.#lead = ready.softState.lead;
      this.#role = ready.softState.role;
    }
    if (ready.hardState !== undefined) this.#acceptHardState(ready.hardState);
    const firstNew = ready.entries[0];
    implies(
      firstNew !== undefined && ready.snapshot !== undefined,
      firstNew?.index === (ready.snapshot?.index ?? 0) + 1,
      '[R35] entries follow the snapshot they come with',
    );
    raft.messages = [];
    raft.messagesAfterAppend = [];
    if (raft.readStates.length > 0) raft.readStates = [];
    if (raft.readDrops.length > 0) raft.readDrops = [];
    if (raft.fetches.length > 0) raft.fetches = [];
    raft.reads.close();
    raft.log.unstable.acceptInProgress();
    raft.log.acceptApplying(ready.committedEntries, !this.#isAsync);
  }
}

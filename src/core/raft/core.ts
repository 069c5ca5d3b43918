// One replica's Raft: the face over the rules. See contract.ts for what each call promises.

import { assert } from '../../base/assert.ts';
import type { RaftConfig } from './config.ts';
import type { Raft } from './contract.ts';
import { maybeCampaign, resumeCampaign } from './elections.ts';
import { forgetLeader } from './follower.ts';
import { reportSnapshot, reportUnreachable } from './leader.ts';
import type { LogFetch } from './log-source.ts';
import { applyConfChange } from './membership.ts';
import type {
  CampaignOutcome,
  ConfChangeOutcome,
  ForgetOutcome,
  ProposeConfChangeOutcome,
  ProposeOutcome,
  ReadOutcome,
  StepOutcome,
  TransferOutcome,
} from './outcomes.ts';
import type { BasicStatus, Ready, Status } from './outputs.ts';
import { propose, proposeConfChange } from './proposals.ts';
import { readIndex } from './reads.ts';
import { ReadyBuilder } from './ready.ts';
import { sendAllAppends } from './replication.ts';
import { becomeFollower } from './roles.ts';
import { RaftState } from './state.ts';
import { basicStatus, status } from './status.ts';
import { step } from './step.ts';
import { leaderRested, tick, tickLeaderLate } from './ticks.ts';
import { transferLeader } from './transfer.ts';
import { type ConfChange, type Message, NO_NODE, type NodeId } from './types.ts';

export class RaftCore implements Raft {
  readonly #raft: RaftState;
  readonly #readyBuilder: ReadyBuilder;

  constructor(config: RaftConfig) {
    const raft = new RaftState(config);
    this.#raft = raft;
    raft.emit({ kind: 'configSwitched', config: raft.tracker.config });
    becomeFollower(raft, raft.term, NO_NODE);
    this.#readyBuilder = new ReadyBuilder(raft);
  }

  get id(): NodeId {
    return this.#raft.id;
  }

  tick(): void {
    tick(this.#raft);
  }

  /** Of a leader: a tick that is made up for. What peers sent meanwhile is not read yet. */
  tickLate(): void {
    tickLeaderLate(this.#raft);
  }

  /**
   * A leader goes on after a rest of `ticks`, rounded up, in which nobody was ticked, with the
   * consent of its peers. Nothing happens if it was deposed meanwhile.
   */
  leaderRested(ticks: number): void {
    leaderRested(this.#raft, ticks);
  }

  step(message: Message): StepOutcome {
    return step(this.#raft, message);
  }

  propose(payloads: readonly Uint8Array[]): ProposeOutcome {
    return propose(this.#raft, payloads);
  }

  proposeConfChange(change: ConfChange): ProposeConfChangeOutcome {
    return proposeConfChange(this.#raft, change);
  }

  applyConfChange(change: ConfChange): ConfChangeOutcome {
    return applyConfChange(this.#raft, change);
  }

  campaign(): CampaignOutcome {
    return maybeCampaign(this.#raft, false);
  }

  transferLeader(to: NodeId): TransferOutcome {
    return transferLeader(this.#raft, to);
  }

  forgetLeader(): ForgetOutcome {
    return forgetLeader(this.#raft);
  }

  readIndex(byRound = false): ReadOutcome {
    return readIndex(this.#raft, byRound);
  }

  reportUnreachable(peer: NodeId): void {
    reportUnreachable(this.#raft, peer);
  }

  reportSnapshot(peer: NodeId, ok: boolean): void {
    reportSnapshot(this.#raft, peer, ok);
  }

  logFetched(fetch: LogFetch): void {
    const raft = this.#raft;
    assert(fetch.low < fetch.high, '[R26] only what exists is fetched');
    if (fetch.purpose === 'apply') raft.log.applyFetched();
    else if (fetch.purpose === 'campaign') resumeCampaign(raft);
    else {
      const peer = raft.tracker.progress(fetch.peer);
      if (peer === undefined || !peer.isFetching) return;
      peer.isFetching = false;
      if (raft.isLeader()) sendAllAppends(raft, peer);
    }
  }

  /** [R42] A config change may be under way: another one would be refused. */
  hasPendingChange(): boolean {
    return this.#raft.pendingConfIndex > this.#raft.log.applied;
  }

  hasReady(): boolean {
    return this.#readyBuilder.hasReady();
  }

  ready(): Ready {
    return this.#readyBuilder.ready();
  }

  advance(): void {
    this.#readyBuilder.advance();
  }

  status(): Status {
    return status(this.#raft);
  }

  basicStatus(): BasicStatus {
    return basicStatus(this.#raft);
  }

  setElectionTimeout(ticks: number): void {
    assert(Number.isSafeInteger(ticks) && ticks > 0, 'a timeout is a number of ticks');
    this.#raft.electionTimeout = ticks;
  }
}

// The config in force, the progress of everyone in it, and the votes of the running election.
// Peers are kept and visited in ascending order of id, so that equal inputs give equal outputs.

import { assert } from '../../base/assert.ts';
import { Progress, type WindowLimits } from './progress.ts';
import { type AckSource, jointCommitted, jointVote, type VoteResult } from './quorum.ts';
import type { ConfState, NodeId } from './types.ts';

export class Tracker implements AckSource {
  readonly limits: WindowLimits;
  #config: ConfState;
  #peers: readonly Progress[] = [];
  /** Voters of both halves, ascending. */
  #voterIds: readonly NodeId[] = [];
  readonly #votes = new Map<NodeId, boolean>();
  readonly #roundAcks: AckSource = {
    ackedIndex: (id) => this.progress(id)?.readRound,
  };

  constructor(limits: WindowLimits, config: ConfState, peers: readonly Progress[]) {
    this.limits = limits;
    this.#config = config;
    this.switchTo(config, peers);
  }

  get config(): ConfState {
    return this.#config;
  }

  get peers(): readonly Progress[] {
    return this.#peers;
  }

  get voterIds(): readonly NodeId[] {
    return this.#voterIds;
  }

  switchTo(config: ConfState, peers: readonly Progress[]): void {
    this.#config = config;
    this.#peers = peers;
    this.#voterIds = unionAscending(config.voters, config.votersOutgoing);
    for (const peer of peers) peer.isLearner = config.learners.includes(peer.id);
    this.#assertComplete();
  }

  /** [R40] Everyone in the config has a progress, nobody else has, in ascending order. */
  #assertComplete(): void {
    let previous = 0;
    for (const { id, isLearner } of this.#peers) {
      assert(id > previous, '[R40] peers ascend');
      previous = id;
      const isVoter = this.#voterIds.includes(id);
      assert(isVoter !== isLearner, '[R40] whoever has a progress is a voter or a learner');
    }
    const members = this.#voterIds.length + this.#config.learners.length;
    assert(members === this.#peers.length, '[R40] every member has a progress');
  }

  /** Linear, since a shard has a handful of replicas: faster than hashing. */
  progress(id: NodeId): Progress | undefined {
    for (const peer of this.#peers) if (peer.id === id) return peer;
    return undefined;
  }

  isVoter(id: NodeId): boolean {
    return this.#voterIds.includes(id);
  }

  ackedIndex(id: NodeId): number | undefined {
    return this.progress(id)?.match;
  }

  /** The highest index that the config's quorum holds. */
  committed(): number {
    return jointCommitted(this.#config.voters, this.#config.votersOutgoing, this);
  }

  /** The newest read round that the config's quorum confirmed. */
  confirmedRound(): number {
    return jointCommitted(this.#config.voters, this.#config.votersOutgoing, this.#roundAcks);
  }

  /** A quorum was heard from since the flags were cleared. */
  isQuorumActive(): boolean {
    const active = new Map<NodeId, boolean>();
    for (const peer of this.#peers) {
      if (!peer.isLearner) active.set(peer.id, peer.isRecentlyActive);
    }
    return jointVote(this.#config.voters, this.#config.votersOutgoing, active) === 'won';
  }

  // --- votes ------------------------------------------------------------------------------------

  resetVotes(): void {
    this.#votes.clear();
  }

  /** The first answer of a node counts; a repeated one changes nothing. */
  recordVote(id: NodeId, granted: boolean): void {
    assert(this.progress(id) !== undefined, '[R40] only members answer vote requests');
    if (!this.#votes.has(id)) this.#votes.set(id, granted);
  }

  voteResult(): VoteResult {
    return jointVote(this.#config.voters, this.#config.votersOutgoing, this.#votes);
  }

  /** Forgets what was known about logs, as on every change of role or term. */
  resetPeers(lastIndex: number, self: NodeId): void {
    assert(lastIndex >= 0, '[R22] a log ends at 0 or later');
    this.#peers = this.#peers.map(({ id, isLearner }) => {
      const fresh = new Progress(id, lastIndex + 1, isLearner, false, this.limits);
      if (id === self) fresh.match = lastIndex;
      return fresh;
    });
  }
}

function unionAscending(a: readonly NodeId[], b: readonly NodeId[]): readonly NodeId[] {
  if (b.length === 0) return a;
  return [...new Set([...a, ...b])].toSorted((x, y) => x - y);
}

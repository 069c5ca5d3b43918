// Sees everything, and checks after every event what must hold. Each check looks only at what the
// event changed, so that it costs the same however long the run is. The names in brackets are the
// rules of src/core/raft/SPEC.md; a violation is an exception that ends the run.

import type {
  BasicStatus,
  ConfState,
  Entry,
  Message,
  MessageKind,
  NodeId,
  Status,
  StepOutcome,
} from '../../src/core/raft/index.ts';
import type { Counters } from './counters.ts';
import type { Disk } from './durable.ts';
import { fingerprintEntry } from './machine.ts';
import type { LogView } from './view.ts';

export class Violation extends Error {
  override readonly name = 'Violation';
}

function check(condition: boolean, what: string, id: NodeId): void {
  if (!condition) throw new Violation(`${what} (at replica ${id})`);
}

/** What the oracle may look at in a replica. */
export interface Witness {
  readonly id: NodeId;
  readonly disk: Disk;
  readonly view: LogView;
  readonly seen: Watermarks;
}

/** The highest values seen of a replica; volatile ones start anew with each life. */
export interface Watermarks {
  term: number;
  vote: NodeId;
  commit: number;
  applied: number;
  isLeader: boolean;
  /** The log was compared with what is committed up to here. */
  comparedTo: number;
}

export function freshWatermarks(): Watermarks {
  return { term: 0, vote: 0, commit: 0, applied: 0, isLeader: false, comparedTo: 0 };
}

interface Known {
  readonly fingerprint: number;
  readonly previousTerm: number;
}

/** What only the leader of a term says. */
const LEADERS_OWN: ReadonlySet<MessageKind> = new Set<MessageKind>([
  'append',
  'heartbeat',
  'snapshot',
  'timeoutNow',
]);

/** Room for terms in a key made of index and term. */
const TERM_SPAN = 1 << 20;

export class Oracle {
  readonly #witnesses = new Map<NodeId, Witness>();
  readonly #counters: Counters;
  readonly #leaders = new Map<number, NodeId>();
  readonly #votes = new Map<number, NodeId>();
  readonly #entries = new Map<number, Known>();
  /** The term of every entry ever committed, by index. */
  readonly #committed: number[];
  /** The term in which each of them was committed. */
  readonly #committedIn: number[];
  /** The machine's hash after each applied index. */
  readonly #hashes: (number | undefined)[] = [];

  constructor(counters: Counters, base: number, baseTerm: number) {
    this.#counters = counters;
    this.#committed = new Array<number>(base + 1).fill(baseTerm);
    this.#committedIn = new Array<number>(base + 1).fill(0);
  }

  admit(witness: Witness): void {
    this.#witnesses.set(witness.id, witness);
  }

  /** The newest term that anyone won. */
  newestLeaderTerm = 0;

  /** The last index known to be committed by anyone. */
  get commit(): number {
    return this.#committed.length - 1;
  }

  committedTerm(index: number): number | undefined {
    return this.#committed[index];
  }

  /** After every input of a core. */
  observe(witness: Witness, status: BasicStatus): void {
    const { id, disk, seen } = witness;
    check(status.term >= seen.term, '[R3] the term fell', id);
    if (status.term > seen.term) seen.vote = 0;
    check(seen.vote === 0 || status.vote === seen.vote, '[R4] a vote changed within a term', id);
    check(status.commit >= seen.commit, '[R22] the commit index fell', id);
    check(status.applied >= seen.applied, '[R22] the applied index fell', id);
    check(
      status.firstIndex - 1 <= status.commit &&
        status.applied <= status.commit &&
        status.commit <= status.lastIndex,
      '[R22] purged and applied <= commit <= last does not hold',
      id,
    );
    check(
      disk.log.firstIndex() - 1 <= disk.snapshotIndex,
      'the log was purged beyond the newest snapshot',
      id,
    );
    seen.term = status.term;
    seen.vote = status.vote;
    const isLeader = status.role === 'leader';
    if (isLeader) {
      if (!seen.isLeader) this.#onLeader(witness, status);
      const { voters, votersOutgoing } = status.config;
      check(
        voters.includes(id) || votersOutgoing.includes(id),
        '[R44] who is no voter does not lead',
        id,
      );
      if (status.commit > seen.commit) this.#onLeaderCommit(witness, status);
    }
    seen.isLeader = isLeader;
    seen.commit = status.commit;
    seen.applied = status.applied;
  }

  #onLeader({ id, view }: Witness, { config, term }: BasicStatus): void {
    this.#counters.elections += 1;
    const other = this.#leaders.get(term);
    check(other === undefined || other === id, `[R5] term ${term} has two leaders`, id);
    this.#leaders.set(term, id);
    this.newestLeaderTerm = Math.max(this.newestLeaderTerm, term);
    check(
      this.#isElected(config.voters, term, id) && this.#isElected(config.votersOutgoing, term, id),
      `[R4, R12] the leader of term ${term} lacks durable votes`,
      id,
    );
    // A candidate of a term that is over may still win it: what was committed since is not its own.
    let { commit } = this;
    while ((this.#committedIn[commit] as number) >= term) commit -= 1;
    check(
      view.base >= commit || view.term(commit) === this.#committed[commit],
      `a leader of term ${term} lacks entry ${commit}, which is committed`,
      id,
    );
  }

  /** A voter that is in a later term by now may have voted: its disk no longer tells. */
  #isElected(voters: ConfState['voters'], term: number, leader: NodeId): boolean {
    let votes = 0;
    for (const voter of voters) {
      const state = this.#witnesses.get(voter)?.disk.hardState;
      if (state === undefined || state.term < term) continue;
      if (state.term > term || state.vote === leader) votes += 1;
    }
    return voters.length === 0 || votes * 2 > voters.length;
  }

  /** What a leader commits is its own, and durable on a quorum, on both if its config is joint. */
  #onLeaderCommit({ id, view }: Witness, { commit, config, term }: BasicStatus): void {
    check(view.term(commit) === term, `[R15] entry ${commit} is committed by count`, id);
    check(
      this.#isDurable(config.voters, commit, term) &&
        this.#isDurable(config.votersOutgoing, commit, term),
      `[R1, R12] entry ${commit} is committed, but not durable on a quorum`,
      id,
    );
    for (let index = this.commit + 1; index <= commit; index++) {
      this.#committed.push(view.term(index) ?? 0);
      this.#committedIn.push(term);
      this.#counters.entriesCommitted += 1;
    }
  }

  #isDurable(voters: ConfState['voters'], index: number, term: number): boolean {
    let holders = 0;
    for (const voter of voters) {
      if (this.#witnesses.get(voter)?.disk.holds(index, term) === true) holders += 1;
    }
    return voters.length === 0 || holders * 2 > voters.length;
  }

  /** After the entries of a Ready went into the view: only leaders decide what is committed. */
  compare(witness: Witness, { commit }: BasicStatus): void {
    const { id, view, seen } = witness;
    check(commit <= this.commit, `[R19] entry ${commit} is committed, but by no leader`, id);
    for (let index = Math.max(seen.comparedTo, view.base) + 1; index <= commit; index++) {
      const isEqual = view.term(index) === this.#committed[index];
      check(isEqual, `[R24] entry ${index} was committed with another content`, id);
    }
    seen.comparedTo = Math.max(seen.comparedTo, commit);
  }

  /** Log matching: equal index and term mean equal entries and equal histories. */
  append(id: NodeId, entry: Entry, previousTerm: number): void {
    const key = entry.index * TERM_SPAN + entry.term;
    const fingerprint = fingerprintEntry(entry);
    const known = this.#entries.get(key);
    if (known === undefined) {
      this.#entries.set(key, { fingerprint, previousTerm });
      return;
    }
    check(known.fingerprint === fingerprint, `[R20] two entries ${entry.term}/${entry.index}`, id);
    check(
      known.previousTerm === previousTerm,
      `[R20] two histories before entry ${entry.term}/${entry.index}`,
      id,
    );
  }

  /** Before a message leaves. */
  send(witness: Witness, message: Message): void {
    const { id, disk } = witness;
    const { kind } = message;
    if (LEADERS_OWN.has(kind)) {
      check(
        this.#leaders.get(message.term) === id,
        `[R14] a leader's ${kind} of term ${message.term} by someone else`,
        id,
      );
      if (kind === 'heartbeat') this.#checkHeartbeat(message);
    } else if (kind === 'voteResponse') {
      if (!message.reject) this.#checkVote(witness, message);
    } else if (kind === 'appendResponse') {
      check(disk.hardState.term >= message.term, '[R10] a promise of a term not durable', id);
      // A promise of an earlier term may have been overtaken by a new leader, in one write.
      const isOvertaken = message.reject || disk.hardState.term > message.term;
      check(
        isOvertaken || disk.log.lastIndex() >= message.index,
        '[R10] an entry promised before it is durable',
        id,
      );
      if (!isOvertaken) this.#checkPromise(witness, message);
    }
  }

  /** Who acknowledges up to an index has what the leader has there, if that one leads still. */
  #checkPromise({ disk, id }: Witness, { index, term, to }: Message): void {
    const leader = this.#witnesses.get(to);
    if (leader === undefined || !leader.seen.isLeader || leader.seen.term !== term) return;
    const { base, last } = leader.view;
    const own = disk.log.term(index);
    if (index < base || own === 'compacted') return;
    const isEqual = index <= last && leader.view.term(index) === own;
    check(isEqual, `[R17] entry ${index} is acknowledged, and is not the leader's`, id);
  }

  /** What came of a message. Nobody lies and no disk does, so that nothing ever contradicts. */
  heard({ id }: Witness, { from, kind }: Message, outcome: StepOutcome): void {
    check(outcome !== 'contradiction', `a ${kind} of ${from} contradicts what is known`, id);
  }

  #checkHeartbeat({ from, to, commit }: Message): void {
    const peer = this.#witnesses.get(to);
    check(peer === undefined || commit <= peer.disk.log.lastIndex(), '[R16] commits too far', from);
  }

  #checkVote({ id, disk }: Witness, { term, to }: Message): void {
    const { hardState } = disk;
    check(
      hardState.term > term || (hardState.term === term && hardState.vote === to),
      '[R4, R10] a vote left before it was durable',
      id,
    );
    const key = id * TERM_SPAN + term;
    const earlier = this.#votes.get(key);
    check(earlier === undefined || earlier === to, `[R4] two votes in term ${term}`, id);
    this.#votes.set(key, to);
  }

  /** The machine of `id` applied `index`. */
  applied({ disk, id }: Witness, index: number, hash: number): void {
    check(index <= disk.log.lastIndex(), `[R27] entry ${index} is applied, but not durable`, id);
    check(index <= this.commit, `entry ${index} is applied, but not committed`, id);
    const known = this.#hashes[index];
    if (known === undefined) this.#hashes[index] = hash;
    else check(known === hash, `two machines differ after entry ${index}`, id);
  }

  /** What must hold of a leader whose Ready was taken. */
  checkLeader({ id, view }: Witness, { peers }: Status, windowMax: number): void {
    check(view.changesBeyond(this.commit) <= 1, '[R42] two config changes are under way', id);
    for (const { inflightMessages, match, next } of peers) {
      check(next > match, '[R30] a peer is sent what it has', id);
      check(inflightMessages <= windowMax, '[R31] more is under way than the window holds', id);
    }
  }

  restarted(witness: Witness, status: BasicStatus): void {
    const { id, disk, seen } = witness;
    check(status.term >= disk.hardState.term, '[R3] a restart loses the term', id);
    check(
      status.term > disk.hardState.term || status.vote === disk.hardState.vote,
      '[R4] a restart loses the vote',
      id,
    );
    // What was promised is durable, so only what nobody heard of may be gone.
    Object.assign(seen, freshWatermarks(), { comparedTo: 0 });
  }
}

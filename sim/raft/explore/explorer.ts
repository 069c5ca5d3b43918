// Explores every order in which a small group's messages can arrive, disks can work, replicas can
// crash and campaign: breadth first, each state of the group once.
//
// The network is a set: whatever was sent may arrive at any later time, any number of times, or
// never. That is loss, duplication and reordering in one.
//
// A group's state is a row of numbers: the replicas' states, what is left of each allowance, the
// leaders of the terms, what was committed, and the messages, ascending.

import type { ConfState, NodeId } from '../../../src/core/raft/index.ts';
import type { Facts } from './actor.ts';
import { OWN_INPUTS, ReplicaStates } from './replica-states.ts';
import { SeenStates } from './seen-states.ts';

export interface Scope {
  /** `led`: replica 1 leads term 1, its first entry is everywhere, and nothing is on its way. */
  readonly start: 'fresh' | 'led';
  /** Writes take time: they are steps of their own, and a crash loses what is not written. */
  readonly isDiskLazy: boolean;
  readonly replicas: number;
  readonly termMax: number;
  readonly proposals: number;
  readonly changes: number;
  readonly crashes: number;
  readonly heartbeats: number;
  readonly statesMax: number;
}

export interface Progress {
  readonly states: number;
  readonly depth: number;
  readonly frontier: number;
  readonly replicaStates: number;
  readonly messages: number;
}

export interface Outcome extends Progress {
  /** Everything within the scope was seen. */
  readonly isExhausted: boolean;
  readonly transitions: number;
  readonly violation: string | undefined;
}

type Row = Int32Array;

/** Positions in a row, after one per replica. */
const BUDGETS = 0;
const LEADERS = 1;
const COMMITTED = 2;
const FIXED = 3;

/** Allowances share a word, four bits each. */
const BUDGET_SHIFTS = { propose: 0, change: 4, crash: 8, heartbeat: 12 } as const;
const LEADER_BITS = 4;

export class Explorer {
  readonly #scope: Scope;
  readonly #states: ReplicaStates;
  readonly #seen: SeenStates;
  /** Sequences of committed terms, by number. */
  readonly #committed: (readonly number[])[] = [[]];
  readonly #committedByText = new Map<string, number>([['', 0]]);
  #next: Row[] = [];
  #transitions = 0;
  #violation: string | undefined;

  constructor(scope: Scope) {
    this.#scope = scope;
    const voters = Array.from({ length: scope.replicas }, (_, i) => i + 1);
    this.#states = new ReplicaStates(voters, scope.isDiskLazy);
    this.#seen = new SeenStates(scope.statesMax);
  }

  run(onLevel: (progress: Progress) => void): Outcome {
    const start = this.#startRow();
    this.#seen.add(start);
    let frontier: Row[] = [start];
    let depth = 0;
    while (frontier.length > 0 && !this.#isOver()) {
      onLevel(this.#progress(depth, frontier.length));
      this.#next = [];
      for (const row of frontier) {
        this.#expand(row);
        if (this.#isOver()) break;
      }
      frontier = this.#next;
      depth += 1;
    }
    const isExhausted = frontier.length === 0 && this.#seen.size < this.#scope.statesMax;
    const progress = this.#progress(depth, frontier.length);
    const transitions = this.#transitions;
    return { ...progress, isExhausted, transitions, violation: this.#violation };
  }

  #startRow(): Row {
    const { crashes, changes, heartbeats, proposals, replicas, start } = this.#scope;
    const row: Row = new Int32Array(replicas + FIXED);
    for (let i = 0; i < replicas; i++) row[i] = this.#states.start(i + 1);
    if (start === 'led') this.#elect(row);
    row[replicas + BUDGETS] =
      (proposals << BUDGET_SHIFTS.propose) |
      (changes << BUDGET_SHIFTS.change) |
      (crashes << BUDGET_SHIFTS.crash) |
      (heartbeats << BUDGET_SHIFTS.heartbeat);
    return row;
  }

  /** Replica 1 campaigns, and every message arrives once, in order, until nothing is left to do. */
  #elect(row: Row): void {
    const queue: number[] = [];
    const give = (replica: number, input: number): void => {
      const { next, sent } = this.#states.effect(row[replica] as number, input);
      row[replica] = next;
      queue.push(...sent);
      if (this.#states.facts(next).hasWrites) give(replica, OWN_INPUTS.indexOf('disk'));
    };
    give(0, OWN_INPUTS.indexOf('campaign'));
    for (let number = queue.shift(); number !== undefined; number = queue.shift()) {
      give(this.#states.message(number).to - 1, OWN_INPUTS.length + number);
    }
    const { commit, term, terms } = this.#states.facts(row[0] as number);
    row[this.#scope.replicas + LEADERS] = 1 << ((term - 1) * LEADER_BITS);
    row[this.#scope.replicas + COMMITTED] = this.#numberOfCommitted(terms.slice(0, commit));
  }

  #isOver(): boolean {
    return this.#violation !== undefined || this.#seen.size >= this.#scope.statesMax;
  }

  #progress(depth: number, frontier: number): Progress {
    const { messageCount: messages, size: replicaStates } = this.#states;
    return { states: this.#seen.size, depth, frontier, replicaStates, messages };
  }

  // --- successors -------------------------------------------------------------------------------

  #expand(row: Row): void {
    const { replicas } = this.#scope;
    for (let i = 0; i < replicas; i++) this.#expandOwn(row, i);
    for (let at = replicas + FIXED; at < row.length; at++) {
      const number = row[at] as number;
      const { to } = this.#states.message(number);
      this.#apply(row, to - 1, OWN_INPUTS.length + number, 0);
    }
  }

  #expandOwn(row: Row, replica: number): void {
    const facts = this.#states.facts(row[replica] as number);
    const budgets = row[this.#scope.replicas + BUDGETS] as number;
    const left = (name: keyof typeof BUDGET_SHIFTS): boolean => {
      return ((budgets >> BUDGET_SHIFTS[name]) & 15) > 0;
    };
    if (!facts.isLeader && facts.term < this.#scope.termMax) this.#own(row, replica, 'campaign', 0);
    if (facts.hasWrites) this.#own(row, replica, 'disk', 0);
    if (left('crash')) this.#own(row, replica, 'crash', 1 << BUDGET_SHIFTS.crash);
    if (!facts.isLeader) return;
    if (left('propose')) this.#own(row, replica, 'propose', 1 << BUDGET_SHIFTS.propose);
    if (left('change')) this.#own(row, replica, 'change', 1 << BUDGET_SHIFTS.change);
    if (left('heartbeat')) this.#own(row, replica, 'heartbeat', 1 << BUDGET_SHIFTS.heartbeat);
  }

  #own(row: Row, replica: number, name: (typeof OWN_INPUTS)[number], cost: number): void {
    this.#apply(row, replica, OWN_INPUTS.indexOf(name), cost);
  }

  #apply(row: Row, replica: number, input: number, cost: number): void {
    if (this.#violation !== undefined) return;
    this.#transitions += 1;
    const before = row[replica] as number;
    const { next, sent } = this.#states.effect(before, input);
    if (next === before && sent.length === 0 && cost === 0) return;
    const made = this.#successor(row, replica, next, sent);
    const budgets = this.#scope.replicas + BUDGETS;
    made[budgets] = (made[budgets] as number) - cost;
    this.#check(made, replica, before);
    if (this.#violation === undefined && this.#seen.add(made)) this.#next.push(made);
  }

  /** The row with one replica's state replaced and messages added; dead messages are left out. */
  #successor(row: Row, replica: number, next: number, sent: readonly number[]): Row {
    const { replicas } = this.#scope;
    const head = replicas + FIXED;
    const { durableTerm } = this.#states.facts(next);
    const kept = new Set<number>();
    for (let at = head; at < row.length; at++) kept.add(row[at] as number);
    for (const number of sent) kept.add(number);
    const alive: number[] = [];
    for (const number of kept) {
      const { term, to } = this.#states.message(number);
      // Of a term that the receiver's disk knows to be over: it can never have an effect again.
      const known = to - 1 === replica ? durableTerm : this.#durableTerm(row, to - 1);
      if (term >= known) alive.push(number);
    }
    alive.sort((a, b) => a - b);
    const made = new Int32Array(head + alive.length);
    made.set(row.subarray(0, head));
    made[replica] = next;
    made.set(alive, head);
    return made;
  }

  #durableTerm(row: Row, replica: number): number {
    return this.#states.facts(row[replica] as number).durableTerm;
  }

  // --- invariants -------------------------------------------------------------------------------

  #check(row: Row, replica: number, before: number): void {
    const now = this.#states.facts(row[replica] as number);
    const was = this.#states.facts(before);
    if (now.isLeader && !was.isLeader) this.#checkNewLeader(row, replica);
    if (now.commit > was.commit) this.#checkCommit(row, replica, was);
    for (let other = 0; other < this.#scope.replicas; other++) {
      if (other !== replica) this.#checkMatching(row, replica, other);
    }
  }

  #checkNewLeader(row: Row, replica: number): void {
    const at = this.#scope.replicas + LEADERS;
    const { config, term, terms } = this.#states.facts(row[replica] as number);
    const shift = (term - 1) * LEADER_BITS;
    const known = ((row[at] as number) >> shift) & 15;
    if (known !== 0 && known !== replica + 1)
      return this.#fail(row, `term ${term} has two leaders`);
    row[at] = (row[at] as number) | ((replica + 1) << shift);
    const voted = (voter: NodeId): boolean => {
      const { durableTerm, durableVote } = this.#states.facts(row[voter - 1] as number);
      return durableTerm > term || (durableTerm === term && durableVote === replica + 1);
    };
    if (!hasQuorum(config, voted))
      this.#fail(row, `the leader of term ${term} lacks durable votes`);
    const committed = this.#committed[row[this.#scope.replicas + COMMITTED] as number] ?? [];
    const lacks = committed.findIndex((entryTerm, i) => terms[i] !== entryTerm);
    // What a later term committed is not expected of the leader of an earlier one.
    const isLate = committed.some((entryTerm) => entryTerm > term);
    if (lacks >= 0 && !isLate)
      this.#fail(row, `a leader lacks entry ${lacks + 1}, which is committed`);
  }

  #checkCommit(row: Row, replica: number, was: Facts): void {
    const at = this.#scope.replicas + COMMITTED;
    const committed = this.#committed[row[at] as number] ?? [];
    const { commit, config, terms } = this.#states.facts(row[replica] as number);
    const mine = terms.slice(0, commit);
    for (const [i, term] of mine.entries()) {
      const expected = committed[i];
      if (expected === undefined || expected === term) continue;
      return this.#fail(row, `entry ${i + 1} is committed with two contents`);
    }
    if (commit <= committed.length) return;
    const { isLeader } = this.#states.facts(row[replica] as number);
    // A leader that commits its own removal steps down in the same step.
    if (!isLeader && !was.isLeader) {
      return this.#fail(row, `a follower commits ${commit}, which no leader did`);
    }
    const holds = (voter: NodeId): boolean => {
      const { durableTerms } = this.#states.facts(row[voter - 1] as number);
      return durableTerms[commit - 1] === terms[commit - 1];
    };
    // The change that was committed may be in force already.
    if (!hasQuorum(was.config, holds) && !hasQuorum(config, holds)) {
      this.#fail(row, `entry ${commit} is not durable on a quorum`);
    }
    row[at] = this.#numberOfCommitted(mine);
  }

  #numberOfCommitted(terms: readonly number[]): number {
    const text = terms.join(' ');
    const found = this.#committedByText.get(text);
    if (found !== undefined) return found;
    this.#committedByText.set(text, this.#committed.length);
    this.#committed.push(terms);
    return this.#committed.length - 1;
  }

  /** Equal index and term mean equal histories. */
  #checkMatching(row: Row, one: number, other: number): void {
    const { terms: ours } = this.#states.facts(row[one] as number);
    const { terms: theirs } = this.#states.facts(row[other] as number);
    let at = Math.min(ours.length, theirs.length) - 1;
    while (at >= 0 && ours[at] !== theirs[at]) at -= 1;
    for (; at >= 0; at--) {
      if (ours[at] !== theirs[at]) this.#fail(row, `two histories differ at ${at + 1}`);
    }
  }

  #fail(row: Row, what: string): void {
    const paths = Array.from({ length: this.#scope.replicas }, (_, i) => {
      return `replica ${i + 1}: ${this.#states.path(row[i] as number).join('; ')}`;
    });
    this.#violation ??= `${what}\n${paths.join('\n')}`;
  }
}

function hasQuorum(config: ConfState, test: (voter: NodeId) => boolean): boolean {
  return [config.voters, config.votersOutgoing].every((voters) => {
    return voters.length === 0 || voters.filter(test).length * 2 > voters.length;
  });
}

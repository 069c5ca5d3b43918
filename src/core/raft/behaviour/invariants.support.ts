// What must hold in a group at every moment, whatever happens to it. Numbers are those of the
// README beside this file. Replicas are observed from outside: their status, their disks, and what
// they were seen to write, apply and answer.

import { assert } from '../../../base/assert.ts';
import type { BasicStatus } from '../outputs.ts';
import type { ConfState, Entry, EntryId, NodeId, Snapshot } from '../types.ts';
import type { Fact, Replica } from './replica.support.ts';
import { describeEntry } from './wording.support.ts';

/** The part of a network that is observed. */
interface Observed {
  readonly replicas: ReadonlyMap<NodeId, Replica>;
}

interface Grown {
  readonly life: number;
  readonly term: number;
  readonly vote: NodeId;
  readonly commit: number;
  readonly applied: number;
}

export class InvariantChecker {
  readonly #leaderOf = new Map<number, NodeId>();
  /** `index/term` -> the entry and the term before it: equal everywhere, for ever. */
  readonly #entries = new Map<string, string>();
  /** index -> term of what is committed there, with the term in which that was known first. */
  readonly #committed = new Map<number, { readonly term: number; readonly byTerm: number }>();
  /** index -> the machine's values there. */
  readonly #states = new Map<number, string>();
  readonly #grown = new Map<NodeId, Grown>();
  /** Reads that wait, with the highest index acknowledged before they were asked. */
  readonly #reads = new Map<string, number>();
  acknowledgedTo = 0;
  /** How often each was looked at: a check that never ran proves nothing. */
  readonly counts = { leaders: 0, entries: 0, commits: 0, applied: 0, acknowledged: 0, reads: 0 };

  // --- what is told -----------------------------------------------------------------------------

  take(net: Observed, id: NodeId, fact: Fact): void {
    const replica = net.replicas.get(id);
    if (replica === undefined) return;
    if (fact.kind === 'wrote') this.sawEntries(replica, fact.work.entries);
    else if (fact.kind === 'applied') {
      this.sawApplied(id, fact.entry.index, stateOf(replica));
      const { role, term } = replica.core.basicStatus();
      if (role === 'leader' && term === fact.entry.term) this.sawAcknowledgement(fact.entry);
    } else if (fact.kind === 'restored') {
      this.sawApplied(id, fact.snapshot.index, stateOf(replica));
    } else if (fact.kind === 'read') this.sawRead(id, replica.life, fact.ticket, fact.index);
  }

  askedRead(id: NodeId, life: number, ticket: number): void {
    this.#reads.set(`${id} ${life} ${ticket}`, this.acknowledgedTo);
  }

  /** M190: the same index and term is the same entry, behind the same one. */
  sawEntries({ log }: Replica, entries: readonly Entry[]): void {
    for (const entry of entries) {
      const before = log.term(entry.index - 1);
      if (typeof before !== 'number') continue;
      this.counts.entries += 1;
      const key = `${entry.index}/${entry.term}`;
      const text = `${before}|${describeEntry(entry)}`;
      const known = this.#entries.get(key) ?? text;
      assert(known === text, `M190 log matching: ${text} is ${known} elsewhere`);
      this.#entries.set(key, text);
    }
  }

  /** M192: machines that applied equally far are equal. */
  sawApplied(id: NodeId, index: number, state: string): void {
    this.counts.applied += 1;
    const known = this.#states.get(index) ?? state;
    assert(known === state, `M192 state at ${index}: ${id} has "${state}", others "${known}"`);
    this.#states.set(index, known);
  }

  /** M200: a read sees every write that was acknowledged before it was asked. */
  sawRead(id: NodeId, life: number, ticket: number, index: number): void {
    const least = this.#reads.get(`${id} ${life} ${ticket}`);
    if (least === undefined) return;
    this.counts.reads += 1;
    assert(index >= least, `M200 a read at ${id} got ${index} after ${least} was acknowledged`);
  }

  /** M199: what its proposer applied, and a client may be told, had been committed before. */
  sawAcknowledgement({ index, term }: EntryId): void {
    this.counts.acknowledged += 1;
    this.acknowledgedTo = Math.max(this.acknowledgedTo, index);
    const known = this.#committed.get(index)?.term;
    assert(known === term, `M199 ${term}/${index} was acknowledged and not committed`);
  }

  // --- what is looked at ------------------------------------------------------------------------

  check(net: Observed): void {
    for (const replica of net.replicas.values()) {
      if (!replica.isUp) continue;
      const status = replica.core.basicStatus();
      this.sawStatus(replica.life, status);
      const snapshot = replica.log.snapshot();
      if (snapshot !== 'pending') this.sawWatermarks(status, snapshot);
      if (status.role === 'leader') this.#checkLeader(net, replica, status);
      // What a follower replaced in memory is seen when it is handed to the disk. Leaders replace
      // nothing, and commit what was handed out.
      if (status.role === 'leader' || !replica.core.hasReady()) this.sawCommit(replica, status);
    }
  }

  /** M189, M195: one leader per term; nothing that only grows falls. */
  sawStatus(life: number, status: BasicStatus): void {
    const { applied, commit, id, role, term, vote } = status;
    if (role === 'leader') {
      const known = this.#leaderOf.get(term) ?? id;
      assert(known === id, `M189 ${id} and ${known} both lead term ${term}`);
      if (!this.#leaderOf.has(term)) this.counts.leaders += 1;
      this.#leaderOf.set(term, id);
    }
    const before = this.#grown.get(id);
    if (before !== undefined) {
      const isSameLife = before.life === life;
      assert(term >= before.term || !isSameLife, `M195 the term of ${id} fell to ${term}`);
      const keepsVote = before.term !== term || before.vote === 0 || before.vote === vote;
      assert(keepsVote, `M195 ${id} voted for ${before.vote} and ${vote} in term ${term}`);
      assert(commit >= before.commit || !isSameLife, `M195 the commit index of ${id} fell`);
      assert(applied >= before.applied || !isSameLife, `M195 the applied index of ${id} fell`);
    }
    this.#grown.set(id, { life, term, vote, commit, applied });
  }

  /** M196: purged <= snapshot <= applied <= commit <= last. */
  sawWatermarks(status: BasicStatus, snapshot: Pick<Snapshot, 'index'>): void {
    const { applied, commit, firstIndex, id, lastIndex } = status;
    const purged = firstIndex - 1;
    // While a snapshot is being installed the log is ahead of the disk.
    if (purged > snapshot.index) return;
    const text = `${purged} <= ${snapshot.index} <= ${applied} <= ${commit} <= ${lastIndex}`;
    const holds = snapshot.index <= applied && applied <= commit && commit <= lastIndex;
    assert(holds, `M196 at ${id}: ${text}`);
  }

  /** M193: what was once seen committed is there, unchanged, on whoever has committed that far. */
  sawCommit(replica: Replica, { commit, term }: Pick<BasicStatus, 'commit' | 'term'>): void {
    for (let index = commit; index > 0; index--) {
      if (index + 1 < replica.log.firstIndex()) break;
      const at = termAt(replica, index);
      if (at === undefined) continue;
      const known = this.#committed.get(index);
      assert(
        known === undefined || known.term === at,
        `M193 ${replica.id} has ${at}/${index} committed, which was ${known?.term}/${index}`,
      );
      if (known !== undefined) break;
      this.counts.commits += 1;
      this.#committed.set(index, { term: at, byTerm: term });
    }
  }

  /** M194, M191, M197, M198: what holds for leaders. */
  #checkLeader(net: Observed, replica: Replica, status: BasicStatus): void {
    const at = termAt(replica, status.commit);
    if (at !== undefined && !this.#committed.has(status.commit)) {
      const { config } = status;
      this.sawCommitByLeader(net, status.commit, at, config);
    }
    for (const [index, { byTerm, term }] of this.#committed) {
      if (byTerm >= status.term) continue;
      const own = termAt(replica, index);
      const isThere = own === undefined ? index < status.firstIndex : own === term;
      assert(isThere, `M191 leader ${replica.id} of ${status.term} lacks ${term}/${index}`);
    }
    for (const peer of replica.core.status().peers) {
      assert(peer.next > peer.match, `M197 ${replica.id} sends ${peer.id} what it has`);
      const max = replica.options.inflightMessagesMax ?? 256;
      assert(peer.inflightMessages <= max, `M197 the window to ${peer.id} is too full`);
    }
    if (replica.options.validateConfChanges === false) return;
    const changes = [...entriesAfter(replica, status.applied)].filter(
      ({ kind }) => kind !== 'normal',
    );
    assert(changes.length <= 1, `M198 ${replica.id} has ${changes.length} changes unapplied`);
  }

  /** M194: a majority of each half of the config has it on disk. */
  sawCommitByLeader(
    net: Observed,
    index: number,
    term: number,
    { voters, votersOutgoing }: ConfState,
  ): void {
    for (const half of [voters, votersOutgoing]) {
      const holders = half.filter((id) => {
        const log = net.replicas.get(id)?.log;
        return log !== undefined && (log.term(index) === term || log.firstIndex() > index);
      });
      const isQuorum = half.length === 0 || holders.length * 2 > half.length;
      assert(
        isQuorum,
        `M194 committed ${term}/${index} is on ${holders.join(' ')} of ${half.join(' ')}`,
      );
    }
  }
}

function stateOf({ values }: Replica): string {
  return values.join(' ');
}

/** Entries of the log behind `index`, those that wait for the disk included. */
function entriesAfter({ diskQueue, log }: Replica, index: number): Iterable<Entry> {
  const byIndex = new Map<number, Entry>();
  const low = Math.max(index + 1, log.firstIndex());
  const durable = low > log.lastIndex() ? [] : log.entries(low, log.lastIndex() + 1, Infinity);
  if (typeof durable !== 'string') for (const entry of durable) byIndex.set(entry.index, entry);
  for (const { entries } of diskQueue) {
    const first = entries[0]?.index ?? Number.POSITIVE_INFINITY;
    for (const known of byIndex.keys()) if (known >= first) byIndex.delete(known);
    for (const entry of entries) if (entry.index > index) byIndex.set(entry.index, entry);
  }
  return byIndex.values();
}

/** The term at `index` in the log as its owner sees it; undefined if gone or not handed out yet. */
function termAt({ diskQueue, log }: Replica, index: number): number | undefined {
  let found = log.term(index);
  for (const { entries, snapshot } of diskQueue) {
    if (snapshot !== undefined && snapshot.index >= index) {
      found = snapshot.index === index ? snapshot.term : 'compacted';
    }
    const first = entries[0]?.index;
    if (first === undefined || index < first) continue;
    found = entries[index - first]?.term ?? 'unavailable';
  }
  return typeof found === 'number' ? found : undefined;
}

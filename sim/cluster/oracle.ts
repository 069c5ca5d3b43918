// Sees everything and checks what must hold. Each check looks only at what just happened, so that
// it costs the same however long the run is. The first violation ends the run.

import { assert } from '../../src/base/assert.ts';
import type { MachineCommand, MachineState, ShardMachine } from '../../src/core/machine.ts';
import type { EntryId } from '../../src/core/raft/index.ts';
import type { MemberId } from '../../src/engine/transport/index.ts';
import type { ShardId } from '../../src/engine/wal/index.ts';
import type { ReadAnswer, ShardStatus } from '../../src/replica/types.ts';
import type { ClusterCounters } from './counters.ts';
import { answerOf, ShardReference, type Violate } from './reference.ts';

/** The highest values seen of one replica. Those of one life start anew with the next. */
interface Watermarks {
  life: number;
  term: number;
  commit: number;
  applied: number;
  firstIndex: number;
  readAt: number;
  isHibernating: boolean;
  /** As a leader it was seen to hibernate in this term, so many looks ago. Infinity: never. */
  restedLooks: number;
}

/** What is compared of replicas that have applied as much. */
export interface ReplicaState {
  readonly member: MemberId;
  readonly applied: number;
  readonly digest: () => string | undefined;
}

/** Commands of an entry: about what the smallest limit of a command's bytes lets in. */
const MANY = 40;
/** Of one shard. */
const COMPARE_MS = 100;
/** About half of the shortest time after which a leader may be deposed for its peers' silence. */
const RESTED_LOOKS = 5;

const NEVER_RESTED = { restedLooks: Number.POSITIVE_INFINITY };

export class Oracle {
  readonly #references = new Map<ShardId, ShardReference>();
  readonly #leaders = new Map<string, MemberId>();
  readonly #watermarks = new Map<string, Watermarks>();
  /** By shard and index: the term of the entry that somebody has applied there. */
  readonly #terms = new Map<ShardId, Map<number, number>>();
  /** By shard: the newest index at which states were compared, and when. */
  readonly #compared = new Map<ShardId, { index: number; atMs: number }>();
  /** By shard: the newest index that a client was told of, by an answer that must be fresh. */
  readonly #told = new Map<ShardId, number>();
  readonly #counters: ClusterCounters;
  readonly #violate: Violate;

  constructor(counters: ClusterCounters, violate: Violate) {
    this.#counters = counters;
    this.#violate = violate;
  }

  /** The machine of a replica, watched. */
  watch(
    machine: ShardMachine,
    shard: ShardId,
    onApply: (command: MachineCommand) => void = () => {},
  ): ShardMachine {
    const reference = this.reference(shard);
    const entry = { index: 0, count: 0 };
    assert(machine.wake === undefined, 'what a machine does when woken is not compared yet');
    return {
      kind: machine.kind,
      editions: machine.editions,
      apply: (command: MachineCommand, state: MachineState) => {
        const { isNew, result } = reference.apply(machine, command, state);
        if (isNew) this.#countNew(reference, command);
        this.#wholeEntries(reference, shard, entry, command);
        onApply(command);
        return result;
      },
      query: (question, view) => machine.query(question, view),
    };
  }

  #countNew(reference: ShardReference, { index }: MachineCommand): void {
    this.#counters.commandsApplied += 1;
    const count = reference.countAt(index);
    if (count > 1) this.#counters.commandsPacked += 1;
    if (count === 2) this.#counters.entriesOfSeveral += 1;
    if (count === MANY) this.#counters.entriesOfMany += 1;
  }

  /** [D24] A replica that goes on to another entry has carried out all of the last one. */
  #wholeEntries(
    reference: ShardReference,
    shard: ShardId,
    entry: { index: number; count: number },
    { index }: MachineCommand,
  ): void {
    if (index === entry.index) {
      entry.count += 1;
      return;
    }
    const expected = reference.countAt(entry.index);
    if (entry.count !== expected) {
      this.#violate(
        `shard ${shard}: ${entry.count} commands of ${expected} carried out at ${entry.index}`,
      );
    }
    entry.index = index;
    entry.count = 1;
  }

  reference(shard: ShardId): ShardReference {
    let reference = this.#references.get(shard);
    if (reference === undefined) {
      reference = new ShardReference((what) => this.#violate(`shard ${shard}: ${what}`));
      this.#references.set(shard, reference);
    }
    return reference;
  }

  /** What a fresh read that begins now must not fall behind. */
  floor(shard: ShardId): number {
    return this.#told.get(shard) ?? 0;
  }

  // --- what members say of themselves -----------------------------------------------------------

  observe(member: MemberId, life: number, status: ShardStatus): void {
    const { commit, shard, term } = status;
    const who = `shard ${shard} at m${member}`;
    const seen = this.#watermarksOf(member, shard);
    // Terms too: one that was not durable yet was told to nobody.
    if (seen.life !== life)
      Object.assign(seen, { life, term: 0, commit: 0, applied: 0, readAt: 0, ...NEVER_RESTED });
    const applied = status.applied.index;
    if (term < seen.term) this.#violate(`${who}: the term fell from ${seen.term} to ${term}`);
    if (commit < seen.commit) this.#violate(`${who}: the commit index fell to ${commit}`);
    if (applied < seen.applied) this.#violate(`${who}: the applied index fell to ${applied}`);
    this.#sameTerm(who, shard, status.applied);
    if (applied > commit) this.#violate(`${who}: applied ${applied} beyond ${commit}`);
    // While a snapshot is installed, the log has it a moment before the state does.
    if (status.firstIndex > commit + 1) this.#violate(`${who}: purged what is not committed`);
    if (status.firstIndex > seen.firstIndex && seen.firstIndex > 0) this.#counters.logsPurged += 1;
    if (status.isHibernating && !seen.isHibernating) this.#counters.shardsQuiet += 1;
    this.#keepsOffice(who, member, seen, status);
    const { firstIndex, isHibernating } = status;
    Object.assign(seen, { term, commit, applied, firstIndex, isHibernating });
    if (status.role === 'leader') this.#noteLeader(shard, term, member);
  }

  /**
   * [H83] Its peers agreed to rest, and have an election timeout to answer a leader that wakes:
   * until then another term alone ends its office. Requests that wake it would be refused else.
   */
  #keepsOffice(who: string, member: MemberId, seen: Watermarks, status: ShardStatus): void {
    const { config, isHibernating, role, term } = status;
    const looks = term === seen.term ? seen.restedLooks + 1 : Number.POSITIVE_INFINITY;
    const isMember = [...config.voters, ...config.votersOutgoing].includes(member);
    if (role !== 'leader' && isMember && looks <= RESTED_LOOKS) {
      this.#violate(`${who}: deposed in term ${term} by waking up`);
    }
    if (role !== 'leader') seen.restedLooks = Number.POSITIVE_INFINITY;
    else seen.restedLooks = isHibernating ? 0 : looks;
  }

  /** What one member has applied is the entry that all others have applied there. */
  #sameTerm(who: string, shard: ShardId, { index, term }: EntryId): void {
    let terms = this.#terms.get(shard);
    if (terms === undefined) {
      terms = new Map();
      this.#terms.set(shard, terms);
    }
    const known = terms.get(index);
    if (known === undefined) terms.set(index, term);
    else if (known !== term) {
      this.#violate(`${who}: entry ${index} is of term ${term} and was applied of term ${known}`);
    }
  }

  /**
   * States are equal where the applied index is equal. A digest reads the whole state: some, spread
   * over the run, are as good as all, because what differs once goes on to differ.
   */
  compareStates(shard: ShardId, replicas: readonly ReplicaState[], nowMs: number): void {
    const last = this.#compared.get(shard) ?? { index: 0, atMs: Number.NEGATIVE_INFINITY };
    if (nowMs < last.atMs + COMPARE_MS) return;
    for (const { applied } of replicas) {
      if (applied <= last.index) continue;
      const equal = replicas.filter((replica) => replica.applied === applied);
      if (equal.length < 2) continue;
      this.#compared.set(shard, { index: applied, atMs: nowMs });
      this.#counters.statesCompared += 1;
      const [one, ...others] = equal.map(({ digest, member }) => ({ member, sum: digest() }));
      const other = others.find(({ sum }) => sum !== one?.sum);
      if (other === undefined || one === undefined) return;
      const who = `m${one.member} and m${other.member}`;
      this.#violate(`shard ${shard}: ${who} have different states at ${applied}`);
      return;
    }
  }

  /** The member's disk is empty: what was seen of it is history. */
  forget(member: MemberId): void {
    for (const key of this.#watermarks.keys()) {
      if (key.startsWith(`${member}/`)) this.#watermarks.delete(key);
    }
  }

  /** The shard has left the member: if it comes back it begins anew. */
  forgetShard(member: MemberId, shard: ShardId): void {
    this.#watermarks.delete(`${member}/${shard}`);
  }

  #noteLeader(shard: ShardId, term: number, member: MemberId): void {
    const key = `${shard}/${term}`;
    const known = this.#leaders.get(key);
    if (known === undefined) {
      this.#leaders.set(key, member);
      this.#counters.leadersElected += 1;
    } else if (known !== member) {
      this.#violate(`shard ${shard}: m${known} and m${member} both lead term ${term}`);
    }
  }

  #watermarksOf(member: MemberId, shard: ShardId): Watermarks {
    const key = `${member}/${shard}`;
    let seen = this.#watermarks.get(key);
    if (seen === undefined) {
      seen = {
        life: 0,
        term: 0,
        commit: 0,
        applied: 0,
        firstIndex: 0,
        readAt: 0,
        isHibernating: false,
        ...NEVER_RESTED,
      };
      this.#watermarks.set(key, seen);
    }
    return seen;
  }

  // --- what clients are told --------------------------------------------------------------------

  /** A write is acknowledged: a fresh read that begins from now on must see it. */
  acknowledged(shard: ShardId, index: number): void {
    // An answer to a command that was sent again names where it stands for the last time; there the
    // machine was not asked.
    const { last } = this.reference(shard);
    this.#told.set(shard, Math.max(this.floor(shard), Math.min(index, last)));
  }

  /** `floor` is what `floor()` said when the read began. */
  fresh(
    shard: ShardId,
    machine: ShardMachine,
    question: Uint8Array,
    answer: ReadAnswer & { kind: 'answered' },
    floor: number,
  ): void {
    const { index, level } = answer;
    if (index < floor) {
      this.#violate(`shard ${shard}: a ${level} read at ${index} after ${floor} was told`);
    }
    this.#mustMatch(shard, machine, question, answer);
    this.#told.set(shard, Math.max(this.floor(shard), Math.min(index, this.reference(shard).last)));
  }

  /** A local read answers the state of some index, never an older one than before. */
  local(
    member: MemberId,
    life: number,
    shard: ShardId,
    machine: ShardMachine,
    question: Uint8Array,
    answer: ReadAnswer & { kind: 'answered' },
  ): void {
    const seen = this.#watermarksOf(member, shard);
    if (seen.life === life) {
      if (answer.index < seen.readAt) {
        this.#violate(`shard ${shard} at m${member}: a local read went back in time`);
      }
      seen.readAt = answer.index;
    }
    this.#mustMatch(shard, machine, question, answer);
  }

  #mustMatch(
    shard: ShardId,
    machine: ShardMachine,
    question: Uint8Array,
    { index, level, result }: ReadAnswer & { kind: 'answered' },
  ): void {
    const expected = answerOf(machine, question, this.reference(shard).viewAt(index));
    if (Buffer.compare(expected, result) !== 0) {
      this.#violate(`shard ${shard}: a ${level} read at ${index} saw another state`);
    }
  }
}

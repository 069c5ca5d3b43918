// Where storage may fail, and when, so that a good copy of everything remains on a majority. Beyond
// that no system could recover, and a failing run would prove nothing.
//
// The frail are fewer than half of the members of every shard. Only their disks lose or change what
// was durable. A frail member that was harmed stays harmed until an operator replaces it by a new
// one, which then is frail in its stead.

import { type Prng, shuffle } from '../../src/base/prng.ts';
import type { SimMember } from './sim-member.ts';

/**
 * A write that went wrong unnoticed, and was the last one before a crash, cannot be told from one
 * that the crash cut off. So its member lives on for a while: a mark, or another batch, follows.
 */
const CRASH_FREE_MS = 2_000;

export class FaultBudget {
  readonly #frail: Set<number>;

  /** `groups`: the members of each shard. */
  constructor(
    members: readonly number[],
    random: Prng,
    groups: readonly (readonly number[])[] = [members],
  ) {
    const drawn = [...members];
    shuffle(drawn, random);
    this.#frail = new Set();
    for (const member of drawn) {
      this.#frail.add(member);
      if (![members, ...groups].every((group) => this.mayForm(group))) this.#frail.delete(member);
    }
  }

  /** A shard of these members outlives the loss of those that are frail. */
  mayForm(group: readonly number[]): boolean {
    const frail = group.filter((member) => this.#frail.has(member));
    return frail.length <= Math.floor((group.length - 1) / 2);
  }

  /** What is durable on this member's disk may be lost. */
  mayHarm(member: SimMember): boolean {
    return this.#frail.has(member.id);
  }

  /** The process may end now, whoever ends it. */
  mayCrash({ machine: { disk } }: SimMember, nowMs: number): boolean {
    if (disk.isDue('bitFlip') || disk.isDue('misdirect')) return false;
    return nowMs > disk.silentFaultAtMs + CRASH_FREE_MS;
  }

  /** `heir` has all that a member has, and `member` is none any more. */
  succeed(member: SimMember, heir: SimMember): void {
    if (this.#frail.delete(member.id)) this.#frail.add(heir.id);
  }
}

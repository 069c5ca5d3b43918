// Who is who: gossip knows members by node id, a name that people gave; replicas know them by
// number, which is never used again. This is the one place that holds the two against each other.
// Settings feed it.

import { assert } from '../base/assert.ts';
import type { MemberId } from '../engine/transport/index.ts';

export class MemberNumbers {
  readonly #numbers = new Map<string, MemberId>();
  readonly #names = new Map<MemberId, string>();

  /** A name and a number that had another one let go of it. */
  assign(name: string, member: MemberId): void {
    assert(name !== '' && member > 0, 'a member has a name and a number; 0 is what clients are');
    const before = this.#numbers.get(name);
    if (before !== undefined) this.#names.delete(before);
    this.forget(member);
    this.#numbers.set(name, member);
    this.#names.set(member, name);
  }

  forget(member: MemberId): void {
    const name = this.#names.get(member);
    if (name === undefined) return;
    this.#names.delete(member);
    this.#numbers.delete(name);
  }

  numberOf(name: string): MemberId | undefined {
    return this.#numbers.get(name);
  }

  nameOf(member: MemberId): string | undefined {
    return this.#names.get(member);
  }
}

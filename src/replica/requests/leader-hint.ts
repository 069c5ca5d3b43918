// The member to ask about one shard: the one that was said to lead, or everyone in turn.

import { assert } from '../../base/assert.ts';
import type { MemberId } from '../../engine/transport/index.ts';

export class LeaderHint {
  readonly #members: readonly MemberId[];
  #leader: MemberId = 0;
  #turn = 0;

  constructor(members: readonly MemberId[]) {
    assert(members.length > 0, '[Q9] there is somebody to ask');
    assert(!members.includes(0), '[Q9] nobody is no member');
    this.#members = members;
  }

  get member(): MemberId {
    return this.#leader === 0
      ? (this.#members[this.#turn % this.#members.length] as MemberId)
      : this.#leader;
  }

  /** Somebody said so. 0 says nothing. */
  follow(leader: MemberId): void {
    if (leader !== 0) this.#leader = leader;
  }

  /** `asked` was no help: unless somebody else was named meanwhile, the next one is asked. */
  leave(asked: MemberId): void {
    assert(asked !== 0, '[Q9] a member was asked');
    if (this.member !== asked) return;
    this.#leader = 0;
    this.#turn += 1;
  }
}

// Bounds what waits: work that would only queue up is refused at the door, while refusing is cheap.

import { assert } from '../../base/assert.ts';
import { LIMITS } from '../../base/limits.ts';
import type { WriteRefusal } from '../types.ts';

/** The work that all shards of a member have waiting. */
export class MemberLoad {
  bytes = 0;
  count = 0;
  reads = 0;
  readBytes = 0;
}

/** The work that one shard has waiting. [H20] All that is taken in is let go of exactly once. */
export class Admission {
  readonly #member: MemberLoad;
  readonly #commandBytesMax: number;
  #bytes = 0;
  #count = 0;

  constructor(member: MemberLoad, commandBytesMax: number = LIMITS.replica.payloadBytesMax) {
    this.#member = member;
    this.#commandBytesMax = commandBytesMax;
  }

  /** Undefined lets `bytes` in, and counts them. */
  admit(bytes: number): WriteRefusal | undefined {
    const limits = LIMITS.replica;
    if (bytes > this.#commandBytesMax) return 'tooLarge';
    const member = this.#member;
    if (
      member.count >= limits.memberWaitingMax ||
      member.bytes + bytes > limits.memberWaitingBytesMax ||
      this.#count >= limits.shardWaitingMax ||
      this.#bytes + bytes > limits.shardWaitingBytesMax
    ) {
      return 'overloaded';
    }
    member.count += 1;
    member.bytes += bytes;
    this.#count += 1;
    this.#bytes += bytes;
    assert(member.count >= this.#count, '[H20] a member waits for what its shards wait for');
    return undefined;
  }

  release(count: number, bytes: number): void {
    this.#count -= count;
    this.#bytes -= bytes;
    this.#member.count -= count;
    this.#member.bytes -= bytes;
    assert(this.#member.count >= this.#count, '[H20] what is let go of was taken in');
    assert(this.#count >= 0 && this.#bytes >= 0, '[H20] what is let go of was taken in');
  }
}

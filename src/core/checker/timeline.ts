// The operations on one key as a timeline: calls and returns in one doubly linked list that the
// search takes operations out of (lift) and puts back (unlift), as Wing and Gong do it.
//
// Nodes are integers. Operation i of n has the call node i and the return node n + i; node 2n is
// the head and the end of the ring. A pending operation has no return node.

import { assert } from '../../base/assert.ts';
import { NEVER, type Operation } from './model.ts';

export class Timeline {
  readonly count: number;
  /** Head and end of the ring, and the "return" that is reached when nothing has to be placed. */
  readonly end: number;
  readonly next: Int32Array;
  readonly previous: Int32Array;
  /** By node: where it stands in time. Return nodes of pending operations stand at the end. */
  readonly position: Int32Array;
  /**
   * By operation: a number that no other operation open at the same time has, small because it is
   * used again after the return. Enough to tell which of the open operations are placed [C6].
   * Pending operations are numbered by themselves.
   */
  readonly slot: Int32Array;
  readonly slotCount: number;
  readonly pendingCount: number;
  /** By operation: 1 where it never returned. */
  readonly pending: Uint8Array;

  /** `operations` are ordered by their calls. */
  constructor(operations: readonly Operation<unknown>[]) {
    const count = operations.length;
    this.count = count;
    this.end = 2 * count;
    this.next = new Int32Array(2 * count + 1);
    this.previous = new Int32Array(2 * count + 1);
    this.position = new Int32Array(2 * count + 1).fill(2 * count);
    this.slot = new Int32Array(count);
    this.pending = Uint8Array.from(operations, (operation) =>
      operation.returnAt === NEVER ? 1 : 0,
    );
    const nodes = orderNodes(operations);
    let last = this.end;
    for (const [position, node] of nodes.entries()) {
      this.position[node] = position;
      this.next[last] = node;
      this.previous[node] = last;
      last = node;
    }
    this.next[last] = this.end;
    this.previous[this.end] = last;
    this.slotCount = this.#assignSlots(nodes);
    this.pendingCount = this.#numberPending();
  }

  /** Each call takes the slot that was given back last, or a new one. */
  #assignSlots(nodes: readonly number[]): number {
    const free: number[] = [];
    let slotCount = 0;
    for (const node of nodes) {
      if (node >= this.count) free.push(this.slot[node - this.count] as number);
      else if (this.pending[node] === 0) {
        const reused = free.pop();
        this.slot[node] = reused ?? slotCount;
        if (reused === undefined) slotCount += 1;
      }
    }
    return slotCount;
  }

  #numberPending(): number {
    let pendingCount = 0;
    for (const [operation, isPending] of this.pending.entries()) {
      if (isPending === 0) continue;
      this.slot[operation] = pendingCount;
      pendingCount += 1;
    }
    return pendingCount;
  }

  /** Takes the operation's nodes out of the list; they keep their own links for `unlift`. */
  lift(operation: number): void {
    this.#unlink(operation);
    if (this.pending[operation] === 0) this.#unlink(operation + this.count);
  }

  /** Undoes the latest `lift` that is not undone yet: only that order restores the list [C5]. */
  unlift(operation: number): void {
    if (this.pending[operation] === 0) this.#relink(operation + this.count);
    this.#relink(operation);
  }

  #unlink(node: number): void {
    const before = this.previous[node] as number;
    const after = this.next[node] as number;
    this.next[before] = after;
    this.previous[after] = before;
  }

  #relink(node: number): void {
    this.next[this.previous[node] as number] = node;
    this.previous[this.next[node] as number] = node;
  }
}

/** Calls go before returns of the same time: touching intervals overlap. */
function orderNodes(operations: readonly Operation<unknown>[]): number[] {
  const count = operations.length;
  const nodes: number[] = [];
  const times = new Float64Array(2 * count);
  for (const [i, { callAt, returnAt }] of operations.entries()) {
    assert(Number.isSafeInteger(callAt), 'times are integers [C1]');
    assert(returnAt === NEVER || Number.isSafeInteger(returnAt), 'times are integers [C1]');
    assert(callAt <= returnAt, 'an operation returns after its call [C1]');
    times[i] = callAt;
    times[count + i] = returnAt;
    nodes.push(i);
    if (returnAt !== NEVER) nodes.push(count + i);
  }
  return nodes.sort((a, b) => {
    const byTime = (times[a] as number) - (times[b] as number);
    if (byTime !== 0) return byTime;
    return Number(a >= count) - Number(b >= count) || a - b;
  });
}

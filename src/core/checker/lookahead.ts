// What cuts 4 and 5 need to know about a timeline: who is going to look at the state, who could
// still reset it before that, and which operations do not look at all.

import type { Foresight, Operation, StateValue } from './model.ts';
import { FORGOTTEN, HOPELESS, type StepTable } from './step-table.ts';
import type { Timeline } from './timeline.ts';

/** A class of operations that see the state, and where in time the last of them returns. */
interface Seer {
  readonly classId: number;
  readonly lastReturn: number;
}

export class Lookahead<Action, State extends StateValue> {
  readonly #timeline: Timeline;
  readonly #steps: StepTable<Action, State>;
  readonly #classOf: Int32Array;
  /** By operation: 1 where it makes sense in every state and answers nothing. */
  readonly blind: Uint8Array;
  /** By operation: 1 where it leads to one state from everywhere. */
  readonly resets: Uint8Array;
  /** By class that resets: where in time its operations are called, ascending. */
  readonly #resetCalls = new Map<number, number[]>();
  /** By class that resets: how many of its operations are placed. */
  readonly #resetsPlaced = new Map<number, number>();
  /** By class: the resetting classes after which its action has hope; found when asked. */
  readonly #helpers = new Map<number, number[]>();
  /** By position: the observer that is called first after it, or -1. */
  readonly #observerAfter: Int32Array;
  /** The last to return come first. */
  readonly #seers: readonly Seer[];
  /** By state: where in time the last operation returns that could see it; found when asked. */
  readonly #seenUntil: number[] = [];

  constructor(
    foresight: Foresight<Action, State>,
    operations: readonly Operation<Action>[],
    observes: Uint8Array,
    timeline: Timeline,
    steps: StepTable<Action, State>,
    classOf: Int32Array,
  ) {
    this.#timeline = timeline;
    this.#steps = steps;
    this.#classOf = classOf;
    this.blind = Uint8Array.from(operations, ({ action }) => Number(foresight.blind(action)));
    this.resets = Uint8Array.from(operations, ({ action }) => Number(foresight.resets(action)));
    for (const [operation, resets] of this.resets.entries()) {
      if (resets === 0) continue;
      const own = classOf[operation] as number;
      const calls = this.#resetCalls.get(own) ?? [];
      calls.push(timeline.position[operation] as number);
      this.#resetCalls.set(own, calls);
    }
    const { count, end, previous, position } = timeline;
    this.#observerAfter = new Int32Array(2 * count + 1).fill(-1);
    let observer = -1;
    const lastReturns = new Map<number, number>();
    for (let node = previous[end] as number; node !== end; node = previous[node] as number) {
      this.#observerAfter[position[node] as number] = observer;
      if (node >= count) continue;
      if (observes[node] === 1) observer = node;
      if (this.blind[node] === 1) continue;
      const own = classOf[node] as number;
      const returns = position[count + node] as number;
      lastReturns.set(own, Math.max(returns, lastReturns.get(own) ?? 0));
    }
    this.#seers = Array.from(lastReturns, ([classId, lastReturn]) => ({
      classId,
      lastReturn,
    })).sort((a, b) => b.lastReturn - a.lastReturn);
  }

  /** Tells of an operation placed (1) or taken back (-1). */
  count(operation: number, change: 1 | -1): void {
    if (this.resets[operation] === 0) return;
    const own = this.#classOf[operation] as number;
    this.#resetsPlaced.set(own, (this.#resetsPlaced.get(own) ?? 0) + change);
  }

  /** Whether an answer that is already known cannot come about any more from `state` (cut 4). */
  seesNoWay(state: number, target: number): boolean {
    const { count, end, next, pending, position } = this.#timeline;
    for (let node = next[end] as number; node < count; node = next[node] as number) {
      if (pending[node] === 0 && this.#isOutOfReach(state, node)) return true;
    }
    const observer = this.#observerAfter[position[target] as number] as number;
    return observer >= 0 && this.#isOutOfReach(state, observer);
  }

  /**
   * Whether an operation that returns with the target or later could see what comes of `state`
   * before the next reset (cut 5). All that return earlier are placed.
   */
  mayBeSeen(state: number, target: number): boolean {
    let until = this.#seenUntil[state];
    if (until === undefined) {
      const seer = this.#seers.find(({ classId }) => this.#steps.hasHope(state, classId));
      until = seer?.lastReturn ?? -1;
      this.#seenUntil[state] = until;
    }
    return until >= (this.#timeline.position[target] as number);
  }

  /**
   * Resetting operations that are placed were called before the target returned, hence before
   * `operation` returns: when more of a class were called by then, one is left to be placed.
   */
  #isOutOfReach(state: number, operation: number): boolean {
    const own = this.#classOf[operation] as number;
    if (this.#steps.step(state, own) !== HOPELESS) return false;
    const { count, position } = this.#timeline;
    const returnPosition = position[count + operation] as number;
    return !this.#helpersOf(own).some((helper) => {
      const calls = this.#resetCalls.get(helper) as number[];
      return countBelow(calls, returnPosition) > (this.#resetsPlaced.get(helper) ?? 0);
    });
  }

  #helpersOf(own: number): number[] {
    let helpers = this.#helpers.get(own);
    if (helpers === undefined) {
      helpers = [...this.#resetCalls.keys()].filter((reset) =>
        this.#steps.hasHope(this.#steps.step(FORGOTTEN, reset), own),
      );
      this.#helpers.set(own, helpers);
    }
    return helpers;
  }
}

/** How many of the ascending numbers are below `limit`. */
function countBelow(ascending: readonly number[], limit: number): number {
  let low = 0;
  let high = ascending.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((ascending[middle] as number) < limit) low = middle + 1;
    else high = middle;
  }
  return low;
}

// What cut 4 needs to know about a timeline: whom to ask whether a state is hopeless, and whether
// an operation that resets the state could still come in between and help.

import type { Foresight, Operation, StateValue } from './model.ts';
import { HOPELESS, type StepTable } from './step-table.ts';
import type { Timeline } from './timeline.ts';

const NO_CLASS = -1;

export class Lookahead<Action, State extends StateValue> {
  readonly #timeline: Timeline;
  readonly #steps: StepTable<Action, State>;
  readonly #classOf: Int32Array;
  /** By operation: its class where it resets, else NO_CLASS. */
  readonly #resetClass: Int32Array;
  /** By class that resets: where in time its operations are called, ascending. */
  readonly #resetCalls = new Map<number, number[]>();
  /** By class that resets: how many of its operations are placed. */
  readonly #resetsPlaced = new Map<number, number>();
  /** By class: the resetting classes after which its action is not hopeless; found when asked. */
  readonly #helpers = new Map<number, number[]>();
  /** By position: the observer that is called first after it, or -1. */
  readonly #observerAfter: Int32Array;

  constructor(
    foresight: Foresight<Action, State>,
    operations: readonly Operation<Action>[],
    observes: Uint8Array,
    timeline: Timeline,
    steps: StepTable<Action, State>,
    classOf: Int32Array,
  ) {
    const { count, end, previous, position } = timeline;
    this.#timeline = timeline;
    this.#steps = steps;
    this.#classOf = classOf;
    this.#resetClass = Int32Array.from(operations, ({ action }, i) =>
      foresight.resets(action) ? (classOf[i] as number) : NO_CLASS,
    );
    for (const [operation, own] of this.#resetClass.entries()) {
      if (own === NO_CLASS) continue;
      const calls = this.#resetCalls.get(own) ?? [];
      calls.push(position[operation] as number);
      this.#resetCalls.set(own, calls);
    }
    this.#observerAfter = new Int32Array(2 * count + 1).fill(-1);
    let observer = -1;
    for (let node = previous[end] as number; node !== end; node = previous[node] as number) {
      this.#observerAfter[position[node] as number] = observer;
      if (node < count && observes[node] === 1) observer = node;
    }
  }

  /** Tells of an operation placed (1) or taken back (-1). */
  count(operation: number, change: 1 | -1): void {
    const own = this.#resetClass[operation] as number;
    if (own !== NO_CLASS) {
      this.#resetsPlaced.set(own, (this.#resetsPlaced.get(own) ?? 0) + change);
    }
  }

  /** Whether an answer that is already known cannot come about any more from `state`. */
  seesNoWay(state: number, target: number): boolean {
    const { count, end, next, pending, position } = this.#timeline;
    for (let node = next[end] as number; node < count; node = next[node] as number) {
      if (pending[node] === 0 && this.#isOutOfReach(state, node)) return true;
    }
    const observer = this.#observerAfter[position[target] as number] as number;
    return observer >= 0 && this.#isOutOfReach(state, observer);
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
      helpers = [...this.#resetCalls.keys()].filter((reset) => this.#steps.helps(reset, own));
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

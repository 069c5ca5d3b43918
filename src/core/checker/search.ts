// The search for a linearization of one timeline: Wing and Gong's, with Lowe's memory of the
// configurations that were tried, and five cuts (SPEC.md C7 argues that they lose nothing).
//
// At each moment some operations are placed, in an order that makes sense to the model. The next
// one is taken from those called before the first return that is still in the list: that return's
// operation, the target, has to be placed before anything called later. When no return is left,
// the order is complete; operations that are pending need not be placed.

import { assert } from '../../base/assert.ts';
import { Lookahead } from './lookahead.ts';
import type { Model, Operation, StateValue } from './model.ts';
import { FORGOTTEN, ILLEGAL, StepTable } from './step-table.ts';
import { Timeline } from './timeline.ts';
import { Tried } from './tried.ts';

/** The candidates are walked over three times: who returned comes first, ... */
const SEEN = 0;
/** ... then the same once more for cut 5, ... */
const UNSEEN = 1;
/** ... and the pending ones last, because most of them are not needed. */
const PENDING = 2;
type Pass = typeof SEEN | typeof UNSEEN | typeof PENDING;

export type SearchStatus = 'searching' | 'linearizable' | 'notLinearizable';

/** How far the search came at best: indexes of operations. */
export interface Reach<State extends StateValue> {
  /** Placed, in this order. */
  readonly order: readonly number[];
  /** The state after each of `order`. */
  readonly states: readonly State[];
  /** The operation that returned before any order could take it in; -1 where there is none. */
  readonly stuck: number;
  /** Where in time it returned: how far the order comes. */
  readonly reachedPosition: number;
}

export class Search<Action, State extends StateValue> {
  readonly #steps: StepTable<Action, State>;
  readonly #timeline: Timeline;
  readonly #classOf: Int32Array;
  readonly #observes: Uint8Array;
  /** By operation: the one of equal class that returned last before it, or -1 (cut 2). */
  readonly #twin: Int32Array;
  readonly #lookahead: Lookahead<Action, State> | undefined;
  readonly #placed: Uint8Array;
  /** Operations in the order in which they were placed, and the state before each. */
  readonly #stack: Int32Array;
  readonly #stateBefore: Int32Array;
  #depth = 0;
  #state: number;
  /** The target's return node, then the state, then one bit for each slot. */
  readonly #configuration: Int32Array;
  /** One bit for each pending operation. */
  readonly #pendingPlaced: Int32Array;
  readonly #tried: Tried;
  /** Where the walk over the candidates stands, and which of the walks it is. */
  #cursor: number;
  #pass: Pass = SEEN;
  readonly #best: Int32Array;
  #bestDepth = 0;
  #bestTarget: number;
  /** Below this depth `#best` and `#stack` are the same. */
  #sharedDepth = 0;
  #status: SearchStatus = 'searching';

  constructor(model: Model<Action, State>, operations: readonly Operation<Action>[]) {
    const count = operations.length;
    const steps = new StepTable(model);
    this.#steps = steps;
    this.#timeline = new Timeline(operations);
    this.#classOf = Int32Array.from(operations, ({ action }) => steps.classOf(action));
    this.#observes = Uint8Array.from(operations, ({ action }) => Number(model.observes(action)));
    this.#twin = linkTwins(this.#timeline, this.#classOf);
    this.#dropPendingObservers();
    if (model.foresight !== undefined) {
      this.#lookahead = new Lookahead(
        model.foresight,
        operations,
        this.#observes,
        this.#timeline,
        steps,
        this.#classOf,
      );
    }
    this.#placed = new Uint8Array(count);
    this.#stack = new Int32Array(count);
    this.#stateBefore = new Int32Array(count + 1);
    this.#best = new Int32Array(count);
    this.#bestTarget = this.#timeline.next[this.#timeline.end] as number;
    this.#state = steps.initial;
    this.#configuration = new Int32Array(2 + Math.ceil(this.#timeline.slotCount / 32));
    this.#pendingPlaced = new Int32Array(Math.ceil(this.#timeline.pendingCount / 32));
    this.#tried = new Tried(this.#configuration.length, this.#pendingPlaced.length);
    this.#cursor = this.#timeline.end;
    if (!this.#enter()) this.#retreat();
  }

  /** An observer that never returned says nothing [C2]: it stays out of the list for good. */
  #dropPendingObservers(): void {
    for (let operation = 0; operation < this.#timeline.count; operation++) {
      if (this.#observes[operation] === 1 && this.#timeline.pending[operation] === 1) {
        this.#timeline.lift(operation);
      }
    }
  }

  get bytes(): number {
    return this.#tried.bytes + this.#steps.bytes;
  }

  /** Searches on for about `stepsMax` looks at a candidate. */
  advance(stepsMax: number): SearchStatus {
    for (let steps = 0; steps < stepsMax && this.#status === 'searching'; steps++) {
      const candidate = this.#cursor;
      if (candidate < this.#timeline.count) {
        const next = this.#worthTrying(candidate);
        this.#cursor = this.#timeline.next[candidate] as number;
        if (next !== ILLEGAL) {
          this.#place(candidate, next);
          if (!this.#enter()) this.#retreat();
        }
      } else if (this.#pass === PENDING) {
        this.#noteReach();
        this.#retreat();
      } else {
        this.#pass = this.#pass === SEEN && this.#lookahead !== undefined ? UNSEEN : PENDING;
        this.#cursor = this.#timeline.next[this.#timeline.end] as number;
      }
    }
    return this.#status;
  }

  /** The linearization, or how far one came until now. */
  reach(): Reach<State> {
    if (this.#status === 'linearizable') this.#noteReach();
    const order = Array.from(this.#best.subarray(0, this.#bestDepth));
    const states: State[] = [];
    let state = this.#steps.initial;
    for (const operation of order) {
      state = this.#steps.step(state, this.#classOf[operation] as number);
      assert(state >= 0, 'what the search placed makes sense to the model [C5]');
      states.push(this.#steps.stateOf(state));
    }
    const { count, end, position } = this.#timeline;
    const target = this.#bestTarget;
    const stuck = target === end ? -1 : target - count;
    return { order, states, stuck, reachedPosition: position[target] as number };
  }

  /** The state that placing this candidate leads to, or ILLEGAL where it is no use to try. */
  #worthTrying(operation: number): number {
    if (this.#observes[operation] === 1) return ILLEGAL;
    const isPending = this.#timeline.pending[operation] === 1;
    if (isPending !== (this.#pass === PENDING) || this.#hasEarlierTwin(operation)) return ILLEGAL;
    if (this.#pass === UNSEEN) return this.#mayForget(operation) ? FORGOTTEN : ILLEGAL;
    const next = this.#steps.step(this.#state, this.#classOf[operation] as number);
    if (next < 0 || next === FORGOTTEN || (isPending && next === this.#state)) return ILLEGAL;
    const isUseless = this.#isUnseen(operation, next) || this.#makesPendingUseless(operation, next);
    return isUseless ? ILLEGAL : next;
  }

  /**
   * Cut 5: blind operations that nobody sees the effect of are placed as such, without a state.
   * Their order does not matter: they come in the order of their returns, pending ones not at all.
   */
  #mayForget(operation: number): boolean {
    if (this.#lookahead?.blind[operation] !== 1) return false;
    if (this.#depth === 0) return true;
    const { position, count, pending } = this.#timeline;
    const last = this.#stack[this.#depth - 1] as number;
    if (this.#state !== FORGOTTEN) return pending[last] === 0;
    return (position[count + last] as number) < (position[count + operation] as number);
  }

  /** Cut 5: what is not placed as unseen has to be seen, before a reset and at all. */
  #isUnseen(operation: number, next: number): boolean {
    const lookahead = this.#lookahead;
    if (lookahead?.blind[operation] !== 1) return false;
    if (!lookahead.mayBeSeen(next, this.#configuration[0] as number)) return true;
    if (lookahead.resets[operation] === 0 || this.#state === FORGOTTEN) return false;
    return this.#depth > 0 && lookahead.blind[this.#stack[this.#depth - 1] as number] === 1;
  }

  /** Cut 2: of two candidates that step alike, take the one that returns first. */
  #hasEarlierTwin(operation: number): boolean {
    const { position, count } = this.#timeline;
    const target = this.#configuration[0] as number;
    const targetPosition = position[target] as number;
    let twin = this.#twin[operation] as number;
    while (twin >= 0 && (position[count + twin] as number) >= targetPosition) {
      if (this.#placed[twin] === 0 && (position[twin] as number) < targetPosition) return true;
      twin = this.#twin[twin] as number;
    }
    return false;
  }

  /** Cut 3: a pending operation is placed only where the next one notices. */
  #makesPendingUseless(operation: number, next: number): boolean {
    if (this.#depth === 0) return false;
    const last = this.#stack[this.#depth - 1] as number;
    if (this.#timeline.pending[last] === 0) return false;
    const without = this.#stateBefore[this.#depth - 1] as number;
    return this.#steps.step(without, this.#classOf[operation] as number) === next;
  }

  #place(operation: number, next: number): void {
    this.#timeline.lift(operation);
    this.#placed[operation] = 1;
    this.#toggleSlot(operation);
    this.#stack[this.#depth] = operation;
    this.#stateBefore[this.#depth] = this.#state;
    this.#depth += 1;
    this.#state = next;
    this.#lookahead?.count(operation, 1);
  }

  #unplace(): number {
    this.#depth -= 1;
    this.#sharedDepth = Math.min(this.#sharedDepth, this.#depth);
    const operation = this.#stack[this.#depth] as number;
    this.#state = this.#stateBefore[this.#depth] as number;
    this.#toggleSlot(operation);
    this.#lookahead?.count(operation, -1);
    this.#placed[operation] = 0;
    this.#timeline.unlift(operation);
    return operation;
  }

  /**
   * Flipping is enough, nothing is cleared when a slot changes hands: for a given target all former
   * holders of the slot are placed, so its bit tells the present holder's case [C6].
   */
  #toggleSlot(operation: number): void {
    const slot = this.#timeline.slot[operation] as number;
    const bit = 1 << (slot & 31);
    if (this.#timeline.pending[operation] === 1) {
      const word = slot >>> 5;
      this.#pendingPlaced[word] = (this.#pendingPlaced[word] as number) ^ bit;
    } else {
      const word = 2 + (slot >>> 5);
      this.#configuration[word] = (this.#configuration[word] as number) ^ bit;
    }
  }

  /** Settles into the configuration just made; false when it was tried before. */
  #enter(): boolean {
    const target = this.#placeObservers();
    this.#configuration[0] = target;
    this.#configuration[1] = this.#state;
    if (target === this.#timeline.end) {
      this.#status = 'linearizable';
      return true;
    }
    if (this.#lookahead?.seesNoWay(this.#state, target) === true) {
      this.#noteReach();
      return false;
    }
    if (!this.#tried.add(this.#configuration, this.#pendingPlaced)) return false;
    this.#cursor = this.#timeline.next[this.#timeline.end] as number;
    this.#pass = SEEN;
    return true;
  }

  /**
   * Cut 1: an observer that makes sense now is placed now. Answers the first return node left.
   * The state stays the same, so one walk is enough, also past returns that it removes.
   */
  #placeObservers(): number {
    const { count, end, next, previous } = this.#timeline;
    let node = next[end] as number;
    while (node < count) {
      const before = previous[node] as number;
      if (this.#observes[node] === 1) {
        const state = this.#steps.step(this.#state, this.#classOf[node] as number);
        assert(state < 0 || state === this.#state, 'observers change nothing [C4]');
        if (state >= 0) {
          this.#place(node, state);
          node = before;
        }
      }
      node = next[node] as number;
    }
    return node;
  }

  /** Takes back the last choice, with the observers that followed it, and looks further. */
  #retreat(): void {
    for (;;) {
      if (this.#depth === 0) {
        this.#status = 'notLinearizable';
        return;
      }
      const wasForgotten = this.#state === FORGOTTEN;
      const operation = this.#unplace();
      if (this.#observes[operation] === 1) continue;
      this.#configuration[0] = this.#targetNode();
      this.#cursor = this.#timeline.next[operation] as number;
      if (this.#timeline.pending[operation] === 1) this.#pass = PENDING;
      else this.#pass = wasForgotten ? UNSEEN : SEEN;
      return;
    }
  }

  #targetNode(): number {
    const { count, end, next } = this.#timeline;
    let node = next[end] as number;
    while (node < count) node = next[node] as number;
    return node;
  }

  /** Keeps the order that came furthest in time; copies only what changed since the last one. */
  #noteReach(): void {
    const { position } = this.#timeline;
    const target = this.#configuration[0] as number;
    const gain = (position[target] as number) - (position[this.#bestTarget] as number);
    if (gain < 0 || (gain === 0 && this.#depth <= this.#bestDepth)) return;
    for (let i = this.#sharedDepth; i < this.#depth; i++) this.#best[i] = this.#stack[i] as number;
    this.#sharedDepth = this.#depth;
    this.#bestTarget = target;
    this.#bestDepth = this.#depth;
  }
}

/** Chains the operations of each class by return, so that cut 2 finds earlier ones quickly. */
function linkTwins(timeline: Timeline, classOf: Int32Array): Int32Array {
  const { count, position } = timeline;
  const byReturn = Array.from({ length: count }, (_, i) => i).sort(
    (a, b) => (position[count + a] as number) - (position[count + b] as number) || a - b,
  );
  const twin = new Int32Array(count);
  const lastOfClass = new Map<number, number>();
  for (const operation of byReturn) {
    const own = classOf[operation] as number;
    twin[operation] = lastOfClass.get(own) ?? -1;
    lastOfClass.set(own, operation);
  }
  return twin;
}

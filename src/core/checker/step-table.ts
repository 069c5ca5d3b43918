// Turns a model into arithmetic: states and actions become small integers, and each step is asked
// of the model once. The search meets the same (state, action) pair thousands of times.

import type { Model, StateValue } from './model.ts';
import { TupleSet } from './tuple-set.ts';

/** No state: the action could not have had its answer. */
export const ILLEGAL = -1;

/** Nor will it have, unless the state is reset (cut 4). */
export const HOPELESS = -2;

/**
 * The state of which nothing is known because nobody saw it (cut 5). Blind actions make sense in it
 * and only resetting ones lead out of it.
 */
export const FORGOTTEN = 0;

/** A guess at what the engine spends on a map entry and an array element. */
const STATE_BYTES = 96;
const STATES_MAX = 15_000_000;

export class StepTable<Action, State extends StateValue> {
  readonly #model: Model<Action, State>;
  readonly #stateIds = new Map<State, number>();
  readonly #states: State[] = [];
  readonly #classIds = new Map<string, number>();
  readonly #actions: Action[] = [];
  readonly #asked = new TupleSet(2);
  readonly #question = new Int32Array(2);
  /** The answer to question number r of `#asked`. */
  #answers = new Int32Array(64);
  #stateBytes = 0;
  readonly initial: number;

  constructor(model: Model<Action, State>) {
    this.#model = model;
    const unknowable = null as State;
    this.#states.push(unknowable);
    this.initial = this.#stateId(model.init());
  }

  /** An estimate; endless once the engine's maps would soon be full (2^24 entries). */
  get bytes(): number {
    if (this.#states.length > STATES_MAX) return Number.POSITIVE_INFINITY;
    return this.#asked.bytes + this.#answers.byteLength + this.#stateBytes;
  }

  /** The class of an action: actions of one class step alike [C4]. */
  classOf(action: Action): number {
    const text = this.#model.describe(action);
    let id = this.#classIds.get(text);
    if (id === undefined) {
      id = this.#actions.length;
      this.#classIds.set(text, id);
      this.#actions.push(action);
    }
    return id;
  }

  stateOf(stateId: number): State {
    return this.#states[stateId] as State;
  }

  /** The state after an action of this class, or ILLEGAL or HOPELESS. */
  step(stateId: number, classId: number): number {
    this.#question[0] = stateId;
    this.#question[1] = classId;
    const row = this.#asked.add(this.#question);
    if (row < 0) return this.#answers[-1 - row] as number;
    const action = this.#actions[classId] as Action;
    const answer =
      stateId === FORGOTTEN ? this.#askForgotten(action) : this.#ask(this.stateOf(stateId), action);
    if (row === this.#answers.length) {
      const larger = new Int32Array(row * 2);
      larger.set(this.#answers);
      this.#answers = larger;
    }
    this.#answers[row] = answer;
    return answer;
  }

  /** Whether an action of `classId` has hope in the state. */
  hasHope(stateId: number, classId: number): boolean {
    return !this.#isHopeless(this.stateOf(stateId), this.#actions[classId] as Action);
  }

  #isHopeless(state: State, action: Action): boolean {
    return this.#model.foresight?.hopeless(state, action) === true;
  }

  #askForgotten(action: Action): number {
    const foresight = this.#model.foresight;
    if (foresight?.blind(action) !== true) return HOPELESS;
    if (!foresight.resets(action)) return FORGOTTEN;
    return this.#ask(this.#model.init(), action);
  }

  #ask(state: State, action: Action): number {
    const next = this.#model.step(state, action);
    if (next !== undefined) return this.#stateId(next);
    return this.#isHopeless(state, action) ? HOPELESS : ILLEGAL;
  }

  #stateId(state: State): number {
    let id = this.#stateIds.get(state);
    if (id === undefined) {
      id = this.#states.length;
      this.#stateIds.set(state, id);
      this.#states.push(state);
      this.#stateBytes += STATE_BYTES + (typeof state === 'string' ? state.length * 2 : 0);
    }
    return id;
  }
}

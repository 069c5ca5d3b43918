// The vocabulary of checking: what an object is (Model) and what was seen of it (Operation).
//
// A model is the object as one client alone would see it. It knows nothing of time, members or
// failures; the checker asks it whether some order of the operations makes sense.

/** A state is a plain value: equal states are equal values, so they compare, hash and print. */
export type StateValue = string | number | null;

/**
 * An action is what was asked together with what was answered, as far as that is known:
 * `{ kind: 'read', value: 3 }` is a read that answered 3. In an operation that never returned,
 * the action says what the object would do if the request took effect.
 */
export interface Model<Action, State extends StateValue> {
  readonly name: string;
  init(): State;
  /**
   * The state after `action`, or undefined when `action` could not have had its answer in `state`.
   * Pure: the checker calls it in any order and remembers the results.
   */
  step(state: State, action: Action): State | undefined;
  /** True for actions that change no state whatsoever, such as reads: `step` answers its input. */
  observes(action: Action): boolean;
  readonly foresight?: Foresight<Action, State>;
  /** For people, yet exact: actions of equal text step alike from every state [C4]. */
  describe(action: Action): string;
}

/**
 * Lets the search give up early on states that cannot become what a client saw (cut 4) and pass
 * over states that nobody saw (cut 5). Worth giving for models with many states.
 */
export interface Foresight<Action, State extends StateValue> {
  /**
   * True only if no actions but resetting ones lead from `state` to where `action` makes sense.
   * A list that only grows, say, never comes to read as a list that it is no beginning of.
   */
  hopeless(state: State, action: Action): boolean;
  /** True only for actions that make sense in every state and change it: they see nothing. */
  blind(action: Action): boolean;
  /** True for those of them that lead to the same state from everywhere. */
  resets(action: Action): boolean;
}

/** `returnAt` of an operation whose outcome nobody knows: it may take effect at any later time. */
export const NEVER = Number.POSITIVE_INFINITY;

/**
 * One request of one client. Times are integers of any unit; only their order matters. Where one
 * operation returns at the instant at which another is called, the two overlap.
 */
export interface Operation<Action> {
  readonly process: number;
  /** The part of the object it touches; parts are independent and checked one by one [C8]. */
  readonly key: string;
  readonly action: Action;
  readonly callAt: number;
  /** `NEVER` for an operation that is pending. */
  readonly returnAt: number;
}

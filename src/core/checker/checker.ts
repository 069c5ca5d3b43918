// Judges whole histories: takes them apart by key, searches each part, and puts the verdicts
// together. Parts take turns, so that one hard key does not hide an easy verdict about another.

import { assert } from '../../base/assert.ts';
import type { Model, Operation, StateValue } from './model.ts';
import { type Reach, Search, type SearchStatus } from './search.ts';

/** The operations on one key, ordered by their calls. Indexes elsewhere refer to this order. */
export interface Part<Action> {
  readonly key: string;
  readonly operations: readonly Operation<Action>[];
}

export interface JudgedPart<Action, State extends StateValue> extends Part<Action> {
  readonly reach: Reach<State>;
}

export type Verdict<Action, State extends StateValue> =
  /** Every part, with an order that explains it. */
  | { readonly kind: 'linearizable'; readonly parts: readonly JudgedPart<Action, State>[] }
  /** One part that no order explains, with the order that came furthest. */
  | { readonly kind: 'notLinearizable'; readonly part: JudgedPart<Action, State> }
  /** The budget ran out before the verdict about these keys. */
  | { readonly kind: 'unknown'; readonly ranOut: 'time' | 'memory'; readonly keys: string[] };

export interface Budget {
  /** Asked now and then; true ends the search. The caller knows what time it is. */
  readonly shouldStop?: () => boolean;
  /** What all searches together may remember. */
  readonly bytesMax?: number;
}

const BYTES_MAX = 1024 * 1024 * 1024;
/** A turn ends after this many looks, a few milliseconds: short enough to ask for the time. */
const TURN_STEPS = 50_000;

/** Turns spent on a better picture: some tenths of a second. */
const PICTURE_TURNS = 10;

interface Turn<Action, State extends StateValue> {
  readonly part: Part<Action>;
  readonly search: Search<Action, State>;
  /** What the search occupied after its latest turn. */
  bytes: number;
}

export function checkHistory<Action, State extends StateValue>(
  model: Model<Action, State>,
  operations: readonly Operation<Action>[],
  budget: Budget = {},
): Verdict<Action, State> {
  const bytesMax = budget.bytesMax ?? BYTES_MAX;
  const judged: JudgedPart<Action, State>[] = [];
  const outgrown: string[] = [];
  let bytesTaken = 0;
  let turns: Turn<Action, State>[] = partition(operations).map((part) => ({
    part,
    search: new Search(model, part.operations),
    bytes: 0,
  }));
  while (turns.length > 0) {
    const waiting: Turn<Action, State>[] = [];
    for (const [i, turn] of turns.entries()) {
      if (budget.shouldStop?.() === true) {
        const undecided = [...waiting, ...turns.slice(i)].map(({ part }) => part.key);
        return { kind: 'unknown', ranOut: 'time', keys: [...outgrown, ...undecided] };
      }
      const status = turn.search.advance(TURN_STEPS);
      bytesTaken -= turn.bytes;
      if (status === 'searching') {
        turn.bytes = turn.search.bytes;
        if (bytesTaken + turn.bytes > bytesMax) outgrown.push(turn.part.key);
        else {
          bytesTaken += turn.bytes;
          waiting.push(turn);
        }
        continue;
      }
      const reach = turn.search.reach();
      if (status === 'notLinearizable') {
        const part = {
          ...turn.part,
          reach: reachWithoutForesight(model, turn.part, reach, budget),
        };
        return { kind: 'notLinearizable', part };
      }
      judged.push({ ...turn.part, reach });
    }
    turns = waiting;
  }
  if (outgrown.length > 0) return { kind: 'unknown', ranOut: 'memory', keys: outgrown };
  return { kind: 'linearizable', parts: judged };
}

/**
 * Foresight gives up where failure is certain, which is before the failure shows. For the picture a
 * second search without it goes on to where an order truly ends, if that is found soon.
 */
function reachWithoutForesight<Action, State extends StateValue>(
  model: Model<Action, State>,
  { operations }: Part<Action>,
  reach: Reach<State>,
  budget: Budget,
): Reach<State> {
  const { foresight, ...blind } = model;
  if (foresight === undefined) return reach;
  const search = new Search(blind, operations);
  let status: SearchStatus = 'searching';
  for (let turn = 0; turn < PICTURE_TURNS && status === 'searching'; turn++) {
    if (budget.shouldStop?.() === true) break;
    status = search.advance(TURN_STEPS);
  }
  assert(status !== 'linearizable', 'foresight loses no linearization [C7]');
  const further = search.reach();
  const gain = further.reachedPosition - reach.reachedPosition;
  const isBetter = gain > 0 || (gain === 0 && further.order.length > reach.order.length);
  return isBetter ? further : reach;
}

/** By key; within a key by calls. */
function partition<Action>(operations: readonly Operation<Action>[]): Part<Action>[] {
  const byKey = Map.groupBy(operations, (operation) => operation.key);
  return Array.from(byKey, ([key, own]) => ({
    key,
    operations: own.toSorted((a, b) => a.callAt - b.callAt),
  }));
}

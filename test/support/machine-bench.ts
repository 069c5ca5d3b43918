// A machine by itself: its state in an ordered list, its events and its time as lists to look at.

import { compareBytes, equalBytes } from '../../src/base/bytes.ts';
import {
  type MachineEdition,
  type MachinePair,
  type MachineQuestion,
  type MachineState,
  NEVER_MS,
  newestEdition,
  type QueryAnswer,
  type QueryBudget,
  type ShardMachine,
} from '../../src/core/machine.ts';

/** A shard's state as simple as can be. */
export class PlainState implements MachineState {
  readonly pairs: { key: Uint8Array; value: Uint8Array }[] = [];
  readonly events: { topic: Uint8Array; event: Uint8Array }[] = [];
  wakeMs = NEVER_MS;
  /** Pairs that were read. */
  steps = 0;
  deletedPairsMax = 3;

  get(key: Uint8Array): Uint8Array | undefined {
    this.steps += 1;
    return this.pairs.find((pair) => equalBytes(pair.key, key))?.value;
  }

  *range(low: Uint8Array, high: Uint8Array | undefined): Iterable<MachinePair> {
    for (const pair of this.#within(low, high)) {
      this.steps += 1;
      yield pair;
    }
  }

  put(key: Uint8Array, value: Uint8Array): void {
    this.delete(key);
    this.pairs.push({ key: key.slice(), value: value.slice() });
    this.pairs.sort((a, b) => compareBytes(a.key, b.key));
  }

  delete(key: Uint8Array): void {
    const at = this.pairs.findIndex((pair) => equalBytes(pair.key, key));
    if (at >= 0) this.pairs.splice(at, 1);
  }

  deleteRange(low: Uint8Array, high: Uint8Array | undefined): Uint8Array | undefined {
    const all = this.#within(low, high);
    for (const { key } of all.slice(0, this.deletedPairsMax)) this.delete(key);
    return all[this.deletedPairsMax]?.key;
  }

  emit(topic: Uint8Array, event: Uint8Array): void {
    this.events.push({ topic: topic.slice(), event: event.slice() });
  }

  wakeAt(timeMs: number): void {
    this.wakeMs = timeMs;
  }

  #within(low: Uint8Array, high: Uint8Array | undefined): MachinePair[] {
    return this.pairs.filter(({ key }) => {
      return compareBytes(key, low) >= 0 && (high === undefined || compareBytes(key, high) < 0);
    });
  }
}

const BUDGET: QueryBudget = { stepsMax: 10_000, bytesMax: 1024 * 1024 };

/** A question as it comes first, to a machine whose state is that after `index`. */
function questionOf(
  machine: ShardMachine,
  body: Uint8Array,
  more: Partial<MachineQuestion> = {},
): MachineQuestion {
  const edition = newestEdition(machine);
  const first = { index: 0, timeMs: 0, edition, cursor: undefined, mayWait: false };
  return { ...first, budget: BUDGET, body, ...more };
}

/** Runs commands on a machine. */
export class MachineBench {
  readonly machine: ShardMachine;
  readonly state = new PlainState();
  edition: MachineEdition;
  index = 0;
  ordinal = 0;
  timeMs = 0;

  constructor(machine: ShardMachine) {
    this.machine = machine;
    this.edition = newestEdition(machine);
  }

  apply(body: Uint8Array): Uint8Array {
    this.#move(this.ordinal % 3 === 1);
    const { edition, index, ordinal, timeMs } = this;
    return this.machine.apply({ index, ordinal, timeMs, edition, body }, this.state);
  }

  /** Time passes; the machine is woken if it wanted to be. */
  pass(ms: number): void {
    this.timeMs += ms;
    if (this.state.wakeMs > this.timeMs) return;
    this.#move(false);
    this.state.wakeMs = NEVER_MS;
    const { edition, index, ordinal, timeMs } = this;
    this.machine.wake?.({ index, ordinal, timeMs, edition }, this.state);
  }

  /** [M18] To the next step: some commands stand at one index with the one before. */
  #move(isShared: boolean): void {
    this.ordinal += 1;
    if (!isShared) this.index += 1;
  }

  ask(body: Uint8Array, more: Partial<MachineQuestion> = {}): QueryAnswer {
    const { edition, index, timeMs } = this;
    return this.machine.query(
      questionOf(this.machine, body, { edition, index, timeMs, ...more }),
      this.state,
    );
  }
}

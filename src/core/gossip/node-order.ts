// The known nodes in id order, and beside them the digest that lists them all: encoded ids with
// gaps for three counters each. Writing a digest fills the gaps and copies; reading one compares
// the input with the next id expected here.

import type { NodeState } from './node-state.ts';

/** Heartbeat, last gc version, max version. */
export const COUNTERS_BYTES = 24;

export class NodeOrder {
  readonly states: readonly NodeState[];
  /** Slot by position. */
  readonly slots: Int32Array;
  readonly template: Uint8Array;
  readonly view: DataView;
  /** Where the entry of each position starts, and at the end the length of it all. */
  readonly starts: Int32Array;
  /** Position by slot. */
  readonly positions: Int32Array;

  constructor(states: readonly NodeState[], slotCapacity: number) {
    this.states = states;
    this.slots = new Int32Array(states.length);
    this.starts = new Int32Array(states.length + 1);
    this.positions = new Int32Array(slotCapacity);
    let length = 0;
    for (const [position, state] of states.entries()) {
      this.slots[position] = state.slot;
      this.positions[state.slot] = position;
      length += state.idBytes.length + COUNTERS_BYTES;
      this.starts[position + 1] = length;
    }
    this.template = new Uint8Array(length);
    this.view = new DataView(this.template.buffer);
    for (const [position, state] of states.entries()) {
      this.template.set(state.idBytes, this.starts[position]);
    }
  }

  get count(): number {
    return this.states.length;
  }
}

/** The ordered states with newcomers merged in, in order too. */
export function mergeByOrder(
  ordered: readonly NodeState[],
  newcomers: readonly NodeState[],
  compareSlots: (a: number, b: number) => number,
): NodeState[] {
  const added = newcomers.toSorted((a, b) => compareSlots(a.slot, b.slot));
  const merged: NodeState[] = [];
  let at = 0;
  for (const state of ordered) {
    for (; at < added.length; at++) {
      const newcomer = added[at] as NodeState;
      if (compareSlots(newcomer.slot, state.slot) > 0) break;
      merged.push(newcomer);
    }
    merged.push(state);
  }
  for (; at < added.length; at++) merged.push(added[at] as NodeState);
  return merged;
}

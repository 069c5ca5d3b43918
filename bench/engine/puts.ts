// The smallest machine that keeps something: a command is a key of sixteen bytes and its value, a
// question is a key. So the figures are those of the engine.

import type { MachineCommand, MachineState, ShardMachine } from '../../src/core/machine.ts';
import type { StoreView } from '../../src/engine/store/index.ts';

export const KEY_BYTES = 16;
const NOTHING = new Uint8Array(0);

export const puts: ShardMachine = {
  apply({ body }: MachineCommand, state: MachineState): Uint8Array {
    if (body.length >= KEY_BYTES) state.put(body.subarray(0, KEY_BYTES), body.subarray(KEY_BYTES));
    return NOTHING;
  },
  query(question: Uint8Array, view: StoreView): Uint8Array {
    return question.length === KEY_BYTES ? (view.get(question) ?? NOTHING) : NOTHING;
  },
};

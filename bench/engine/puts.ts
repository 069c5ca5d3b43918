// The smallest machine that keeps something: a command is a key of sixteen bytes and its value, a
// question is a key. So the figures are those of the engine.

import {
  answered,
  type MachineCommand,
  type MachineQuestion,
  type MachineState,
  type MachineView,
  PLAIN_EDITIONS,
  type QueryAnswer,
  type ShardMachine,
} from '../../src/core/machine.ts';

export const KEY_BYTES = 16;
const NOTHING = new Uint8Array(0);

export const puts: ShardMachine = {
  kind: 'bench-puts',
  editions: PLAIN_EDITIONS,
  apply({ body }: MachineCommand, state: MachineState): Uint8Array {
    if (body.length >= KEY_BYTES) state.put(body.subarray(0, KEY_BYTES), body.subarray(KEY_BYTES));
    return NOTHING;
  },
  query({ body }: MachineQuestion, view: MachineView): QueryAnswer {
    return answered(body.length === KEY_BYTES ? (view.get(body) ?? NOTHING) : NOTHING);
  },
};

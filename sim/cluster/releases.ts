// Machines of two releases: the one of the product, and a later one that can carry out one edition
// more. Under that edition every command leaves a trace in the state: two replicas that carry one
// out under different editions have different states.

import {
  firstEdition,
  type MachineCommand,
  type MachineState,
  newestEdition,
  type ShardMachine,
} from '../../src/core/machine.ts';

/** Behind all keys of the machine, so that its own queries do not see it. */
const TRACE_KEY = Uint8Array.of(0xff);

export function laterRelease(machine: ShardMachine): ShardMachine {
  const { limits, version } = newestEdition(machine);
  const more = Object.entries(limits).map(([name, value]) => [name, value + 1] as const);
  const next = { version: version + 1, limits: Object.fromEntries(more) };
  return {
    ...machine,
    editions: [...machine.editions, next],
    apply: (command: MachineCommand, state: MachineState) => {
      if (command.edition.version === next.version) count(state);
      return machine.apply(command, state);
    },
  };
}

/** The shard was raised to an edition that old members do not know. */
export function isRaised(machine: ShardMachine, { edition }: MachineCommand): boolean {
  return edition.version > firstEdition(machine).version;
}

function count(state: MachineState): void {
  const before = state.get(TRACE_KEY);
  const after = new Uint8Array(4);
  const counted = before === undefined ? 0 : new DataView(before.slice().buffer).getUint32(0);
  new DataView(after.buffer).setUint32(0, counted + 1);
  state.put(TRACE_KEY, after);
}

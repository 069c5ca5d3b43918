// The contract between a shard and the state machine it keeps: what is agreed on goes in by
// `apply`, in the same order on every replica, and must have the same effect on each.
//
// A machine is deterministic: no clock, no randomness, no I/O, nothing kept outside `state`. Time
// and chance enter as proposed values. The state is an ordered map that belongs to the shard;
// snapshots, sessions and atomicity are the business of whoever keeps it.

export interface MachineView {
  /** The value belongs to the state: it must not be changed. */
  get(key: Uint8Array): Uint8Array | undefined;
  /** `low <= key < high`, ascending. `high` undefined: to the end. Pulled before the next write. */
  range(low: Uint8Array, high: Uint8Array | undefined): Iterable<MachinePair>;
}

export interface MachinePair {
  readonly key: Uint8Array;
  readonly value: Uint8Array;
}

/** The part of the store that one shard's machine sees, with keys of its own. */
export interface MachineState extends MachineView {
  put(key: Uint8Array, value: Uint8Array): void;
  delete(key: Uint8Array): void;
}

/** A committed command and its place in the shard's log. */
export interface MachineCommand {
  readonly index: number;
  /** Proposed by the leader, never falls within a shard. */
  readonly timeMs: number;
  readonly body: Uint8Array;
}

/**
 * What the commands of a shard mean. A command that cannot be carried out has a result that says
 * so, alike on every replica; neither method throws, whatever the bytes.
 */
export interface ShardMachine {
  apply(command: MachineCommand, state: MachineState): Uint8Array;
  /** Answers a question about the state, and changes nothing. */
  query(question: Uint8Array, view: MachineView): Uint8Array;
}

// The contract between a replica and the state machine it keeps: what is agreed on goes in by
// `apply`, in the same order on every replica, and must have the same effect on each.
//
// A machine is deterministic: no clock, no randomness, no I/O of its own. Time and chance enter as
// proposed values. Commands are validated before they are proposed; a machine that meets a command
// it cannot carry out answers with a result that says so, on every replica alike, and never throws.

/** A committed command and its place in the log. */
export interface Command {
  readonly index: number;
  readonly payload: Uint8Array;
}

export interface Machine<Result> {
  /** The index of the last entry that had its effect. It only grows, also by a restore. */
  lastApplied(): number;

  /**
   * Carries out `commands` in order and answers one result each. Their indexes ascend from beyond
   * `lastApplied()`; those that are missing belong to entries without a command, such as the first
   * one of a term. Afterwards the machine stands at `upTo`, the last command's index or beyond.
   */
  apply(commands: readonly Command[], upTo: number): readonly Result[];

  /**
   * The whole state as it is now, in pieces. It stays that state however long the pieces are pulled
   * and whatever is applied meanwhile. Equal states give equal bytes.
   */
  snapshot(): Iterable<Uint8Array>;

  /** Takes in a snapshot of `index`, which lies beyond `lastApplied()`. */
  beginRestore(index: number): Restore;
}

/** A snapshot that arrives in pieces, cut anywhere. Nothing changes before `finish`. */
export interface Restore {
  write(piece: Uint8Array): void;
  /** Replaces the state. False, and nothing changed, if the pieces are not a whole snapshot. */
  finish(): boolean;
}

// The contract between a replica's core and its host. One core serves one replica of one shard; it
// is not reentrant and never blocks, sleeps, logs or throws on input. What it throws
// (AssertionError) is a bug on one of the two sides, and the replica must stop.
//
// The host calls `tick` at a steady pace, `step` for every message, `ready` when `hasReady` says
// so, and does what the Ready asks. After a pause of the process it ticks for the time it missed
// BEFORE it steps messages or serves reads: leases are counted in ticks.

import type { LogFetch } from './log-source.ts';
import type {
  CampaignOutcome,
  ConfChangeOutcome,
  ForgetOutcome,
  ProposeConfChangeOutcome,
  ProposeOutcome,
  ReadOutcome,
  StepOutcome,
  TransferOutcome,
} from './outcomes.ts';
import type { BasicStatus, Ready, Status } from './outputs.ts';
import type { ConfChange, Message, NodeId } from './types.ts';

export interface Raft {
  readonly id: NodeId;

  tick(): void;
  /** Takes a message of a peer or a response of a pseudo node. Keeps what the message holds. */
  step(message: Message): StepOutcome;

  /** All of `payloads` or none. Keeps them: the caller does not change them afterwards. */
  propose(payloads: readonly Uint8Array[]): ProposeOutcome;
  proposeConfChange(change: ConfChange): ProposeConfChangeOutcome;
  /** The host applies a committed change entry. Owed for each, in order, before `advance`. */
  applyConfChange(change: ConfChange): ConfChangeOutcome;

  campaign(): CampaignOutcome;
  transferLeader(to: NodeId): TransferOutcome;
  /** Lets go of a leader known to be dead, so that votes are not refused for its sake. */
  forgetLeader(): ForgetOutcome;

  /**
   * Asks for an index at which a read is linearizable: see ReadState and ReadDrop in Ready. With
   * `byRound` a lease is not enough.
   */
  readIndex(byRound?: boolean): ReadOutcome;

  /** A message to `peer` got lost. */
  reportUnreachable(peer: NodeId): void;
  /** The snapshot sent to `peer` arrived, or did not. Owed for every `snapshot` message. */
  reportSnapshot(peer: NodeId, ok: boolean): void;
  /** What `fetch` asked for can be read from the log now. Owed for every fetch. */
  logFetched(fetch: LogFetch): void;

  hasReady(): boolean;
  /** Takes the work collected so far. Idle, it answers an empty Ready. */
  ready(): Ready;
  /** The work of the last Ready is done. Only without `asyncStorageWrites`. */
  advance(): void;

  status(): Status;
  /** Without peers: cheap enough for thousands of replicas. */
  basicStatus(): BasicStatus;

  /**
   * Replaces the timeout drawn at random, until the role or the term changes. For tests, and for
   * hosts that have a reason not to campaign.
   */
  setElectionTimeout(ticks: number): void;
}

// One member of a cluster, whichever program runs it.

import type { ClusterView } from './view.ts';

export type Entries = readonly (readonly [key: string, value: string])[];

export interface Peer {
  /** See `idText`. */
  readonly id: string;
  readonly nodeId: string;
  readonly address: string;
  view(): Promise<ClusterView>;
  set(entries: Entries): Promise<void>;
  delete(keys: readonly string[]): Promise<void>;
  /** Stops the clock and the ears of the peer, as a partition or a suspended machine would. */
  freeze(): void;
  thaw(): void;
  /** Ends it without a farewell. */
  kill(): Promise<void>;
  /** What must not have happened during a check, in words: a panic, a refused datagram. */
  faults(): readonly string[];
}

export interface PeerOptions {
  readonly seeds?: readonly Peer[];
  readonly clusterId?: string;
  /** Of an earlier peer, to come back as the same node. */
  readonly address?: string;
  readonly generation?: bigint;
  readonly protocolVersion?: 0 | 1;
  readonly intervalMs?: number;
  readonly keyGraceMs?: number;
  readonly deadGraceMs?: number;
  /** The first guess of the heartbeat interval: how patient a detector is that has seen little. */
  readonly initialIntervalMs?: number;
}

export interface PeerSettings extends Required<PeerOptions> {
  readonly nodeId: string;
}

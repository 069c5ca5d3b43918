// Plain counters, read as they are. They only grow; whoever exports them takes differences.

import type { MessageType, RefusalReason } from './types.ts';

export interface MessageCounts {
  messages: number;
  bytes: number;
}

export interface GossipMetrics {
  readonly sent: Record<MessageType, MessageCounts>;
  readonly received: Record<MessageType, MessageCounts>;
  /** Datagrams dropped whole. */
  readonly refused: Record<RefusalReason, number>;
  /** Datagrams with bytes after the message; the bytes were ignored. */
  trailingBytes: number;
  /** Deltas of which only the beginning was unpacked, as the limit says. */
  deltasCut: number;
  /** Deltas asked for beyond those of the exchanges, while this node was behind. */
  pulls: number;
  /** Digest entries left out of own messages for lack of room. */
  digestEntriesCapped: number;
  /** Digest entries whose heartbeat no node can have reached; the heartbeat was ignored. */
  heartbeatsImplausible: number;
  /** Heartbeats out of reach of the known one, not believed before they grow there. */
  heartbeatsStray: number;
  /** Nodes heard of and not taken in: too many already, or an id beyond its limit. */
  nodesRefused: number;
  /** Entries stored from deltas and external resets. */
  keysApplied: number;
  /** Entries dropped: a key that would break other implementations. */
  keysRefused: number;
  /** Entries dropped because a table or the memory for all of them was full. */
  keysOverLimit: number;
  /** Node sections of deltas dropped because no node can have reached a version in them. */
  sectionsImplausible: number;
  /** Times that a peer had newer state of this node than it wrote itself, and it went beyond. */
  selfLifts: number;
  /** The own state came back from a time that nobody believes [G41]. */
  selfReturns: number;
  /** The same for its heartbeat. */
  selfHeartbeatLifts: number;
  /** Such claims that nobody can hold, because all refuse such versions. */
  selfClaimsRefused: number;
  /** States dropped because the node itself has another one. */
  statesForgotten: number;
  resets: number;
  /** Nodes seen alive for the first time. */
  arrivals: number;
  /** Live to dead, and dead to live again. */
  deaths: number;
  revivals: number;
  nodesPurged: number;
  keysPurged: number;
}

function messageCounts(): Record<MessageType, MessageCounts> {
  return {
    syn: { messages: 0, bytes: 0 },
    synAck: { messages: 0, bytes: 0 },
    ack: { messages: 0, bytes: 0 },
    badCluster: { messages: 0, bytes: 0 },
  };
}

export function createMetrics(): GossipMetrics {
  return {
    sent: messageCounts(),
    received: messageCounts(),
    refused: {
      tooShort: 0,
      badMagic: 0,
      badVersion: 0,
      badType: 0,
      truncated: 0,
      badText: 0,
      badAddress: 0,
      badBlock: 0,
      unpackedTooLarge: 0,
      badOperation: 0,
      badVersionOrder: 0,
      repeatedNode: 0,
    },
    trailingBytes: 0,
    deltasCut: 0,
    pulls: 0,
    digestEntriesCapped: 0,
    heartbeatsImplausible: 0,
    heartbeatsStray: 0,
    nodesRefused: 0,
    keysApplied: 0,
    keysRefused: 0,
    keysOverLimit: 0,
    sectionsImplausible: 0,
    selfLifts: 0,
    selfReturns: 0,
    selfHeartbeatLifts: 0,
    selfClaimsRefused: 0,
    statesForgotten: 0,
    resets: 0,
    arrivals: 0,
    deaths: 0,
    revivals: 0,
    nodesPurged: 0,
    keysPurged: 0,
  };
}

export function countMessage(counts: MessageCounts, bytes: number, messages = 1): void {
  counts.messages += messages;
  counts.bytes += bytes;
}

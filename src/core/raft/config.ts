// What a host decides when it makes a replica.

import { assert, implies } from '../../base/assert.ts';
import type { Random } from '../../base/capabilities.ts';
import type { RaftEvent } from './events.ts';
import type { LogSource } from './log-source.ts';
import { type EntryId, NO_NODE, type NodeId } from './types.ts';

export interface RaftConfig {
  readonly id: NodeId;
  readonly log: LogSource;
  readonly random: Random;
  /** A follower that hears nothing campaigns after [n, 2n-1] ticks. */
  readonly electionTicks: number;
  readonly heartbeatTicks: number;
  /** The machine's last applied index: entries up to here are not handed out again. Default 0. */
  readonly appliedIndex?: number;
  /** Bytes of entries in one append; the first entry always fits. Default Infinity. */
  readonly appendBytesMax?: number;
  /** Bytes of committed entries handed out and not yet applied. Default: `appendBytesMax`. */
  readonly applyBytesMax?: number;
  /** Bytes of payload proposed and not yet applied; more is refused. Default Infinity. */
  readonly uncommittedBytesMax?: number;
  /** Appends on the way to one peer. Default 256. */
  readonly inflightMessagesMax?: number;
  /** Their bytes of payload; the one that passes the limit still goes. Default Infinity. */
  readonly inflightBytesMax?: number;
  /** Reads that wait for a round or for the first commit of a term. Default 65536. */
  readonly pendingReadsMax?: number;
  /** Ask around before raising the term. Default true. */
  readonly preVote?: boolean;
  /** A leader without a quorum steps down; voters that hear a leader refuse votes. Default true. */
  readonly checkQuorum?: boolean;
  /** `lease` answers reads without a round while a lease holds; needs `checkQuorum`. */
  readonly reads?: 'safe' | 'lease';
  /** Ticks by which the lease is cut short for clocks that drift. Default electionTicks / 10. */
  readonly leaseMarginTicks?: number;
  /** True: storage work leaves as messages to the pseudo nodes. False: `advance()` ends a Ready. */
  readonly asyncStorageWrites?: boolean;
  /** Followers pass proposals on to the leader. Default true. */
  readonly forwardProposals?: boolean;
  /** Leaders refuse config changes that cannot be applied. Default true. */
  readonly validateConfChanges?: boolean;
  /** A leader that a config change removed becomes follower when it applies it. Default true. */
  readonly stepDownOnRemoval?: boolean;
  /**
   * Every advance of the commit index is told to all peers at once. False: a peer with appends
   * under way hears of it with the next one, or once it has answered them, which saves messages
   * of a busy group. Default true.
   */
  readonly eagerCommits?: boolean;
  /** With equal logs, a vote goes to a candidate of at least our priority. Default 0. */
  readonly priority?: number;
  /**
   * [R48] Where the log ended that this replica once had and gave up: it votes as if that log were
   * still there. Default 0/0: it has all that it ever had.
   */
  readonly voteFloor?: EntryId;
  /** Votes tell how far the log is committed, which frees stuck elections. Default true. */
  readonly commitInVotes?: boolean;
  /** Told at once about what happens inside. It must not call back into the core. */
  readonly onEvent?: (event: RaftEvent) => void;
}

/** The config with nothing left out. */
export type Settings = Required<Omit<RaftConfig, 'onEvent'>> & Pick<RaftConfig, 'onEvent'>;

/** Fills in the defaults. A config that contradicts itself is the host's bug. */
export function settle(config: RaftConfig): Settings {
  const appendBytesMax = config.appendBytesMax ?? Number.POSITIVE_INFINITY;
  const settings: Settings = {
    appliedIndex: 0,
    applyBytesMax: Math.max(appendBytesMax, 1),
    uncommittedBytesMax: Number.POSITIVE_INFINITY,
    inflightMessagesMax: 256,
    inflightBytesMax: Number.POSITIVE_INFINITY,
    pendingReadsMax: 65_536,
    preVote: true,
    checkQuorum: true,
    reads: 'safe',
    leaseMarginTicks: Math.ceil(config.electionTicks / 10),
    asyncStorageWrites: false,
    forwardProposals: true,
    validateConfChanges: true,
    stepDownOnRemoval: true,
    eagerCommits: true,
    priority: 0,
    voteFloor: { index: 0, term: 0 },
    commitInVotes: true,
    ...config,
    appendBytesMax,
  };
  assert(Number.isSafeInteger(config.id) && config.id > NO_NODE, 'a node id is 1 or more');
  assert(settings.heartbeatTicks >= 1, 'heartbeats are at least one tick apart');
  assert(
    settings.electionTicks > settings.heartbeatTicks,
    'followers wait for more than one heartbeat before they campaign',
  );
  assert(settings.applyBytesMax > 0, '[R25] some room to apply must be left');
  assert(
    settings.inflightBytesMax >= settings.appendBytesMax || appendBytesMax === Infinity,
    '[R31] one append of full size fits the window',
  );
  implies(settings.reads === 'lease', settings.checkQuorum, '[R53] leases rest on quorum checks');
  return settings;
}

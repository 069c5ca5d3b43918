// The settings of a member's replicas.

import { assert } from '../../base/assert.ts';
import { LIMITS } from '../../base/limits.ts';

export interface HostSettings {
  readonly tickMs: number;
  /** A follower that hears nothing campaigns after 1 to 2 times as many ticks. */
  readonly electionTicks: number;
  readonly heartbeatTicks: number;
  /** Shards tick in so many groups, one after the other, so that not all work comes at once. */
  readonly phases: number;
  /** Whether leaders may answer from a lease. */
  readonly leases: boolean;
  /** Whether idle shards hibernate. */
  readonly hibernation: boolean;
  readonly hibernateAfterTicks: number;
  /**
   * Hibernating shards take their leader's member for lost when it was silent for so long. Longer
   * than an election timeout: a busy moment of one member must not wake all shards of the others.
   */
  readonly lostTicks: number;
  /** Hibernating shards that are woken in one step when their leader's member is gone. */
  readonly wakesMax: number;
  readonly readTimeoutMs: number;
  /** How long a leader of the past keeps watching what became of its proposals. */
  readonly orphanTimeoutMs: number;
  /** A leader whose oldest append waits for longer hands over. */
  readonly slowDiskMs: number;
  /** Entries that stay behind the durable state for followers that are a little behind. */
  readonly trailingEntries: number;
  /** Or so many bytes of them, whichever is less. */
  readonly trailingBytes: number;
  /** The log is cut when so much more could go. */
  readonly purgeEntries: number;
  readonly purgeBytes: number;
  /** More segments than this, and the shards that keep the oldest one are made to let go. */
  readonly segmentsMax: number;
  /**
   * A larger command is refused. Members of one cluster agree about it: one that has a smaller log
   * would fall behind a leader that takes what does not fit there.
   */
  readonly commandBytesMax: number;
  /** [D21] What the sessions of all shards may take in memory here, but for moments. */
  readonly sessionBytesMax: number;
  readonly repairRetryMs: number;
  /** Old segments of the log are read again so often, to find rot while peers can still mend it. */
  readonly scrubEveryMs: number;
  /** Between two segments. */
  readonly scrubPauseMs: number;
}

export const DEFAULT_HOST_SETTINGS: HostSettings = {
  tickMs: 30,
  electionTicks: 10,
  heartbeatTicks: 2,
  phases: 3,
  leases: true,
  hibernation: true,
  hibernateAfterTicks: 20,
  lostTicks: 20,
  wakesMax: 64,
  readTimeoutMs: 2_000,
  orphanTimeoutMs: 5_000,
  slowDiskMs: 1_000,
  trailingEntries: 10_000,
  trailingBytes: 8 * 1024 * 1024,
  purgeEntries: 5_000,
  purgeBytes: LIMITS.wal.segmentBytes,
  segmentsMax: 8,
  commandBytesMax: LIMITS.replica.payloadBytesMax,
  sessionBytesMax: LIMITS.sessions.memberBytesMax,
  repairRetryMs: 250,
  scrubEveryMs: 3_600_000,
  scrubPauseMs: 1_000,
};

export function settle(changes: Partial<HostSettings>): HostSettings {
  const settings = { ...DEFAULT_HOST_SETTINGS, ...changes };
  assert(settings.tickMs > 0, 'time goes forward');
  assert(Number.isInteger(settings.phases) && settings.phases >= 1, 'there is one phase at least');
  assert(
    settings.hibernateAfterTicks >= settings.electionTicks,
    'hibernation comes after idleness',
  );
  assert(
    settings.lostTicks >= settings.electionTicks,
    'a leader that is lost has no lease any more',
  );
  return settings;
}

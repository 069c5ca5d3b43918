// Lets the log go: behind what the store holds for good, less some entries for peers that are a
// little behind. A shard that nobody writes to would keep an old segment for ever: when there are
// too many of them, those who keep the oldest one are made to let go.

import { assert } from '../../base/assert.ts';
import type { Clock } from '../../base/capabilities.ts';
import type { Store } from '../../engine/store/index.ts';
import type { ShardId, Wal } from '../../engine/wal/index.ts';
import type { ReplicaState } from '../state/index.ts';
import type { Registry } from './registry.ts';
import type { Replica } from './replica.ts';
import type { HostSettings } from './settings.ts';
import type { Supervisor } from './supervisor.ts';

/** About what a sync and the removal of a file take. */
const RECLAIM_MS = 20;
/** For peers that are catching up the log may have so many times as many segments. */
const NEEDED_SEGMENTS_FACTOR = 4;
const NO_DATA = new Uint8Array(0);

export interface CompactionParts {
  readonly wal: Pick<Wal, 'append' | 'hasRoom' | 'pins' | 'purge' | 'rewrite' | 'stats'>;
  readonly store: Pick<Store, 'flush'>;
  readonly clock: Pick<Clock, 'setTimer'>;
}

export class Compaction {
  readonly #parts: CompactionParts;
  readonly #settings: HostSettings;
  readonly #registry: Pick<Registry, 'get'>;
  readonly #supervisor: Pick<Supervisor, 'isClosed' | 'watch'>;
  /** A log was read: entries may have turned out to be lost. */
  readonly #onRead: (shard: ShardId) => void;
  /** Replicas whose state moved since they were last looked at. */
  readonly #moved = new Set<Replica>();
  #isForcing = false;

  constructor(
    parts: CompactionParts,
    settings: HostSettings,
    registry: Pick<Registry, 'get'>,
    supervisor: Pick<Supervisor, 'isClosed' | 'watch'>,
    onRead: (shard: ShardId) => void,
  ) {
    this.#parts = parts;
    this.#settings = settings;
    this.#registry = registry;
    this.#supervisor = supervisor;
    this.#onRead = onRead;
  }

  /** The states that may be ahead of what is durable of them. */
  *moved(): Iterable<ReplicaState> {
    for (const { data } of this.#moved) yield data;
  }

  noteApplied(replica: Replica): void {
    this.#moved.add(replica);
  }

  forget(replica: Replica): void {
    this.#moved.delete(replica);
  }

  /** From time to time. */
  step(): void {
    const { segmentsMax } = this.#settings;
    for (const replica of this.#moved) {
      const { index } = replica.data.applied();
      const isHeldBack = this.#maybeCut(replica);
      if (!isHeldBack && replica.data.durableApplied() >= index) this.#moved.delete(replica);
    }
    if (this.#parts.wal.stats().segments <= segmentsMax || this.#isForcing) return;
    this.#isForcing = true;
    const forcing = this.#force().finally(() => {
      this.#isForcing = false;
    });
    this.#supervisor.watch('compaction', forcing);
  }

  /** True if there will be more to cut although nothing moves. */
  #maybeCut(replica: Replica): boolean {
    const { purgeBytes, purgeEntries, trailingBytes, trailingEntries } = this.#settings;
    const { base, index } = replica.log.wal;
    const entryBytes = Math.max(1, index.payloadBytes / Math.max(1, index.count));
    const trailing = Math.min(trailingEntries, Math.floor(trailingBytes / entryBytes));
    const wanted = replica.data.durableApplied() - trailing;
    const to = Math.min(wanted, neededFrom(replica));
    const count = to - base.index;
    if (count >= purgeEntries || count * entryBytes >= purgeBytes) this.cut(replica, to);
    return to < wanted;
  }

  /** [H54] Cuts the log up to `index`, or as far as the durable state allows. */
  cut(replica: Replica, index: number): void {
    const { wal } = this.#parts;
    const { data, shard } = replica;
    const log = replica.log.wal;
    const durable = data.durableApplied();
    const to = Math.min(index, durable);
    if (to <= log.base.index) return;
    assert(durable <= log.lastIndex(), '[H50] the state never runs ahead of the log');
    assert(to <= log.lastIndex(), '[H54] a log is cut within itself');
    const term = log.term(durable);
    // The mark would say a config that is newer than its index: wait until both agree.
    if (typeof term !== 'number' || replica.log.configIndex > durable) return;
    const save = { index: durable, term, confState: data.confState(), data: NO_DATA };
    wal.append([{ shard, save }], noteNothing);
    wal.purge(shard, to);
  }

  /**
   * Makes room: each shard that keeps the oldest segment is cut to what is durable of its state, or
   * copied to the end. Again, until there are few enough or nobody can let go of any more.
   */
  async #force(): Promise<void> {
    const { clock, store, wal } = this.#parts;
    const { segmentsMax } = this.#settings;
    const neededMax = segmentsMax * NEEDED_SEGMENTS_FACTOR;
    for (let before = Number.POSITIVE_INFINITY; ; ) {
      const { segments } = wal.stats();
      if (segments <= segmentsMax || segments >= before || this.#supervisor.isClosed) break;
      before = segments;
      if (!(await store.flush())) break;
      for (const { shard, lastIndexInside } of wal.pins()) {
        if (this.#supervisor.isClosed) return;
        // Those that stopped as well: their logs keep segments like any other.
        const replica = this.#registry.get(shard);
        if (replica === undefined) {
          // [H94] Closed, or in no plan: nobody knows its state, and its log is kept as it is.
          await wal.rewrite(shard);
          continue;
        }
        const isNeeded = neededFrom(replica) < lastIndexInside;
        if (isNeeded && wal.hasRoom && segments <= neededMax) continue;
        this.cut(replica, lastIndexInside);
        if (replica.log.wal.base.index >= lastIndexInside) continue;
        await wal.rewrite(shard);
        this.#onRead(shard);
      }
      // Segments go in the background, once it is durable that nobody needs them.
      await new Promise<void>((resolve) => clock.setTimer(RECLAIM_MS, resolve));
    }
  }
}

/**
 * [H55] The last entry that no peer which is catching up needs any more. A is sent a state of 100
 * while clients write on. If the log were cut up to 200 meanwhile, A would need the next state as
 * soon as it has this one, and again, and never follow. Peers that are gone, or that need a state
 * in any case, keep nothing.
 */
function neededFrom({ core, isLeader, log }: Replica): number {
  let from = Number.POSITIVE_INFINITY;
  if (!isLeader) return from;
  const { id, peers } = core.status();
  for (const peer of peers) {
    if (peer.id === id || !peer.isRecentlyActive) continue;
    const has = Math.max(peer.match, peer.pendingSnapshot);
    if (has >= log.wal.base.index) from = Math.min(from, has);
  }
  return from;
}

/** The log itself says when it has failed. */
function noteNothing(): void {}

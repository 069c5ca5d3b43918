// The write-ahead log of a member: one for all its shards. SPEC.md has its rules, FORMAT.md its
// bytes. Everything but `append` is rare.

import { assert } from '../../base/assert.ts';
import { DiskError } from '../../base/capabilities.ts';
import { LIMITS } from '../../base/limits.ts';
import type { Entry, LogFetch } from '../../core/raft/index.ts';
import type { Done } from './batch.ts';
import { ChangeWriter } from './change-writer.ts';
import { Committer } from './committer.ts';
import { CacheBudget } from './entry-cache.ts';
import { EntryReader } from './entry-reader.ts';
import { FIRST_BATCH_OFFSET } from './format.ts';
import { type LogIdentity, newIdentity } from './identity.ts';
import { type LogEnd, recover } from './recovery.ts';
import { diskRefusal } from './refusal.ts';
import { Room } from './room.ts';
import { Scrubber } from './scrub.ts';
import { SegmentFiles } from './segment-files.ts';
import { ShardLog } from './shard-log.ts';
import type {
  FetchOutcome,
  Pin,
  RecoveryReport,
  RewriteOutcome,
  ScrubReport,
  ShardChange,
  ShardId,
  WalCapabilities,
  WalFailure,
  WalOptions,
  WalRefusal,
  WalStats,
} from './types.ts';
import { Upkeep } from './upkeep.ts';

const SHARD_MAX = 2 ** 32 - 1;
const NOTHING_READ: RecoveryReport = {
  segments: 0,
  bytes: 0,
  batches: 0,
  entries: 0,
  tornBytes: 0,
  holes: 0,
};

export interface WalOpened {
  readonly kind: 'opened';
  readonly wal: Wal;
  readonly report: RecoveryReport;
}

export class Wal {
  /** Of the data directory: peers tell a wiped member from the one they knew. */
  readonly incarnation: bigint;
  readonly #capabilities: WalCapabilities;
  readonly #options: WalOptions;
  readonly #files: SegmentFiles;
  readonly #shards: ShardTable;
  readonly #committer: Committer;
  readonly #writer: ChangeWriter;
  readonly #reader: EntryReader;
  readonly #upkeep: Upkeep;
  readonly #room: Room;
  readonly #scrubber: Scrubber;

  /** Reads the log of `options.directory`, or begins one. */
  static async open(
    capabilities: WalCapabilities,
    options: WalOptions,
  ): Promise<WalOpened | WalRefusal> {
    const { disk, random, log } = capabilities;
    const { directory, segmentBytes, onDamage } = options;
    const files = new SegmentFiles(disk, directory, segmentBytes);
    const shards = new ShardTable(options.cacheBytesMax);
    const recovered = await recover(files, shards, onDamage, segmentBytes);
    if (recovered.kind === 'refused') {
      // That it was refused says more than how its files were closed.
      await files.closeAll();
      log.error('log refused', { reason: recovered.reason, path: recovered.path });
      return recovered;
    }
    const isNew = recovered.kind === 'empty';
    const identity: LogIdentity = isNew ? newIdentity(random) : recovered;
    const end = isNew ? beforeFirst(recovered.prepared) : recovered.end;
    const wal = new Wal(capabilities, options, files, shards, identity, end);
    try {
      if (recovered.prepared !== undefined) await files.adoptPrepared(recovered.prepared);
      if (isNew) await wal.#committer.begin();
    } catch (error) {
      if (!(error instanceof DiskError)) throw error;
      await files.closeAll();
      return diskRefusal(error);
    }
    await wal.#room.watch();
    wal.#committer.start();
    const report = isNew ? NOTHING_READ : recovered.report;
    log.info('log opened', { ...report, directory });
    return { kind: 'opened', wal, report };
  }

  private constructor(
    capabilities: WalCapabilities,
    options: WalOptions,
    files: SegmentFiles,
    shards: ShardTable,
    identity: LogIdentity,
    end: LogEnd,
  ) {
    const { clock } = capabilities;
    this.incarnation = identity.incarnation;
    this.#capabilities = capabilities;
    this.#options = options;
    this.#files = files;
    this.#shards = shards;
    this.#room = new Room(capabilities, options.reserveBytes, options.roomCheckMs);
    this.#committer = new Committer(
      files,
      clock,
      identity,
      end,
      { ...options, retryMs: LIMITS.wal.writeRetryMs },
      {
        onFreed: () => this.#reclaim(),
        onRoom: (isFull) => this.#room.noteFull(isFull),
        onFailure: (failure) => this.#stop(failure),
      },
    );
    this.#writer = new ChangeWriter(this.#committer);
    this.#reader = new EntryReader(files, this.#committer, identity.salt);
    this.#scrubber = new Scrubber(files, this.#committer, shards.shards, clock);
    this.#upkeep = new Upkeep(
      files,
      this.#committer,
      this.#writer,
      this.#reader,
      shards.shards,
      Math.min(options.batchBytesMax, this.#committer.payloadBytesMax),
    );
  }

  // --- reading ----------------------------------------------------------------------------------

  /** The shards that the log knows, in ascending order. */
  shardIds(): readonly ShardId[] {
    return [...this.#shards.shards.keys()].toSorted((a, b) => a - b);
  }

  /** The log of a shard, empty if there was none. */
  shard(id: ShardId): ShardLog {
    assert(Number.isInteger(id) && id >= 0 && id <= SHARD_MAX, '[W1] a shard is a u32');
    return this.#shards.shardOf(id);
  }

  /**
   * Brings into memory what a core asks for. Tell the core with `logFetched` in the same turn in
   * which this resolves: later, other fetches may have pushed it out again.
   */
  fetch(shard: ShardId, want: Pick<LogFetch, 'low' | 'high' | 'bytesMax'>): Promise<FetchOutcome> {
    return this.#reader.fetch(this.shard(shard), want.low, want.high, want.bytesMax);
  }

  // --- writing ----------------------------------------------------------------------------------

  /**
   * Adds all of `changes` to the batch that gathers. They are visible at once and durable when
   * `done` says so. [W18] Calls of `done` come in the order of the appends.
   */
  append(changes: readonly ShardChange[], done: Done): void {
    if (this.#committer.failure === undefined) {
      for (const change of changes) this.#writer.write(this.shard(change.shard), change);
      this.#shards.budget.trim();
    }
    this.#committer.notify(done);
  }

  /** The largest payload that an entry may have. */
  get payloadBytesMax(): number {
    return this.#committer.payloadBytesMax;
  }

  /** [W15] False while the disk is nearly full: take no proposals, go on with the rest. */
  get hasRoom(): boolean {
    return this.#room.isAmple;
  }

  /** [W15] So little is free that entries of others had better wait. */
  get isCramped(): boolean {
    return this.#room.isCramped;
  }

  /** Entries up to `index`, which a snapshot covers, are not needed. False if they are gone. */
  purge(shard: ShardId, index: number): boolean {
    // The snapshot that covers it was not taken any more either.
    if (this.#committer.failure !== undefined) return false;
    const log = this.shard(shard);
    const term = log.term(index);
    if (index <= log.base.index || typeof term !== 'number') return false;
    assert(index <= log.snapshot().index, '[W10] only what a snapshot covers is purged');
    this.#writer.purge(log, { index, term });
    this.#committer.flush();
    return true;
  }

  /** The shard has left this member: nothing of it is kept. */
  forget(shard: ShardId): void {
    const log = this.#shards.shards.get(shard);
    if (log === undefined || this.#committer.failure !== undefined) return;
    this.#writer.forget(log);
    this.#shards.forget(shard);
    this.#committer.flush();
  }

  /** [W9] Gives back an entry that was lost here. False when the log has no such entry. */
  refill(shard: ShardId, entry: Entry): boolean {
    if (this.#committer.failure !== undefined) return false;
    const isTaken = this.#writer.refill(this.shard(shard), entry);
    if (isTaken) this.#committer.flush();
    return isTaken;
  }

  // --- upkeep -----------------------------------------------------------------------------------

  /** Who keeps the oldest segment from going; compact or rewrite these. */
  pins(): readonly Pin[] {
    return this.#upkeep.pins();
  }

  /** Copies the whole log of a shard to the end, so that old segments can go. */
  rewrite(shard: ShardId): Promise<RewriteOutcome> {
    return this.#upkeep.rewrite(this.shard(shard));
  }

  /**
   * Checks every segment that is not written any more, with a pause after each. One run at a time;
   * undefined when another one is on.
   */
  async scrub(pauseMs: number): Promise<ScrubReport | undefined> {
    const report = await this.#scrubber.run(pauseMs);
    if (report !== undefined && (report.lost > 0 || report.damage !== undefined)) {
      const { lost, damage } = report;
      this.#capabilities.log.error('log damaged', { lost, damage });
    }
    return report;
  }

  /** [W13] Number of the newest durable batch. */
  watermark(): number {
    return this.#committer.durableBatch;
  }

  stats(): WalStats {
    const { batches, bytesWritten, syncs } = this.#committer;
    let [entries, indexBytes] = [0, 0];
    for (const { index } of this.#shards.shards.values()) {
      entries += index.count;
      indexBytes += index.memoryBytes;
    }
    return {
      segments: this.#files.numbers.length,
      batches,
      entries,
      bytesWritten,
      syncs,
      fetches: this.#reader.fetches,
      cachedBytes: this.#shards.budget.bytes,
      indexBytes,
      bufferBytes: this.#committer.bufferBytes,
    };
  }

  /** Makes durable what was appended, then lets go of the files. */
  async close(): Promise<void> {
    this.#room.close();
    try {
      await this.#committer.close();
      await this.#upkeep.idle();
      await this.#scrubber.idle();
    } finally {
      // All that was promised is synced: nothing hangs on how a file is closed.
      for (const reason of await this.#files.closeAll()) {
        this.#capabilities.log.warn('log file not closed', { reason });
      }
    }
  }

  #reclaim(): void {
    this.#upkeep.reclaim((reason) => {
      if (this.#committer.failure !== undefined) return;
      this.#capabilities.log.warn('old segment not removed', { reason });
    });
  }

  #stop(failure: WalFailure): void {
    this.#room.close();
    this.#capabilities.log.error('log stopped', { reason: failure.reason });
    this.#options.onFailure(failure);
  }
}

class ShardTable {
  readonly shards = new Map<ShardId, ShardLog>();
  readonly budget: CacheBudget;

  constructor(cacheBytesMax: number) {
    this.budget = new CacheBudget(cacheBytesMax);
  }

  shardOf(shard: ShardId): ShardLog {
    let log = this.shards.get(shard);
    if (log === undefined) {
      log = new ShardLog(shard, this.budget);
      this.shards.set(shard, log);
    }
    return log;
  }

  forget(shard: ShardId): void {
    const log = this.shards.get(shard);
    if (log !== undefined) this.budget.leave(log.cache);
    this.shards.delete(shard);
  }
}

/** A new log ends before its first segment: the first batch makes that one. */
function beforeFirst(prepared: number | undefined): LogEnd {
  const segment = (prepared ?? 1) - 1;
  const offset = FIRST_BATCH_OFFSET;
  return { segment, offset, number: 0, chain: 0, isReusable: false, capacity: 0 };
}

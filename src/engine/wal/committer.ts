// Group commit: what all shards append while one batch is written and synced gathers in the next
// one. One write and one sync make a batch durable, in one call where the disk has it; they are the
// whole of a commit.

import { assert } from '../../base/assert.ts';
import { type Clock, DiskError, type DiskFile } from '../../base/capabilities.ts';
import type { Batch, Done } from './batch.ts';
import {
  BATCH_HEADER_BYTES,
  encodeSegmentHeader,
  FIRST_BATCH_OFFSET,
  MARK_BYTES,
  recordBytes,
} from './format.ts';
import { Gathering } from './gathering.ts';
import type { LogIdentity } from './identity.ts';
import { Mark } from './mark.ts';
import { NextSegment } from './next-segment.ts';
import type { LogEnd } from './recovery.ts';
import { isDiskFull, RoomWait } from './room-wait.ts';
import type { SegmentFiles } from './segment-files.ts';
import type { ShardId, WalFailure } from './types.ts';

export interface CommitterOptions {
  readonly segmentBytes: number;
  readonly batchBytesMax: number;
  readonly retryMs: number;
  readonly markDelayMs: number;
}

/** Whom the committer tells. */
export interface CommitListener {
  /** A batch that lets old segments go is durable. */
  onFreed(): void;
  /** The disk is full, or has room again. */
  onRoom(isFull: boolean): void;
  /** The log has stopped. Not called when it was closed. */
  onFailure(failure: WalFailure): void;
}

export class Committer {
  readonly #files: SegmentFiles;
  readonly #identity: LogIdentity;
  readonly #options: CommitterOptions;
  readonly #listener: CommitListener;
  readonly #wait: RoomWait;
  readonly #next: NextSegment;
  readonly #mark: Mark;
  readonly #gathering: Gathering;
  #inFlight: Batch | undefined;
  #running: Promise<void> | undefined;
  #closing: Promise<void> | undefined;
  #file: DiskFile | undefined;
  #failure: WalFailure | undefined;

  /** What is written: the segment in use, its size and end, the last batch and its checksum. */
  #segment: number;
  #capacity: number;
  #end: number;
  #number: number;
  #chain: number;

  batches = 0;
  bytesWritten = 0;
  syncs = 0;

  constructor(
    files: SegmentFiles,
    clock: Clock,
    identity: LogIdentity,
    end: LogEnd,
    options: CommitterOptions,
    listener: CommitListener,
  ) {
    this.#files = files;
    this.#identity = identity;
    this.#options = options;
    this.#listener = listener;
    this.#wait = new RoomWait(clock, options.retryMs, (isFull) => listener.onRoom(isFull));
    this.#next = new NextSegment(files, options.segmentBytes, this.#wait);
    // [W6] The process before this one may have died before it left a mark, and nothing may ever be
    // appended here again. What was read back is durable [W7].
    const { salt } = identity;
    this.#mark = new Mark(clock, salt, options.markDelayMs, end.isReusable, () => this.#onMark());
    this.#segment = end.segment;
    this.#capacity = end.capacity;
    this.#end = end.offset;
    this.#number = end.number;
    this.#chain = end.chain;
    const { segmentBytes, batchBytesMax } = options;
    this.#gathering = new Gathering(salt, segmentBytes, batchBytesMax, { ...end });
  }

  /**
   * Makes the first segment of a new log, so that its incarnation is durable before a peer hears
   * of it. Rejects when there is no room.
   */
  async begin(): Promise<void> {
    const first = this.#segment + 1;
    await this.#rotate(first);
    const { segmentBytes } = this.#options;
    const place = { segment: first, offset: this.#end, number: 0, capacity: segmentBytes };
    this.#gathering.moveTo(place);
  }

  /** The log is open: from here on things happen by themselves. */
  start(): void {
    this.#wait.begin();
    this.#mark.maybeArm();
  }

  /** [W13] Number of the last batch that is durable. Only grows. */
  get durableBatch(): number {
    return this.#number;
  }

  get segment(): number {
    return this.#segment;
  }

  get failure(): WalFailure | undefined {
    return this.#failure;
  }

  /** Memory of the batches that gather and wait, and of those kept for reuse. */
  get bufferBytes(): number {
    return this.#gathering.bufferBytes + (this.#inFlight?.bufferBytes ?? 0);
  }

  /** The largest payload that fits an empty segment. */
  get payloadBytesMax(): number {
    const around = FIRST_BATCH_OFFSET + BATCH_HEADER_BYTES + recordBytes(3) + MARK_BYTES;
    return this.#options.segmentBytes - around;
  }

  // --- gathering --------------------------------------------------------------------------------

  /** Makes room for `bytes` in one batch, and answers the batch. */
  batchFor(bytes: number): Batch {
    return this.#gathering.batchFor(bytes);
  }

  /** Encodes a record into the batch that gathers, and answers the batch: it knows the place. */
  add(
    type: number,
    entryKind: number,
    shard: ShardId,
    term: number,
    index: number,
    payload: Uint8Array,
  ): Batch {
    const batch = this.#gathering.batchFor(recordBytes(payload.length));
    batch.add(type, entryKind, shard, term, index, payload);
    return batch;
  }

  /** Calls `done` once all that was added so far is durable. */
  notify(done: Done): void {
    if (this.#failure !== undefined) {
      const failure = this.#failure;
      queueMicrotask(() => done(failure));
      return;
    }
    const last = this.#gathering.last ?? this.#inFlight;
    if (last === undefined) queueMicrotask(() => done('durable'));
    else last.waiters.push(done);
    this.flush();
  }

  /** Waits as `notify` does. False when the log has stopped. */
  barrier(): Promise<boolean> {
    return new Promise((resolve) => this.notify((outcome) => resolve(outcome === 'durable')));
  }

  /** True when what stands there can be read from the disk. */
  isWritten(segment: number, offset: number): boolean {
    return segment < this.#segment || (segment === this.#segment && offset < this.#end);
  }

  // --- committing -------------------------------------------------------------------------------

  /** Starts to write what gathered, unless that is going on. */
  flush(): void {
    if (this.#running !== undefined || this.#failure !== undefined) return;
    if (this.#gathering.last === undefined) return;
    // Other shards may append in this turn: the batch leaves at its end.
    this.#running = Promise.resolve().then(() => this.#run());
  }

  async #run(): Promise<void> {
    try {
      while (this.#failure === undefined) {
        const batch = this.#gathering.take();
        if (batch === undefined) break;
        await this.#commit(batch);
      }
    } catch (error) {
      this.#failBy(error);
    } finally {
      this.#running = undefined;
    }
    this.#mark.maybeArm();
  }

  /**
   * [W14] Whatever is awaited here, the log may have failed meanwhile: preparing the next segment
   * goes on beside it. Then this batch has its answer, and must not get another one.
   */
  async #commit(batch: Batch): Promise<void> {
    this.#inFlight = batch;
    if (batch.segment !== this.#segment) await this.#rotate(batch.segment);
    if (this.#failure !== undefined) return;
    assert(batch.offset === this.#end, '[W4] a batch begins where the one before it ended');
    assert(batch.number === this.#number + 1, '[W4] batches are numbered without holes');
    const chain = batch.seal(this.#chain);
    const file = await this.#current();
    await this.#write(file, batch.offset, batch.sealed());
    if (this.#failure !== undefined) return;
    await this.#sync(file);
    if (this.#failure !== undefined) return;
    this.#chain = chain;
    this.#end = batch.offset + batch.length;
    this.#number = batch.number;
    this.#mark.noteBatch();
    this.batches += 1;
    this.#inFlight = undefined;
    // A waiter may append at once: then this object is the next batch.
    const { waiters, frees } = batch;
    this.#gathering.giveBack(batch);
    for (const done of waiters) done('durable');
    if (frees) this.#listener.onFreed();
    if (this.#closing !== undefined) return;
    this.#next.maybePrepare(this.#segment + 1, this.#end, this.#onUnprepared);
  }

  /**
   * Writes, durably where the disk can.
   *
   * [W14] A disk that is full may be tried again, although perhaps it was the sync within the write
   * that failed: the next attempt writes all bytes once more that are not durable. A mark is among
   * them, for the batch is written over it.
   */
  async #write(file: DiskFile, offset: number, bytes: Uint8Array): Promise<void> {
    for (;;) {
      try {
        if (file.writeDurably === undefined) await file.write(offset, bytes);
        else await file.writeDurably(offset, bytes);
        this.bytesWritten += bytes.length;
        this.#wait.noteWritten('batch');
        return;
      } catch (error) {
        await this.#wait.afterRefusal('batch', error);
      }
    }
  }

  /**
   * Makes durable what `#write` wrote, if it is not yet.
   *
   * [W14] A failed sync is final. The system takes the pages for clean although the disk never had
   * them, so a second sync would succeed and mean nothing.
   */
  async #sync(file: DiskFile): Promise<void> {
    if (file.writeDurably !== undefined) return;
    await file.sync();
    this.syncs += 1;
  }

  async #current(): Promise<DiskFile> {
    this.#file ??= await this.#files.file(this.#segment);
    return this.#file;
  }

  /** [W3] The header of a segment is durable before its first batch is written. */
  async #rotate(number: number): Promise<void> {
    await this.#next.prepared(number);
    const file = this.#files.takePrepared(number);
    const header = encodeSegmentHeader({
      number,
      incarnation: this.#identity.incarnation,
      salt: this.#identity.salt,
      previousBatch: this.#number,
      previousChain: this.#chain,
      previousEnd: this.#end,
    });
    await this.#write(file, 0, header);
    await this.#sync(file);
    this.#file = file;
    this.#segment = number;
    this.#capacity = this.#options.segmentBytes;
    this.#end = FIRST_BATCH_OFFSET;
  }

  /** What is on its way fits the segment in use, so that a log that closes needs no other one. */
  readonly #onUnprepared = (error: unknown): void => {
    if (this.#closing === undefined || !isDiskFull(error)) this.#failBy(error);
  };

  // --- marks ------------------------------------------------------------------------------------

  #onMark(): void {
    // Whoever runs arms the mark again.
    if (this.#running !== undefined || this.#failure !== undefined) return;
    this.#running = this.#runMark();
  }

  async #runMark(): Promise<void> {
    try {
      await this.#writeMark();
    } catch (error) {
      this.#failBy(error);
    } finally {
      this.#running = undefined;
    }
    this.flush();
  }

  async #writeMark(): Promise<void> {
    const end = { offset: this.#end, number: this.#number, chain: this.#chain };
    await this.#mark.write(await this.#current(), end, this.#capacity);
  }

  // --- ending -----------------------------------------------------------------------------------

  /** Waits for what is on its way, and leaves a mark that is durable. */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    this.#mark.disarm();
    this.#wait.end();
    while (this.#running !== undefined) await this.#running;
    await this.#next.idle();
    if (this.#failure?.kind === 'failed') return;
    this.#failure = { kind: 'closed', reason: 'the log is closed' };
    try {
      await this.#writeMark();
      // The one that the timer wrote was never synced either.
      if (this.#mark.isWritten) await (await this.#current()).sync();
    } catch (error) {
      if (!(error instanceof DiskError)) throw error;
      // Nobody waits any more, and what they were told holds. That the disk is sick has to be said.
      this.#failure = { kind: 'failed', reason: error.message };
      this.#listener.onFailure(this.#failure);
    }
  }

  /** [W14] Closing ends the wait for room. Nothing has failed then, and nothing more is written. */
  #failBy(error: unknown): void {
    if (!(error instanceof DiskError)) throw error;
    const kind = this.#closing !== undefined && isDiskFull(error) ? 'closed' : 'failed';
    this.#fail({ kind, reason: error.message });
  }

  #fail(failure: WalFailure): void {
    if (this.#failure !== undefined) return;
    this.#failure = failure;
    this.#mark.disarm();
    this.#wait.end();
    const unanswered = this.#inFlight === undefined ? [] : [this.#inFlight];
    const batches = [...unanswered, ...this.#gathering.takeAll()];
    const waiters = batches.flatMap((batch) => batch.waiters);
    if (failure.kind === 'failed') this.#listener.onFailure(failure);
    for (const done of waiters) done(failure);
  }
}
